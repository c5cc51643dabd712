"""Whether the greatest drop lies where the object is: the pointing game, and what hiding each part takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from zfnet.analysis.occlusion.drops import greatest_drop, probability_drops
from zfnet.analysis.occlusion.sliding_square import Occlusion
from zfnet.data.parts_world import Box, Part


class Pointing(NamedTuple):
    """The pointing game, of each of B images; means over the images are the shares that are reported.

    hit: (B,) whether the centre of the greatest drop lies in one of the image's boxes.
    chance: (B,) the share of all places whose centre does. middle: (B,) whether the middle of the image does.
    """

    hit: Tensor
    chance: Tensor
    middle: Tensor


def pointing_game(heat: Occlusion, boxes: Sequence[Sequence[Box]]) -> Pointing:
    """Whether the greatest drops point at the objects, or at parts of them. Zhang et al. 2018, arXiv:1608.00507.

    boxes: of each image one, several or none, (left, top, right, bottom) in pixels of the image as the network sees it
    (zfnet.data.boxes brings boxes of a written image there).

    Raises ValueError for boxes of another number of images.
    """
    best = greatest_drop(heat).reshape(-1, 2)  # (B, 2)
    if len(boxes) != len(best):
        raise ValueError(f"boxes of {len(boxes)} images for {len(best)}: expected a list of boxes for each")
    (rows, middle_row), (columns, middle_column) = (
        (corners + (heat.size_px - 1) / 2, (corners[-1:] + heat.size_px - 1) / 2)
        for corners in (heat.rows, heat.columns)
    )
    hit = [inside(point[:1], point[1:], of_image).any() for point, of_image in zip(best, boxes, strict=True)]
    chance = [inside(rows, columns, of_image).float().mean() for of_image in boxes]
    middle = [inside(middle_row, middle_column, of_image).any() for of_image in boxes]
    return Pointing(hit=torch.stack(hit), chance=torch.stack(chance), middle=torch.stack(middle))  # (B,) each


def inside(rows: Tensor, columns: Tensor, boxes: Sequence[Box]) -> Tensor:
    """Whether points at rows (R,) x columns (C,) lie in any of the boxes: (R, C)."""
    edges = torch.tensor(boxes).reshape(-1, 4)  # (K, 4)
    return (_within(rows, edges[:, [1, 3]])[:, :, None] & _within(columns, edges[:, [0, 2]])[:, None]).any(0)


def _within(points: Tensor, edges: Tensor) -> Tensor:
    """Whether points (n,), in pixels, lie within the first pixel and the one after the last, (K, 2): (K, n)."""
    return (points > edges[:, :1] - 0.5) & (points < edges[:, 1:] - 0.5)


def part_drops(heat: Occlusion, parts: Sequence[Part]) -> dict[str, float]:
    """What hiding each part of one image takes from the target: by the part's name.

    The mean over the squares that hide it best, those with the largest share of its box under them. A part that no
    square touches (gaps) is left out.

    Raises ValueError if the heat is of several images.
    """
    drops = probability_drops(heat)
    if drops.ndim != 2:
        raise ValueError(f"the heat is of {len(drops)} images: expected one")
    result = {}
    for part in parts:
        left, top, right, bottom = part.box
        tall = _overlap(heat.rows, heat.size_px, top, bottom)
        wide = _overlap(heat.columns, heat.size_px, left, right)
        hidden = tall[:, None] * wide  # (R, C), pixels
        if hidden.max() > 0:
            result[part.name] = float(drops[hidden == hidden.max()].mean())
    return result


def _overlap(corners: Tensor, size_px: int, start: int, stop: int) -> Tensor:
    """How many of the pixels from start to stop lie under squares at the corners (n,): (n,)."""
    return ((corners + size_px).clamp(max=stop) - corners.clamp(min=start)).clamp(min=0)
