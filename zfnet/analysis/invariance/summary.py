"""One line of numbers a curve of Fig. 5: how fast features leave, how straight, how far the label stays, symmetries."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zfnet.analysis.invariance.measure import Invariance
from zfnet.analysis.invariance.transforms import transform_called

AROUND_DEGREES = 30.0


class Departure(NamedTuple):
    """How the features of a layer leave those of the untransformed image, for B images, (B,) each.

    The sides of the identity (up and down, left turns and right turns) count by themselves, each as a share of its own
    greatest distance; where there are two, these are their means.
    slope: the share reached at the setting nearest to the identity, for each unit (px, degree ...) of it.
    steepness: that slope over a straight line's from nothing at the identity to everything at the last setting.
    half_way: the share reached at half of the last setting. 0.5 is straight, 1 is all at once.
    norm_slope: as slope, of the untransformed features' norm.
    The first three are nan for features that no setting changes (an image all grey), norm_slope for features that are
    all zero (a layer silent on the image).
    """

    slope: Tensor
    steepness: Tensor
    half_way: Tensor
    norm_slope: Tensor


def departure(result: Invariance, layer: int | str) -> Departure:
    """How fast and how straight the curves (B, V) of a layer leave zero.

    Raises ValueError if no setting changes an image.
    """
    sides = [_departure(result, layer, *_side(result, sign)) for sign in (-1, 1) if len(_side(result, sign)[0])]
    if not sides:
        raise ValueError(f"all settings of {result.transform} leave the images as they are: add others")
    return Departure(*torch.from_numpy(np.mean(sides, axis=0)))  # (sides, 4, B) to four of (B,)


def _departure(
    result: Invariance, layer: int | str, far: NDArray[np.float64], at: NDArray[np.int64]
) -> list[NDArray[np.float64]]:
    """A Departure's four numbers on one side: settings `at` (n,) of the result, so `far` (n,) from the identity."""
    distance = result.distance[layer].double().numpy()[:, at]  # (B, n)
    greatest = distance.max(1, keepdims=True)
    share = np.divide(distance, greatest, out=np.full_like(distance, np.nan), where=greatest > 0)
    slope = share[:, 0] / far[0]
    half_way = [np.interp(far[-1] / 2, [0, *far], [0, *curve]) for curve in share]
    norm = result.norm[layer].double().numpy()
    norm_slope = np.divide(distance[:, 0], norm, out=np.full_like(norm, np.nan), where=norm > 0) / far[0]
    return [slope, slope * far[-1], np.array(half_way), norm_slope]


def label_range(result: Invariance) -> Tensor:
    """From which setting to which the most probable class stays that of the untransformed image: (B, 2).

    Without a break, as offsets from the identity; (0, 0) if the nearest settings change it. Rotations: -180 to 180.
    """
    stays = (result.label == result.clean_label[:, None]).numpy()  # (B, V)
    spans = []
    for sign in (-1, 1):
        far, at = _side(result, sign)
        kept = np.logical_and.accumulate(stays[:, at], axis=1).sum(1)  # (B,) how many settings
        spans.append(sign * np.array([0.0, *far])[kept])
    return torch.from_numpy(np.stack(spans, 1) + 0.0)  # 0, not -0


def valley(result: Invariance, layer: int | str, degrees: float) -> tuple[Tensor, Tensor]:
    """Whether an image turned so far is more like itself than turned somewhat less or more: two tensors (B,).

    The first: 1 - the distance at these degrees / the mean distance 30 degrees before and after. The second: the
    probability at these degrees, less the mean probability 30 degrees before and after. Both are above zero for objects
    that these degrees turn onto themselves. Quarter turns do that with every image to a part: the square's corners fall
    on corners and no grey comes in, and its upright edges become level ones. So compare images with each other.

    Raises ValueError for another transform's result, and for settings that leave gaps wider than 30 degrees.
    """
    if result.transform != "rotation":
        raise ValueError(f"the result is of {result.transform}, expected rotation")
    turned = np.unique(result.values.numpy() % 360)
    if np.diff(turned, append=turned[0] + 360).max() > AROUND_DEGREES:
        raise ValueError(f"the settings leave gaps wider than {AROUND_DEGREES:g} degrees: expected a whole turn")
    at = np.array([degrees - AROUND_DEGREES, degrees, degrees + AROUND_DEGREES])
    before, middle, after = _turned(result, result.distance[layer], at)  # (B,) each
    before_p, middle_p, after_p = _turned(result, result.probability, at)
    return 1 - 2 * middle / (before + after), middle_p - (before_p + after_p) / 2


def _turned(result: Invariance, curves: Tensor, degrees: NDArray[np.float64]) -> Tensor:
    """Curves (B, V) at other angles (A,): (A, B)."""
    settings = result.values.numpy()
    found = [np.interp(degrees, settings, curve, period=360.0) for curve in curves.double().numpy()]
    return torch.from_numpy(np.stack(found, 1))  # B of (A,) to (A, B)


def _side(result: Invariance, sign: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The settings below (-1) or above (1) the identity: how far, ascending, (n,), and their numbers (n,)."""
    kind = transform_called(result.transform)
    far = sign * (result.values.numpy() - kind.identity)
    if kind.period is not None:
        far = far % kind.period
        far[far > kind.period / 2] = 0
    at = np.argsort(far, kind="stable")
    at = at[far[at] > 0]
    return far[at], at
