"""Pixels filled in from their neighbours: ROAD's noisy linear imputation. Rong et al. 2022, arXiv:2202.00449.

A pixel that is merely painted grey leaves an edge, by which a network may tell that something was there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix
from scipy.sparse.linalg import spsolve

NOISE = 0.01  # deviation of what is added, as the authors have it for images of unit variance
NEIGHBOURS = tuple(
    ((row, column), 1 / 6 if 0 in (row, column) else 1 / 12)
    for row in (-1, 0, 1) for column in (-1, 0, 1) if (row, column) != (0, 0)
)  # fmt: skip


def impute(
    image: NDArray[np.floating], removed: NDArray[np.bool_], *, generator: np.random.Generator, noise: float = NOISE
) -> NDArray[np.float64]:
    """An image (C, H, W) whose removed pixels (H, W) are each the weighted mean of their eight neighbours.

    Neighbours at the sides weigh 1/6, at the corners 1/12; all removed pixels are solved for together. noise: the
    deviation of the normal noise that is added to them. Where every pixel is removed, the mean of the image stands.
    """
    filled = np.array(image, np.float64)
    if removed.all():
        filled[:] = filled.mean((1, 2), keepdims=True)
    elif removed.any():
        filled[:, removed] = _solved(filled, removed)
    filled[:, removed] += noise * generator.standard_normal((len(filled), int(removed.sum())))
    return filled


def _solved(image: NDArray[np.float64], removed: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The removed pixels (C, P): those of the linear system "each is the mean of what is around it"."""
    height, width = removed.shape
    rows, columns = removed.nonzero()
    numbers = np.full(removed.shape, -1)
    numbers[rows, columns] = np.arange(len(rows))
    known, weights = np.zeros((len(rows), len(image))), np.zeros(len(rows))
    entries: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]] = []
    for (down, right), weight in NEIGHBOURS:
        row, column = rows + down, columns + right
        there = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        weights[there] += weight
        at = there.nonzero()[0]
        other = numbers[row[at], column[at]]
        unknown = other >= 0
        entries.append((at[unknown], other[unknown], np.full(int(unknown.sum()), -weight)))
        known[at[~unknown]] += weight * image[:, row[at[~unknown]], column[at[~unknown]]].T
    own = np.arange(len(rows))
    entries.append((own, own, weights))
    first, second, values = (np.concatenate(part) for part in zip(*entries, strict=True))
    system = csc_matrix((values, (first, second)), shape=(len(rows), len(rows)))
    solved: NDArray[np.float64] = spsolve(system, known).reshape(len(rows), len(image)).T
    return solved
