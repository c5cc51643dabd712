"""From signed arrays to pictures, and many small pictures side by side on one pair of axes."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from zfnet.figures.drawing.gains import GAIN, TINY, gained

Pixels = NDArray[np.floating] | NDArray[np.uint8]
GREY = 0.5


def around_grey(values: NDArray[np.floating], largest: float | None = None, *, gain: str = GAIN) -> NDArray[np.float32]:
    """Signed pixels (N, 3, h, w) as colours (N, h, w, 3) in 0..1: zero is mid-grey, `largest` is black or white.

    Pixels of one channel (N, 1, h, w) become shades of grey. Where no largest is given, each picture is scaled by its
    own numbers, one scale for its channels, as the gain says (see `gains`). Raises ValueError for an unknown gain.
    """
    scaled = gained(values, gain) if largest is None else values / max(largest, TINY)
    colours = np.moveaxis((GREY + GREY * scaled).clip(0, 1).astype(np.float32), 1, -1)
    return colours.repeat(3, axis=-1) if colours.shape[-1] == 1 else colours


def side_of(count: int) -> int:
    """Columns of the nearly square grid that holds `count` tiles."""
    return max(1, math.ceil(math.sqrt(count)))


def rows_of(count: int, columns: int) -> int:
    """Rows of a grid of that many columns that holds `count` tiles, at least one."""
    return max(1, math.ceil(count / columns))


def place(axes: Axes, picture: Pixels, left: float, top: float, width: float, height: float) -> None:
    """Draw a picture (h, w, 3) at a place of axes that `frame` set up."""
    axes.imshow(picture, extent=(left, left + width, top + height, top), interpolation="auto", aspect="auto")


def frame(axes: Axes, width: float, height: float) -> None:
    """Coordinates from (0, 0) at the upper left to (width, height)."""
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)


def grid(pictures: Pixels, gap_px: int = 1, columns: int | None = None, ground: float = 1.0) -> Pixels:
    """Pictures (N, h, w, 3), row by row, as one (H, W, 3), `gap_px` of the ground (0..1) between them."""
    count, height, width, _ = pictures.shape
    columns = side_of(count) if columns is None else columns
    rows = rows_of(count, columns)
    light = 255 if pictures.dtype == np.uint8 else 1
    shape = (rows * (height + gap_px) - gap_px, columns * (width + gap_px) - gap_px, 3)
    sheet = np.full(shape, ground * light, pictures.dtype)
    for number, picture in enumerate(pictures):
        top, left = (number // columns) * (height + gap_px), (number % columns) * (width + gap_px)
        sheet[top : top + height, left : left + width] = picture
    return sheet
