"""Boxes of a written image in the view that a network sees of it."""

from __future__ import annotations

from zfnet.data.parts_world.annotations import Box


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
