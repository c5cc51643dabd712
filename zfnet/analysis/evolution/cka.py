"""How alike two representations of the same images are: linear CKA, from one Gram matrix of each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Gram = NDArray[np.float32]


def centred_gram(features: Tensor) -> Gram:
    """The inner products (n, n) of n rows of features (n, p), each feature's mean over the rows taken away.

    All that linear CKA needs: p may be any number, and two Grams of the same rows compare layers of different p.
    """
    centred = features - features.mean(0)
    return (centred @ centred.T).cpu().numpy().astype(np.float32)  # (n, p) @ (p, n): (n, n)


def linear_cka(one: Gram, two: Gram, *, debiased: bool = False) -> float:
    """Linear CKA of two centred Gram matrices (n, n) of the same rows: 1 for the same up to rotation and scale.

    <K, L> / (|K| |L|), Kornblith et al. 2019. Where there are many more features than rows, each row is most like
    itself whatever the features are, and even unrelated representations come near 1. debiased: with the unbiased
    estimate of HSIC (Song et al. 2012; Nguyen et al. 2021), which leaves the diagonals out: unrelated ones come near 0,
    sometimes below. nan where the rows of either do not differ.
    Raises ValueError for Grams of different sizes, and fewer than 4 rows to be debiased.
    """
    if one.shape != two.shape or (debiased and len(one) < 4):
        raise ValueError(f"Gram matrices of {one.shape} and {two.shape}, expected the same rows, 4 or more to debias")
    a, b = (_without_diagonal(gram) if debiased else gram.astype(np.float64) for gram in (one, two))
    norms = np.linalg.norm(a) * np.linalg.norm(b)
    return float((a * b).sum() / norms) if norms > 0 else float("nan")


def _without_diagonal(gram: Gram) -> NDArray[np.float64]:
    """The matrix whose inner products are n (n - 3) times the unbiased HSIC: zero diagonal, rows that sum to zero."""
    rest = gram.astype(np.float64)
    np.fill_diagonal(rest, 0)
    count = len(rest)
    rows = rest.sum(0) / (count - 2)  # (n,)
    rest += rest.sum() / ((count - 1) * (count - 2)) - rows[:, None] - rows
    np.fill_diagonal(rest, 0)
    return rest


def settling_epoch(epochs: Sequence[int], similarity: Sequence[float], threshold: float) -> int:
    """The first of the recorded epochs from which on the similarity to the last one stays at the threshold or above."""
    settled = epochs[-1]
    for epoch, value in zip(reversed(epochs), reversed(similarity), strict=True):
        if not value >= threshold and epoch != epochs[-1]:
            break
        settled = epoch
    return settled
