"""Where a network is said to look: several read-outs of one image, and how often each points at the object.

A read-out is chosen on one half of the images and judged on the other: the best of many is flattered by the images that
it was chosen on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from zfnet.analysis.intervals import mean_interval
from zfnet.analysis.occlusion import (
    Occlusion,
    activity_drops,
    greatest_place,
    inside,
    probability_drops,
    score_drops,
    spread_over_pixels,
)
from zfnet.data.parts_world import Box

Floats = NDArray[np.float64]
KINDS: dict[str, Callable[[Occlusion], Tensor]] = {
    "probability": probability_drops, "score": score_drops, "strongest map": activity_drops,
}  # fmt: skip


class Pointed(NamedTuple):
    """Where a read-out points on each of B images, row and column in pixels: places (B, 2).

    rows (R,), columns (C,): the places that it could have pointed at.
    """

    places: Tensor
    rows: Tensor
    columns: Tensor


def pointed_by_squares(heats: Mapping[tuple[str, int], Occlusion]) -> Iterator[tuple[str, Pointed]]:
    """What the squares of every fill and size point at, by the read-out's name.

    heats: by fill and size in pixels, of the same B images. Of each heat the greatest drop of the probability, of the
    class score and of the strongest map, and the greatest of these averaged over the squares that cover a pixel; then
    the averages over all sizes of a fill.
    """
    for (fill, size_px), heat in heats.items():
        places = heat.rows + (size_px - 1) / 2, heat.columns + (size_px - 1) / 2
        for kind, drops in KINDS.items():
            name = f"{kind}, {fill}, {size_px} px"
            yield f"greatest drop of {name}", Pointed(greatest_place(drops(heat), heat), *places)
            yield (
                f"averaged drop of {name}",
                greatest_pixel(spread_over_pixels(drops(heat), heat.rows, heat.columns, heat.size_px)),
            )
    fills = {fill: [heat for (own, _), heat in heats.items() if own == fill] for fill, _ in heats}
    for fill, several in fills.items():
        if len(several) > 1:
            for kind, drops in KINDS.items():
                maps = torch.stack(
                    [spread_over_pixels(drops(heat), heat.rows, heat.columns, heat.size_px) for heat in several]
                ).mean(0)
                yield f"averaged drop of {kind}, {fill}, all sizes", greatest_pixel(maps)


def pointed_by_energy(pixels: Tensor, size_px: int) -> Pointed:
    """Where a projection (B, 3, H, W) has most energy, squares of size_px (odd) around each pixel taken together."""
    energy = pixels.square().sum(1, keepdim=True)  # (B, 1, H, W)
    return greatest_pixel(F.avg_pool2d(energy, size_px, stride=1, padding=size_px // 2)[:, 0])


def greatest_pixel(maps: Tensor) -> Pointed:
    """The middle of the greatest values of maps (B, H, W): of as great ones, which a square makes, their mean place."""
    height, width = maps.shape[1:]
    most = maps.amax((1, 2), keepdim=True)
    tops = maps >= most - 1e-6 * most.abs()  # (B, H, W): sums of the same squares in another order differ by rounding
    counts = tops.sum((1, 2))
    rows, columns = (tops.sum(axis) @ torch.arange(n) / counts for axis, n in ((2, height), (1, width)))
    return Pointed(torch.stack([rows, columns], 1), torch.arange(height), torch.arange(width))


def hits(pointed: Pointed, boxes: Sequence[Sequence[Box]]) -> NDArray[np.bool_]:
    """Whether each place lies in one of the image's boxes: (B,)."""
    found = [inside(place[:1], place[1:], own).any() for place, own in zip(pointed.places, boxes, strict=True)]
    return torch.stack(found).numpy()


def chances(pointed: Pointed, boxes: Sequence[Sequence[Box]]) -> Floats:
    """The share of all places that the read-out could have pointed at that lie in one of the image's boxes: (B,)."""
    found = [inside(pointed.rows, pointed.columns, own).double().mean() for own in boxes]
    return torch.stack(found).numpy()


def halves(groups: NDArray[Any], seed: int) -> NDArray[np.bool_]:
    """Which of N images a read-out is chosen on, drawn by the seed: every other one, group (class) after group.

    So each group is halved, but for one image where it is odd; groups of one image fall to the halves in turn.
    """
    rng = np.random.default_rng(seed)
    found, member = np.unique(groups, return_inverse=True)
    order, turn = rng.permutation(len(groups)), rng.permutation(len(found))  # of images, of groups
    order = order[np.argsort(turn[member[order]], kind="stable")]
    chosen = np.zeros(len(groups), bool)
    chosen[order[::2]] = True
    return chosen


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A read-out on the other half: the share of images that it is right on, chance and the middle's, with intervals.

    chosen_on: its share on the half that it was chosen on. over_middle, over_chance: the paired differences. Each is
    (mean, low, high), a 95 % bootstrap interval over images.
    """

    name: str
    images: int
    chosen_on: float
    hit: tuple[float, float, float]
    chance: tuple[float, float, float]
    middle: tuple[float, float, float]
    over_middle: tuple[float, float, float]
    over_chance: tuple[float, float, float]


def judge(
    names: Sequence[str], hit: Floats, chance: Floats, middle: Floats, choose: NDArray[np.bool_]
) -> tuple[int, list[Judged]]:
    """The number of the read-out that is best where `choose` is true, and all of them where it is not.

    hit, chance: (K, N) of K read-outs of N images; middle: (N,). Ties go to the first. Raises ValueError where one of
    the halves has no image.
    """
    if choose.all() or not choose.any():
        raise ValueError(f"{int(choose.sum())} of {len(choose)} images to choose on: both halves need some")
    judged = [
        Judged(
            name=name, images=int((~choose).sum()), chosen_on=float(own[choose].mean()),
            hit=_estimate(own[~choose]), chance=_estimate(floor[~choose]), middle=_estimate(middle[~choose]),
            over_middle=_estimate((own - middle)[~choose]), over_chance=_estimate((own - floor)[~choose]),
        )
        for name, own, floor in zip(names, hit, chance, strict=True)
    ]  # fmt: skip
    return int(hit[:, choose].mean(1).argmax()), judged


def _estimate(values: Floats) -> tuple[float, float, float]:
    return (float(values.mean()), *mean_interval(values))
