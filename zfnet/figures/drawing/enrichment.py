"""Whether a class is clearly more frequent among a map's images than in the whole data set: whether it is enriched.

Among 40 classes of equal size, two of nine images share a class by chance more often than not; that is no finding.
"""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.01


def enriched_class(labels: NDArray[np.int64], class_images: NDArray[np.int64]) -> tuple[int, int] | None:
    """The class whose share of labels (k,) beats its base rate most, and how many it has; None if none does clearly.

    class_images (C,): how many images of each class the data set has; labels that are none of them do not count.
    Clearly: of as many different images drawn at random, so many or more would be of this class with a chance below
    LEVEL / C, so that below LEVEL any class at all is named by chance (hypergeometric tail, Bonferroni).
    """
    counts = Counter(label for label in labels.tolist() if 0 <= label < len(class_images))
    if not counts:
        return None
    drawn, total = counts.total(), int(class_images.sum())
    chances = {label: tail(found, drawn, int(class_images[label]), total) for label, found in counts.items()}
    least = min(counts, key=lambda label: (chances[label], -counts[label], label))
    return (least, counts[least]) if chances[least] * len(class_images) < LEVEL else None


def tail(found: int, drawn: int, size: int, total: int) -> float:
    """The chance that of `drawn` different images out of `total`, `found` or more are among the `size` of a class."""
    if drawn > total:
        return 1.0  # the counts are not of these images
    ways = sum(
        math.comb(size, hits) * math.comb(total - size, drawn - hits) for hits in range(found, min(drawn, size) + 1)
    )
    return ways / math.comb(total, drawn)
