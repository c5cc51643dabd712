"""Sentences 5 to 7: what moving, enlarging and turning the image does to features and labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from zfnet.analysis.claims.effect import Effect, difference_effect, mean_effect
from zfnet.analysis.invariance import Invariance, departure, transform_called


def abruptness(result: Invariance) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How much of its greatest distance each image (B,) has reached half way, at the first and at the last layer.

    0.5 is a straight line, 1 all at once.
    """
    first, *_, last = result.distance
    return departure(result, first).half_way.numpy(), departure(result, last).half_way.numpy()


def abruptness_effect(result: Invariance, floors: Mapping[str, float] | None = None) -> Effect:
    """Sentences 5 and 6, over images: the first layer less the last, paired."""
    low, up = abruptness(result)
    first, *_, last = result.distance
    parts = {f"layer {first}": float(np.nanmean(low)), f"layer {last}": float(np.nanmean(up))}
    return mean_effect(result.transform, low - up, floors=floors or {}, parts=parts)


def changed_labels(result: Invariance) -> NDArray[np.float64]:
    """The share of settings under which each image (B,) is no longer taken for what it was; the identity left out."""
    kind = transform_called(result.transform)
    moved = np.array([not kind.changes_nothing(value) for value in result.values.tolist()])
    changed = (result.label != result.clean_label[:, None]).numpy()[:, moved]
    return changed.mean(1, dtype=np.float64)


def turning_effects(
    turned: Invariance, others: Sequence[Invariance], symmetric: NDArray[np.bool_],
    floors: Mapping[str, float] | None = None,
) -> list[Effect]:  # fmt: skip
    """Sentence 7, over images: turned less moved or enlarged, paired, of those that are not symmetric (B,).

    Where two or more are, a second effect: how much more often the others change. others: of the same images.
    """
    own = changed_labels(turned)
    besides = np.mean([changed_labels(one) for one in others], axis=0)
    parts = {"turned": float(own[~symmetric].mean()), "moved or enlarged": float(besides[~symmetric].mean())}
    effects = [mean_effect("label changes", (own - besides)[~symmetric], floors=floors or {}, parts=parts)]
    if symmetric.sum() > 1:
        parts = {"others": float(own[~symmetric].mean()), "symmetric": float(own[symmetric].mean())}
        effects.append(
            difference_effect("but for symmetric ones", own[~symmetric], own[symmetric], over="images", parts=parts)
        )
    return effects
