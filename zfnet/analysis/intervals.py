"""How far a mean over images, a share of them or a mean over folds may be off: 95 % intervals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, bootstrap, ttest_1samp

Floats = NDArray[np.float64]


def mean_interval(
    sums: NDArray[Any], counts: NDArray[Any] | None = None, *, level: float = 0.95, draws: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """The percentile bootstrap interval of a mean of values that come in images. Efron 1979, 10.1214/aos/1176344552.

    Images are drawn, not values: those of one image are no independent findings. sums (N,): of the values of each
    image; counts (N,): how many it has, 0 for none; None for one each. nan, nan where fewer than two images have any.
    level: the share of intervals that hold the mean of all such images, in the long run.
    """
    counts = np.ones(len(sums)) if counts is None else np.asarray(counts, np.float64)
    some = counts > 0
    if some.sum() < 2:
        return float("nan"), float("nan")
    found = bootstrap(
        (np.asarray(sums, np.float64)[some], counts[some]), _mean, paired=True, method="percentile",
        confidence_level=level, n_resamples=draws, batch=256, rng=np.random.default_rng(seed),
    )  # fmt: skip
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def difference_interval(
    one: NDArray[Any], other: NDArray[Any], *, level: float = 0.95, draws: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """The percentile bootstrap interval of the mean of `one` (n,) less that of `other` (m,), each drawn by itself.

    nan, nan where either has fewer than two.
    """
    if min(len(one), len(other)) < 2:
        return float("nan"), float("nan")
    found = bootstrap(
        (np.asarray(one, np.float64), np.asarray(other, np.float64)), _difference, method="percentile",
        confidence_level=level, n_resamples=draws, batch=256, rng=np.random.default_rng(seed),
    )  # fmt: skip
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def drawn_interval(
    count: int, statistic: Callable[[NDArray[np.int64]], float], *, level: float = 0.95, draws: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:  # fmt: skip
    """The percentile bootstrap interval of a statistic of things that are drawn together, by their numbers.

    statistic: of numbers (count,), some of 0 .. count - 1 more than once. nan, nan of fewer than two things.
    """
    if count < 2:
        return float("nan"), float("nan")
    found = bootstrap(
        (np.arange(count),), statistic, vectorized=False, method="percentile", confidence_level=level,
        n_resamples=draws, rng=np.random.default_rng(seed),
    )  # fmt: skip
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def share_interval(share: float, count: int, *, level: float = 0.95) -> tuple[float, float]:
    """The interval of a share (0..1) of so many images; nan, nan of none.

    Wilson 1927, doi:10.1080/01621459.1927.10502953.
    """
    if not count or not 0 <= share <= 1:
        return float("nan"), float("nan")
    found = binomtest(round(share * count), count).proportion_ci(level, method="wilson")
    return float(found.low), float(found.high)


def folds_interval(values: NDArray[Any], *, level: float = 0.95) -> tuple[float, float]:
    """The interval of a mean over folds or seeds (n,), by Student's t; nan, nan of fewer than two.

    Folds that share images are not independent: theirs is too narrow.
    """
    if len(values) < 2:
        return float("nan"), float("nan")
    if np.ptp(values) == 0:
        return float(values[0]), float(values[0])
    found = ttest_1samp(np.asarray(values, np.float64), 0.0).confidence_interval(level)
    return float(found.low), float(found.high)


def _mean(sums: Floats, counts: Floats, axis: int) -> Floats:
    mean: Floats = sums.sum(axis) / counts.sum(axis)
    return mean


def _difference(one: Floats, other: Floats, axis: int) -> Floats:
    difference: Floats = one.mean(axis) - other.mean(axis)
    return difference
