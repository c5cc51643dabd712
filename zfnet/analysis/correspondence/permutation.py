"""A permutation test for the mean distance of a set with one member from each of several blocks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ARRANGEMENTS = 9_999
LEAST_BLOCKS = 5  # as many images as the paper's Table 1 has
AT_ONCE = 2**22


def chance_of_less(
    counts: NDArray[np.int64], generator: np.random.Generator, arrangements: int = ARRANGEMENTS
) -> float:
    """The p-value of the first members lying closer together than members taken at random do.

    counts (N, K, N, K): the distance between member k of block i and member l of block j, in whole numbers. If the
    first member of a block is like the others, any choice of one member a block is as probable as the first ones;
    p is the share of choices whose distances, summed over the pairs of blocks, are no larger. All K^N choices are
    gone through where they are no more than `arrangements`; otherwise so many are drawn, the first ones counted in
    (Phipson & Smyth 2010). nan for fewer than LEAST_BLOCKS blocks or where there is nothing to choose from.
    """
    blocks, members = counts.shape[:2]
    if blocks < LEAST_BLOCKS or members < 2:
        return float("nan")
    observed = _sums(counts, np.zeros((1, blocks), np.int64))[0]
    if members**blocks <= arrangements:
        every = np.stack(np.unravel_index(np.arange(members**blocks), (members,) * blocks), axis=1)  # (K^N, N)
        return float((_sums(counts, every) <= observed).mean())
    drawn = generator.integers(members, size=(arrangements, blocks))
    return float(((_sums(counts, drawn) <= observed).sum() + 1) / (arrangements + 1))


def _sums(counts: NDArray[np.int64], chosen: NDArray[np.int64]) -> NDArray[np.int64]:
    """The distances within each set (S, N) of members, one a block, summed over the pairs of blocks: (S,)."""
    first, second = np.triu_indices(counts.shape[0], 1)
    parts = np.array_split(chosen, range(step := max(1, AT_ONCE // len(first)), len(chosen), step))
    return np.concatenate([counts[first, part[:, first], second, part[:, second]].sum(1) for part in parts])
