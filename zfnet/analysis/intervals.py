"""How far a mean over images may be off: its bootstrap interval."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap

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


def _mean(sums: Floats, counts: Floats, axis: int) -> Floats:
    mean: Floats = sums.sum(axis) / counts.sum(axis)
    return mean
