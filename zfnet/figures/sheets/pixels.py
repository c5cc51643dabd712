"""Projections as a sheet of tiles, zero in mid-grey; or pictures as they are."""

from __future__ import annotations

import textwrap

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from zfnet.figures.drawing import style
from zfnet.figures.drawing.gains import GAIN, gain_in_words
from zfnet.figures.drawing.montage import Pixels, around_grey, frame, grid, rows_of, side_of

MARGIN_IN, NOTE_IN, TILE_IN, GAP, LEAST_PX, MOST_COLUMNS = 0.1, 0.4, 1.6, 0.05, 60, 12
LEAST_IN, NOTE_LETTERS = 4.0, 85


def draw_pixels(values: NDArray[np.floating] | NDArray[np.uint8], *, gain: str = GAIN) -> Figure:
    """Signed pixels (N, 3, h, w), row by row in a nearly square sheet; or pictures (N, h, w, 3) uint8.

    gain: of signed pixels, see `gains`.
    """
    pictures: Pixels = values if values.dtype == np.uint8 else around_grey(values.astype(np.float64), gain=gain)
    count, height, width, _ = pictures.shape
    columns = min(side_of(count), MOST_COLUMNS)
    rows = rows_of(count, columns)
    tile_in = min(TILE_IN, (style.WIDTH_IN - 2 * MARGIN_IN) / columns)
    sheet_in = tile_in * columns, tile_in * rows * height / width
    wide_in = max(sheet_in[0], LEAST_IN)  # the note's
    figure = Figure(figsize=(wide_in + 2 * MARGIN_IN, sheet_in[1] + 2 * MARGIN_IN + NOTE_IN))
    axes = style.bare(figure, MARGIN_IN, MARGIN_IN, *sheet_in)
    frame(axes, columns, rows)
    times = -(-LEAST_PX // max(height, width))  # whole pixels: enlarged without smoothing
    tiles = pictures.repeat(times, 1).repeat(times, 2)
    sheet = grid(tiles, max(1, round(GAP * times * width)), columns)
    axes.imshow(sheet, extent=(0, columns, rows, 0), interpolation="auto", aspect="auto")
    note = "" if values.dtype == np.uint8 else textwrap.fill(gain_in_words(gain), NOTE_LETTERS)
    style.text(figure, MARGIN_IN, sheet_in[1] + 2 * MARGIN_IN, note, fontsize=style.NOTE_PT - 1, color=style.FAINT)
    return figure
