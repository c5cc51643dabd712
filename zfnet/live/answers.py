"""What a page asks about a picture, as functions of a lens: guesses, maps, units and places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import adaptive_max_pool2d

from zfnet.analysis import changed_channels, peaks
from zfnet.live.lens import Lens, LiveLayer, Projected
from zfnet.live.pictures import Picture

GUESSES = 5
TILE_PX = 56  # the longer side of a map's tile; larger maps are shown by the largest value under each pixel
MARKED = 6  # maps that are marked as changed
AT_A_PLACE = 8  # units that are projected where a place is clicked


@dataclass(frozen=True, kw_only=True)
class Guess:
    """A class and its probability; before: of the picture that was there before, None without one."""

    label: int
    name: str
    probability: float
    before: float | None


@dataclass(frozen=True, kw_only=True)
class Tiles:
    """Maps of a layer, strongest first.

    maps, value, row, column (n,): their numbers, their strongest values and where; tiles (n, h, w) uint8, each map from
    0 to its own largest; changed: those that differ most from the picture before; total: how many maps there are;
    step: places of the map behind a tile's pixel (rows, columns), 1 where it is whole.
    """

    maps: NDArray[np.int64]
    value: NDArray[np.floating]
    row: NDArray[np.int64]
    column: NDArray[np.int64]
    tiles: NDArray[np.uint8]
    changed: tuple[int, ...]
    total: int
    shape: tuple[int, int]


def guesses(lens: Lens, picture: Picture, before: Picture | None = None, also: Sequence[int] = ()) -> list[Guess]:
    """The most probable classes; and those of `also`, whatever their probability."""
    now = lens.probabilities(picture)
    then = None if before is None else lens.probabilities(before)
    labels = now.topk(min(GUESSES, len(now))).indices.tolist()
    if then is not None:
        labels.append(int(then.argmax()))
    return guesses_of(lens, now, then, [*labels, *also])


def guesses_of(lens: Lens, now: Tensor, then: Tensor | None, labels: Sequence[int]) -> list[Guess]:
    """Those of some classes, each once, the most probable first."""
    kept = sorted(dict.fromkeys(label for label in labels if label < len(now)), key=lambda label: -float(now[label]))
    return [
        Guess(
            label=label, name=lens.network.names[label], probability=float(now[label]),
            before=None if then is None else float(then[label]),
        )
        for label in kept
    ]  # fmt: skip


def tiles_of(lens: Lens, picture: Picture, layer: str, count: int, before: Picture | None = None) -> Tiles:
    """The strongest `count` maps of a layer on the picture."""
    maps = lens.maps(picture, layer)  # (C, h, w)
    found = peaks(maps.numpy())
    order = np.argsort(-found.value, kind="stable")[:count]
    marked: tuple[int, ...] = ()
    if before is not None:
        other = lens.maps(before, layer).numpy()
        marked = tuple(int(one) for one in changed_channels(maps.numpy(), other, MARKED))
    return Tiles(
        maps=order, value=found.value[order], row=found.row[order], column=found.column[order],
        tiles=drawn_maps(maps[torch.from_numpy(order)]), changed=marked, total=len(maps),
        shape=(maps.shape[1], maps.shape[2]),
    )  # fmt: skip


def drawn_maps(maps: Tensor) -> NDArray[np.uint8]:
    """Maps (n, h, w) as pictures, each from 0 to its own largest value: (n, h', w') of at most TILE_PX."""
    side = max(maps.shape[1:])
    if side > TILE_PX:
        size = [max(1, round(TILE_PX * one / side)) for one in maps.shape[1:]]
        maps = adaptive_max_pool2d(maps[None], size)[0]
    positive = maps.clamp(min=0)
    largest = positive.amax((1, 2), keepdim=True).clamp(min=1e-12)
    return (255 * positive / largest).round().to(torch.uint8).numpy()


def place_of(layer: LiveLayer, size_px: int, row_px: float, column_px: float) -> tuple[int, int]:
    """The place of a layer's maps whose units look at a pixel most squarely: the middle of what they see is nearest."""
    if len(layer.shape) == 1:
        return 0, 0
    at = []
    for axis, pixel in enumerate((row_px, column_px)):
        places = layer.shape[1 + axis]
        if layer.field is None:
            place = int(pixel / size_px * places)
        else:
            start = layer.field.offset_px[axis] + (layer.field.size_px[axis] - 1) / 2  # as pixels are counted
            place = round((pixel - start) / layer.field.step_px[axis])
        at.append(min(max(place, 0), places - 1))
    return at[0], at[1]


def at_place(lens: Lens, picture: Picture, layer: str, place: tuple[int, int], rule: str) -> Projected:
    """The units of a layer that answer most at one place of its maps, projected."""
    there = lens.maps(picture, layer)[:, place[0], place[1]]  # (C,)
    order = there.argsort(descending=True, stable=True)[:AT_A_PLACE]
    kept = [int(number) for number in order if there[number] > 0 or lens.layer(layer).scores]
    return lens.project(picture, layer, [(number, *place) for number in kept], rule)


def strongest(lens: Lens, picture: Picture, layer: str, count: int, rule: str) -> Projected:
    """The strongest place of each of the strongest maps, projected."""
    found = peaks(lens.maps(picture, layer).numpy())
    order = np.argsort(-found.value, kind="stable")[:count]
    kept = [number for number in order.tolist() if found.value[number] > 0 or lens.layer(layer).scores]
    units = [(number, int(found.row[number]), int(found.column[number])) for number in kept]
    return lens.project(picture, layer, units, rule)


def strongest_place(lens: Lens, picture: Picture, layer: str, number: int) -> tuple[int, int]:
    """Where a map answers most. Raises ValueError for a map that is not there."""
    maps = lens.maps(picture, layer)
    if not 0 <= number < len(maps):
        raise ValueError(f"layer {layer} has maps 0 to {len(maps) - 1}, not {number}")
    found = peaks(maps[number : number + 1].numpy())
    return int(found.row[0]), int(found.column[0])
