"""Average precision as PASCAL VOC 2012 defines it for classification."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def average_precision(scores: NDArray[np.floating], truth: NDArray[np.integer]) -> float:
    """The area under the precision and recall of a ranking, precision first made to fall with recall (0..1).

    scores (N,): higher is surer; ties rank in the order given, as in the VOC devkit. truth (N,): above 0 for images of
    the class, 0 for those left out (VOC: every object of the class is difficult), below 0 for the others.
    Every point counts, as in VOC since 2010; until 2009 it was the mean at 11 recalls. nan where no image is of the
    class. Raises ValueError for a score that is not a number.
    """
    if np.isnan(scores).any():
        raise ValueError(f"{int(np.isnan(scores).sum())} of {len(scores)} scores are not numbers and have no rank")
    counted = truth != 0
    order = np.argsort(-scores[counted], kind="stable")
    hits = truth[counted][order] > 0  # (counted ones,), the surest first
    if not hits.any():
        return float("nan")
    precision = hits.cumsum() / np.arange(1, len(hits) + 1)
    best_from_here = np.maximum.accumulate(precision[::-1])[::-1]
    return float(best_from_here[hits].mean())  # recall rises by the same step at each hit
