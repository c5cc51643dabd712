"""Sentences 2 to 4: what first-layer filters are made of, how many are dead, whether a few dominate."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from zfnet.analysis import band_shares
from zfnet.analysis.claims.effect import Effect, difference_effect

MIDDLE = 1
Filters = NDArray[np.floating]


def middle_frequencies(filters: Filters) -> NDArray[np.float64]:
    """Each filter's (N, 3, h, w) share of energy in the middle third of frequencies: (N,), nan for one of zeros."""
    return np.array([band_shares(one[None])[MIDDLE] for one in filters])


def frequency_effect(zfnet: Filters, alexnet: Filters, floors: Mapping[str, float] | None = None) -> Effect:
    """Sentence 2, of the first layers of both."""
    own, other = middle_frequencies(zfnet), middle_frequencies(alexnet)
    parts = {"ZFNet": float(np.nanmean(own)), "AlexNet": float(np.nanmean(other))}
    return difference_effect("middle frequencies", own, other, over="filters", floors=floors or {}, parts=parts)


def dead_effect(
    zfnet: NDArray[np.bool_], alexnet: NDArray[np.bool_], floors: Mapping[str, float] | None = None
) -> Effect:
    """Sentence 3, of which filters answer nowhere: (N,) and (M,)."""
    parts = {"ZFNet": float(zfnet.mean()), "AlexNet": float(alexnet.mean())}
    return difference_effect("dead filters", alexnet, zfnet, over="filters", floors=floors or {}, parts=parts)


def share_of_largest(filters: Filters, part: float = 0.1) -> float:
    """How much of all filters' (N, ...) energy the largest tenth of them holds; 0.1 where all are as large."""
    energy = np.sort((filters.reshape(len(filters), -1).astype(np.float64) ** 2).sum(1))[::-1]
    total = energy.sum()
    return float(energy[: max(1, round(part * len(energy)))].sum() / total) if total > 0 else float("nan")


def dominance_effect(
    unlimited: Filters, limited: Filters, *, draws: int = 2000, seed: int = 0, floors: Mapping[str, float] | None = None
) -> Effect:
    """Sentence 4: the energy in the largest tenth, without the limit less with it; filters of each drawn by themselves.

    The share and not the largest over the median: the largest of all is no mean, and a bootstrap of it would not widen
    as it should.
    """
    generator = np.random.default_rng(seed)
    one, other = share_of_largest(unlimited), share_of_largest(limited)
    drawn = [
        share_of_largest(unlimited[generator.integers(len(unlimited), size=len(unlimited))])
        - share_of_largest(limited[generator.integers(len(limited), size=len(limited))])
        for _ in range(draws)
    ]
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return Effect(
        name="largest tenth", value=one - other, low=float(low), high=float(high), over="filters",
        count=len(unlimited) + len(limited), floors=floors or {}, parts={"without": one, "with the limit": other},
    )  # fmt: skip
