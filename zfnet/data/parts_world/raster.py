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
_COVERED = [0] + [255] * 255


@dataclass(frozen=True, kw_only=True)
class Layer:
    """Paint on a window of a picture: rows and columns give the window's (first, last + 1).

    colour: (h, w, 3) float32 in 0..255, already multiplied by the coverage alpha (h, w, 1) in 0..1.
    owner: (finer h, finer w) the number of the part seen at each sample, from 1 on as `parts` names them; 0 for none.
    """

    rows: Span
    columns: Span
    colour: Picture
    alpha: NDArray[np.float32]
    owner: NDArray[np.uint8]
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
            right, bottom = (int(value) for value in points.max(0) + margin)
            seen = self.owner[top:bottom, left:right] == number
            columns, rows = np.flatnonzero(seen.any(0)) + left, np.flatnonzero(seen.any(1)) + top
            if len(rows):
                across, down = self._span(columns, self.columns[0]), self._span(rows, self.rows[0])
                found[part] = (across[0], down[0], across[1], down[1])
        return found

    def _span(self, fine: NDArray[np.int64], start: int) -> Span:
        """The picture's pixels (first, last + 1) that ascending fine places, counted from `start`, lie in."""
        return start + int(fine[0]) // self.finer, start + int(fine[-1]) // self.finer + 1


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
    alpha = np.asarray(owner.point(_COVERED).reduce(finer), np.float32)[..., None] / np.float32(255)
    return Layer(
        rows=rows,
        columns=columns,
        colour=np.array(colour.reduce(finer), np.float32),
        alpha=alpha,
        owner=np.asarray(owner),
        parts=parts,
        finer=finer,
    )


def _window(shapes: Sequence[Shape], side_px: int, contour_px: float) -> tuple[Span, Span]:
    """The rows and columns of the picture that shapes can touch; one pixel where they touch none."""
    if not shapes:
        return (0, 1), (0, 1)
    corners = np.concatenate([shape.points for shape in shapes])
    low = np.clip(np.floor(corners.min(0) - contour_px - 1), 0, side_px - 1).astype(int)
    high = np.clip(np.ceil(corners.max(0) + contour_px + 1), low + 1, side_px).astype(int)
    return (int(low[1]), int(high[1])), (int(low[0]), int(high[0]))
