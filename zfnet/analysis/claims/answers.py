"""Sentences 11 to 14: what probes and networks answer to the same images, right or wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from zfnet.analysis import mean_interval
from zfnet.analysis.claims.effect import Effect, mean_effect

Right = Mapping[int, NDArray[np.float64]]


def by_image(
    images: NDArray[np.int64], right: NDArray[np.bool_], count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How often each of `count` images was tested (n,), and how often rightly: an image in several folds counts once
    as what is drawn."""
    times = np.bincount(images, minlength=count).astype(np.float64)
    return times, np.bincount(images, right.astype(np.float64), minlength=count).astype(np.float64)


def accuracy_effect(
    name: str, deeper: tuple[NDArray[np.int64], NDArray[np.bool_]],
    before: tuple[NDArray[np.int64], NDArray[np.bool_]], floors: Mapping[str, float] | None = None,
) -> Effect:  # fmt: skip
    """Sentences 11 and 12, over test images: accuracy of one less that of another, paired.

    deeper, before: of all folds, which image was tested (n,) and whether rightly (n,); the same images in both.
    """
    count = int(max(deeper[0].max(), before[0].max())) + 1
    (times, right), (times_before, right_before) = (by_image(*one, count) for one in (deeper, before))
    if not np.array_equal(times, times_before):
        raise ValueError(f"{name}: the two were tested on different images, expected the same folds")
    low, high = mean_interval(right - right_before, times)
    value = (right.sum() - right_before.sum()) / times.sum()
    parts = {"this": float(right.sum() / times.sum()), "the other": float(right_before.sum() / times.sum())}
    return Effect(
        name=name, value=float(value), low=low, high=high, over="test images", count=int((times > 0).sum()),
        floors=floors or {}, parts=parts,
    )  # fmt: skip


def depth_effect(right: Mapping[str, NDArray[np.bool_]], whole: str, without_both: str) -> Effect:
    """Sentence 13, over images (N,): the error without all of the layers less the largest without some of them.

    right: variant -> which images it takes for what they are. whole: the network as it is; without_both: the variant
    that lacks all. The largest is the one of the whole sample.
    """
    error = {name: 1 - own.astype(np.float64) for name, own in right.items()}
    others = [name for name in error if name not in (whole, without_both)]
    worst = max(others, key=lambda name: error[name].mean())
    parts = {name: float(own.mean()) for name, own in error.items()}
    return mean_effect(f"less {worst}", error[without_both] - error[worst], floors={"chance": 0.0}, parts=parts)


def averaging_effect(
    probabilities: Sequence[NDArray[np.floating]], label: NDArray[np.int64], names: Sequence[str]
) -> Effect:
    """Sentence 14, over images: the mean top-1 error of networks, each (N, C), less that of their mean probability.

    Its floor is what the best of them alone would give: averaging is worth its cost only beyond it.
    """
    errors = np.array([one.argmax(1) != label for one in probabilities], np.float64)  # (networks, N)
    together = (np.mean(np.stack(list(probabilities)), axis=0).argmax(1) != label).astype(np.float64)
    single = errors.mean(1)
    parts = {**dict(zip(names, map(float, single), strict=True)), "their average": float(together.mean())}
    floors = {"the best one": float(single.mean() - single.min())}
    return mean_effect("averaged", errors.mean(0) - together, floors=floors, parts=parts)
