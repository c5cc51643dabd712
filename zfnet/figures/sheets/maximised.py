"""What would make maps strong: images by optimisation, without priors and with them, side by side."""

from __future__ import annotations

import textwrap
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from zfnet.figures.drawing import style
from zfnet.figures.drawing.montage import frame, place, rows_of, side_of
from zfnet.files import load_arrays, save_arrays

KIND = "maximised"
MARGIN_IN, TITLE_IN, NOTE_IN, LABEL, GAP, BETWEEN = 0.2, 0.3, 0.6, 0.24, 0.04, 0.2  # the last three in tiles
MOST_COLUMNS, TILE_IN, NOTE_LETTERS = 4, 1.6, 165
NOTE = (
    "Left of each pair: gradient ascent on the pixels alone, from noise. Right: the same network with priors that are "
    "not in it ({priors}). Numbers: what the map's middle place answers, before any ReLU. Where the two pictures "
    "differ, the difference is the priors'. Neither is an image of the data: what those hold is in the mined patches."
)


@dataclass(frozen=True, kw_only=True)
class MaximisedMaps:
    """M maps of a layer (): their numbers (M,), and what was optimised for each.

    bare, held (M, h, w, 3) uint8: without priors and with them; bare_value, held_value (M,): what the map answers.
    map_name (M,): what a map stands for, or "". priors (): in words.
    """

    layer: NDArray[np.str_]
    maps: NDArray[np.int64]
    map_name: NDArray[np.str_]
    bare: NDArray[np.uint8]
    held: NDArray[np.uint8]
    bare_value: NDArray[np.floating]
    held_value: NDArray[np.floating]
    priors: NDArray[np.str_]


def save_maximised(path: Path, shown: MaximisedMaps) -> None:
    """Write the arrays from which `load_maximised` and `draw_maximised` draw it again."""
    save_arrays(path, KIND, asdict(shown))


def load_maximised(path: str | Path) -> MaximisedMaps:
    """What `save_maximised` wrote. Raises ValueError for another kind of file."""
    arrays = load_arrays(path, KIND)
    return MaximisedMaps(**{field.name: arrays[field.name] for field in fields(MaximisedMaps)})


def draw_maximised(shown: MaximisedMaps) -> Figure:
    """A pair of pictures a map, row by row in the maps' order."""
    count = len(shown.maps)
    columns = min(side_of(count), MOST_COLUMNS)
    wide, high = 2 + GAP + BETWEEN, 1 + LABEL
    tile_in = min(TILE_IN, (style.WIDTH_IN - 2 * MARGIN_IN) / (columns * wide))
    sheet_in = columns * wide * tile_in, rows_of(count, columns) * high * tile_in
    width_in = max(sheet_in[0] + 2 * MARGIN_IN, 6.0)
    figure = Figure(figsize=(width_in, MARGIN_IN + TITLE_IN + sheet_in[1] + NOTE_IN))
    style.text(figure, MARGIN_IN, MARGIN_IN, f"{shown.layer}: images that make a map strong, by optimisation")
    axes = style.bare(figure, MARGIN_IN, MARGIN_IN + TITLE_IN, *sheet_in)
    frame(axes, columns * wide, rows_of(count, columns) * high)
    for number in range(count):
        row, column = divmod(number, columns)
        left, top = column * wide, row * high
        name = f" {style.shortened(str(shown.map_name[number]))}" if shown.map_name[number] else ""
        words = f"{shown.maps[number]}{name}   {shown.bare_value[number]:.3g} | {shown.held_value[number]:.3g}"
        axes.text(left, top + LABEL * 0.85, words, fontsize=style.LABEL_PT, color=style.FAINT, va="bottom")
        place(axes, shown.bare[number], left, top + LABEL, 1, 1)
        place(axes, shown.held[number], left + 1 + GAP, top + LABEL, 1, 1)
    letters = round(NOTE_LETTERS * width_in / style.WIDTH_IN)
    note = textwrap.fill(NOTE.format(priors=shown.priors), letters)
    style.text(figure, MARGIN_IN, MARGIN_IN + TITLE_IN + sheet_in[1] + 0.08, note, fontsize=style.NOTE_PT - 0.5,
               color=style.FAINT)  # fmt: skip
    return figure
