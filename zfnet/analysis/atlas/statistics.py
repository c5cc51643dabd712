"""What the peaks of maps over labelled images say: how often they answer, to which classes, how well they tell one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 32
BEST = 5  # classes kept of each map
SHARES = 4  # classes kept among its strongest images
LEAST_OF_A_CLASS = 5  # images, without which a class is not judged: of one image the best map is no finding


@dataclass(frozen=True, kw_only=True)
class MapStatistics:
    """M maps over N images.

    answered (M,): the share of images on which the map is above 0 anywhere. histogram (M, BINS) counts of its peaks
    between low and high (M,). best, precision (M, T): classes it is the best detector of, and its average precision.
    selectivity, favourite (M,): (a - b) / (a + b), a the mean rectified peak over the class with the largest such mean,
    b that of all other images (Morcos et al. 2018, with peaks for means over places); nan without classes.
    strongest: how many images count as a map's strongest; share_class, share (M, S): the most frequent classes among
    them; -1 and 0 where there are fewer.
    """

    answered: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    histogram: NDArray[np.int64]
    selectivity: NDArray[np.float64]
    favourite: NDArray[np.int64]
    best: NDArray[np.int64]
    precision: NDArray[np.float64]
    strongest: int
    share_class: NDArray[np.int64]
    share: NDArray[np.float64]


def map_statistics(peaks: NDArray[np.floating], labels: NDArray[np.int64], classes: int) -> MapStatistics:
    """Of peaks (N, M) on images of labels (N,) below `classes`; others are of no class. Rows of nan were not seen."""
    seen = ~np.isnan(peaks).any(axis=1)
    peaks, labels = np.asarray(peaks[seen], np.float64), labels[seen]
    count, maps = peaks.shape
    of_class = np.bincount(labels[(labels >= 0) & (labels < classes)], minlength=classes)
    judged = of_class >= LEAST_OF_A_CLASS
    strongest = min(count, max(9, min(100, count // 20)))
    selectivity, favourite = _selectivity(np.maximum(peaks, 0), labels, of_class, judged)
    best, precision = np.full((maps, BEST), -1), np.zeros((maps, BEST))
    share_class, share = np.full((maps, SHARES), -1), np.zeros((maps, SHARES))
    histogram, low, high = np.zeros((maps, BINS), np.int64), peaks.min(0), peaks.max(0)
    for one in range(maps):
        histogram[one], _ = np.histogram(peaks[:, one], BINS, (low[one], max(high[one], low[one] + 1e-12)))
        if judged.any():
            found = np.where(judged, average_precisions(peaks[:, one], labels, classes), -1)
            first = np.argsort(-found, kind="stable")[: min(BEST, int(judged.sum()))]
            best[one, : len(first)], precision[one, : len(first)] = first, found[first]
        top = labels[np.argsort(-peaks[:, one], kind="stable")[:strongest]]
        counts = np.bincount(top[(top >= 0) & (top < classes)], minlength=max(classes, 1))
        common = np.argsort(-counts, kind="stable")[:SHARES]
        common = common[counts[common] > 0]
        share_class[one, : len(common)], share[one, : len(common)] = common, counts[common] / strongest
    return MapStatistics(
        answered=(peaks > 0).mean(0), low=low, high=high, histogram=histogram, selectivity=selectivity,
        favourite=favourite, best=best, precision=precision, strongest=strongest, share_class=share_class, share=share,
    )  # fmt: skip


def average_precisions(scores: NDArray[np.floating], labels: NDArray[np.int64], classes: int) -> NDArray[np.float64]:
    """The average precision (C,) of scores (N,) as a detector of each class; nan of a class without images.

    As scikit-learn has it: the mean, over the images of the class, of the precision among all images with that score
    or a larger one, so that equal scores count as one step.
    """
    order = np.argsort(-scores, kind="stable")
    ranked, own = scores[order], labels[order]
    count = len(ranked)
    last = np.append(np.flatnonzero(np.diff(ranked) != 0), count - 1)  # the end of each run of equal scores
    end = last[np.searchsorted(last, np.arange(count))]  # (N,)
    keys = np.sort(own * count + np.arange(count))  # images by class, then by rank
    start = np.searchsorted(keys, own * count)
    found = np.searchsorted(keys, own * count + end, "right") - start  # of its class up to the end of its run
    known = (own >= 0) & (own < classes)
    sums = np.bincount(own[known], (found / (end + 1))[known], minlength=classes)
    sizes = np.bincount(own[known], minlength=classes)
    return np.divide(sums, sizes, out=np.full(classes, np.nan), where=sizes > 0)


def _selectivity(
    rectified: NDArray[np.float64], labels: NDArray[np.int64], of_class: NDArray[np.int64], judged: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    maps, sums = rectified.shape[1], np.zeros((len(of_class), rectified.shape[1]))
    known = (labels >= 0) & (labels < len(of_class))
    np.add.at(sums, labels[known], rectified[known])
    if not judged.any() or known.sum() == of_class[judged].max(initial=0):
        return np.full(maps, np.nan), np.full(maps, -1)
    means = np.where(judged[:, None], sums / np.maximum(of_class, 1)[:, None], -1)  # (C, M)
    favourite = means.argmax(0)
    own = means[favourite, np.arange(maps)]
    rest = (sums.sum(0) - sums[favourite, np.arange(maps)]) / (known.sum() - of_class[favourite])
    return np.divide(own - rest, own + rest, out=np.zeros(maps), where=own + rest > 0), favourite
