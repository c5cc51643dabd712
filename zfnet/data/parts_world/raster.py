"""Outlines to pixels, anti-aliased, with the box of what is seen of each part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from zfnet.data.parts_world.annotations import Box
from zfnet.data.parts_world.sketch import Shape

Picture = NDArray[np.float32]  # (H, W, 3) in 0..255
Span = tuple[int, int]


@dataclass(frozen=True)
class Layer:
    """Paint on a window of a picture: rows and columns give the window's (first, last + 1).

    colour: (h, w, 3) float32 in 0..255, already multiplied by the coverage alpha (h, w, 1) in 0..1.
    owner: which part is seen, at `finer` times the resolution of the picture; parts names the numbers from 1 on.
    """

    rows: Span
    columns: Span
    colour: Picture
    alpha: NDArray[np.float32]
    owner: Image.Image
    parts: tuple[str, ...]
    finer: int

    def onto(self, picture: Picture) -> None:
        """Paint this layer over an opaque picture, in place."""
        window = picture[slice(*self.rows), slice(*self.columns)]
        window *= 1 - self.alpha
        window += self.colour

    def boxes(self, shapes: Sequence[Shape]) -> dict[str, Box]:
        """For each part that is seen, the smallest box that holds all that is seen of it. shapes: those rasterised."""
        reach: dict[str, list[NDArray[np.float64]]] = {}
        for shape in shapes:
            reach.setdefault(shape.part, []).append(shape.points)
        found = {}
        margin = 4 * self.finer  # contours reach a little beyond the outlines
        for number, part in enumerate(self.parts, 1):
            points = (np.concatenate(reach[part]) - (self.columns[0], self.rows[0])) * self.finer
            left, top = (max(int(value), 0) for value in points.min(0) - margin)
            right, bottom = (int(value) for value in np.minimum(points.max(0) + margin, self.owner.size))
            seen = self.owner.crop((left, top, right, bottom)).point(_ONLY[number]).getbbox()
            if seen is not None:
                found[part] = self._in_picture(seen, left, top)
        return found

    def _in_picture(self, fine: Box, left: int, top: int) -> Box:
        """A box in owner's pixels, counted from (left, top), as a box in the picture's."""
        first, last = (fine[0] + left, fine[1] + top), (fine[2] + left, fine[3] + top)
        x, y = self.columns[0], self.rows[0]
        start, stop = [value // self.finer for value in first], [-(-value // self.finer) for value in last]
        return x + start[0], y + start[1], x + stop[0], y + stop[1]


_ANY = [0] + [255] * 255
_ONLY = [[255 * (value == number) for value in range(256)] for number in range(64)]


def rasterise(shapes: Sequence[Shape], side_px: int, contour_px: float, finer: int = 3) -> Layer:
    """Paint shapes, given in the pixels of a square picture; each pixel is the mean of finer x finer samples."""
    rows, columns = _window(shapes, side_px, contour_px)
    size = ((columns[1] - columns[0]) * finer, (rows[1] - rows[0]) * finer)
    colour, owner = Image.new("RGB", size), Image.new("L", size)
    paint, stamp = ImageDraw.Draw(colour), ImageDraw.Draw(owner)
    parts = tuple(dict.fromkeys(shape.part for shape in shapes))
    numbers = {part: number for number, part in enumerate(parts, 1)}
    width = max(1, round(contour_px * finer))
    for shape in shapes:
        outline = ((shape.points - (columns[0], rows[0])) * finer).ravel().tolist()
        number = numbers[shape.part]
        paint.polygon(outline, fill=shape.colour)
        stamp.polygon(outline, fill=number)
        if shape.edge is not None:
            outline += outline[:4]
            paint.line(outline, fill=shape.edge, width=width)
            stamp.line(outline, fill=number, width=width)
    alpha = np.asarray(owner.point(_ANY).reduce(finer), np.float32)[..., None] / np.float32(255)
    return Layer(rows, columns, np.array(colour.reduce(finer), np.float32), alpha, owner, parts, finer)


def _window(shapes: Sequence[Shape], side_px: int, contour_px: float) -> tuple[Span, Span]:
    """The rows and columns of the picture that shapes can touch; one pixel where they touch none."""
    if not shapes:
        return (0, 1), (0, 1)
    corners = np.concatenate([shape.points for shape in shapes])
    low = np.clip(np.floor(corners.min(0) - contour_px - 1), 0, side_px - 1).astype(int)
    high = np.clip(np.ceil(corners.max(0) + contour_px + 1), low + 1, side_px).astype(int)
    return (int(low[1]), int(high[1])), (int(low[0]), int(high[0]))
