"""Boxes of a written image in the view that a network sees of it, and random ones that keep clear of others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from zfnet.data.parts_world import Box


def box_in_view(box: Box, width_px: int, height_px: int, side_px: int, size_px: int) -> Box:
    """The pixels of the centre view that a box of a width x height image touches; outside 0..size_px they are cut off.

    The image's shortest side is brought to side_px, the centre square kept, and of that the centre size_px seen: what
    `decode.square` and `views.centre_views` do. Boxes: left, top, right, bottom, the last two the first ones outside.
    """
    shortest, margin = min(width_px, height_px), (side_px - size_px) // 2

    def scaled(edge: int, length_px: int) -> int:  # in units of 1 / (2 shortest) of a pixel of the square
        return (2 * edge - (length_px - shortest)) * side_px

    left, top, right, bottom = (scaled(edge, (width_px, height_px)[axis % 2]) for axis, edge in enumerate(box))
    unit = 2 * shortest
    return left // unit - margin, top // unit - margin, -(-right // unit) - margin, -(-bottom // unit) - margin


def is_within(box: Box, size_px: int) -> bool:
    """Whether nothing of a box lies outside a view of size_px x size_px."""
    return min(box[:2]) >= 0 and max(box[2:]) <= size_px


def clear_places(width: int, height: int, avoid: Sequence[Box], within: Box) -> NDArray[np.int64]:
    """Every corner (P, 2: left, top) at which a box of width x height lies in `within` and touches none of `avoid`."""
    left, top, right, bottom = within
    free = np.ones((max(bottom - top - height + 1, 0), max(right - left - width + 1, 0)), bool)
    for box in avoid:
        touched_x = slice(max(box[0] - width + 1 - left, 0), max(box[2] - left, 0))
        touched_y = slice(max(box[1] - height + 1 - top, 0), max(box[3] - top, 0))
        free[touched_y, touched_x] = False
    rows, columns = free.nonzero()
    return np.stack([columns + left, rows + top], axis=1)  # (P, 2)


def draw_boxes(
    box: Box, avoid: Sequence[Box], within: Box, draws: int, generator: np.random.Generator
) -> NDArray[np.int64]:
    """Boxes (draws, 4) as large as `box`, at places of `clear_places` drawn at random; (0, 4) where there are none."""
    width, height = box[2] - box[0], box[3] - box[1]
    places = clear_places(width, height, avoid, within)
    corners = places[generator.integers(len(places), size=draws)] if len(places) else places  # (draws, 2)
    return np.concatenate([corners, corners + np.array([width, height])], axis=1)  # (draws, 4)
