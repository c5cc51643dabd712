"""Which maps answer alike: correlations of their peaks over the same images, an order by them, pairs of networks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ROWS = 2048  # images at once
NEIGHBOURS = 8
OPTIMAL = 600  # maps, up to which neighbouring branches of the tree are turned towards each other (cubic time)


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """M maps. order (M,): their numbers as the leaves of a hierarchical clustering, alike beside alike.

    neighbour (M, n) the most alike, the most alike first, and correlation (M, n); -1 and 0 where there are fewer.
    """

    order: NDArray[np.int64]
    neighbour: NDArray[np.int64]
    correlation: NDArray[np.float64]


def map_likeness(peaks: NDArray[np.floating]) -> Likeness:
    """Of peaks (N, M): average linkage of 1 - r, r Pearson's correlation over the images; constant maps have none."""
    from scipy.cluster.hierarchy import leaves_list, linkage

    alike = correlations(peaks, peaks)  # (M, M)
    maps = len(alike)
    order = np.arange(maps)
    if maps > 2:
        distances = np.concatenate([np.clip(1 - alike[one, one + 1 :], 0, 2) for one in range(maps)])  # i < j
        order = leaves_list(linkage(distances, "average", optimal_ordering=maps <= OPTIMAL)).astype(np.int64)
    np.fill_diagonal(alike, -np.inf)
    count = min(NEIGHBOURS, maps - 1)
    nearest = np.empty((maps, count), np.int64)
    for first in range(0, maps, ROWS):
        own = slice(first, first + ROWS)
        nearest[own] = np.argsort(-alike[own], axis=1, kind="stable")[:, :count]
    neighbour, correlation = np.full((maps, NEIGHBOURS), -1), np.zeros((maps, NEIGHBOURS))
    values = np.take_along_axis(alike, nearest, 1)
    neighbour[:, :count], correlation[:, :count] = np.where(values > 0, nearest, -1), np.maximum(values, 0)
    return Likeness(order=order, neighbour=neighbour, correlation=correlation)


def correlations(first: NDArray[np.floating], second: NDArray[np.floating]) -> NDArray[np.float64]:
    """Pearson's r (M, L) of each map of peaks (N, M) with each of peaks (N, L), over the images that both have seen.

    0 for maps that are the same on every image. Memory holds ROWS images and the result.
    """
    if len(first) != len(second):
        raise ValueError(f"peaks over {len(first)} and {len(second)} images: expected the same images")
    sums = [np.zeros(peaks.shape[1]) for peaks in (first, second)]
    count = 0
    for left, right in _rows(first, second):
        count += len(left)
        sums = [total + part.sum(0) for total, part in zip(sums, (left, right), strict=True)]
    means = [total / max(count, 1) for total in sums]
    product = np.zeros((first.shape[1], second.shape[1]))
    squares = [np.zeros_like(total) for total in sums]
    for left, right in _rows(first, second):
        left, right = left - means[0], right - means[1]
        product += left.T @ right
        squares = [total + (part**2).sum(0) for total, part in zip(squares, (left, right), strict=True)]
    for row, square in zip(product, squares[0], strict=True):
        scale = np.sqrt(square * squares[1])
        row[:] = np.divide(row, scale, out=np.zeros_like(row), where=scale > 1e-12)
    return product


def match(first: NDArray[np.floating], second: NDArray[np.floating]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """For each map of peaks (N, M) its partner (M,) among those of (N, L), and their correlation (M,).

    One to one, the sum of correlations as large as it can be; -1 and 0 for those that are left over where M > L.
    """
    from scipy.optimize import linear_sum_assignment

    alike = correlations(first, second)
    rows, columns = linear_sum_assignment(-alike)
    partner, correlation = np.full(len(alike), -1), np.zeros(len(alike))
    partner[rows], correlation[rows] = columns, alike[rows, columns]
    return partner, correlation


def _rows(
    first: NDArray[np.floating], second: NDArray[np.floating]
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    for start in range(0, len(first), ROWS):
        left = np.asarray(first[start : start + ROWS], np.float64)
        right = left if second is first else np.asarray(second[start : start + ROWS], np.float64)
        seen = ~(np.isnan(left).any(1) | np.isnan(right).any(1))
        yield left[seen], right[seen]


def own_correlations(first: NDArray[np.floating], second: NDArray[np.floating]) -> NDArray[np.float64]:
    """Pearson's r (M,) of each map of peaks (N, M) with that of the same number in others (N, M); 0 for constants."""
    sums = np.zeros((5, first.shape[1]))
    count = 0
    for left, right in _rows(first, second):
        count += len(left)
        sums += np.stack([left.sum(0), right.sum(0), (left**2).sum(0), (right**2).sum(0), (left * right).sum(0)])
    a, b, aa, bb, ab = sums / max(count, 1)
    scale = np.sqrt(np.maximum(aa - a**2, 0) * np.maximum(bb - b**2, 0))
    return np.divide(ab - a * b, scale, out=np.zeros_like(a), where=scale > 1e-12)
