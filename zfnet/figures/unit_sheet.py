"""One image and the units of a layer that answer to it most: what each saw, and what in it the unit answered to."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from zfnet.figures.drawing import style
from zfnet.figures.drawing.montage import CONTRAST, around_grey, frame, place, rows_of
from zfnet.files import load_arrays, save_arrays

KIND = "project"
IMAGE_IN, GAP_IN, LABEL_IN, NOTE_IN = 3.2, 0.2, 0.2, 0.35
COLUMNS = 3
MARK = "#ffd400"


@dataclass(frozen=True, kw_only=True)
class UnitSheet:
    """An image and N units, strongest first.

    picture (H, W, 3) uint8, as the network saw it; layer ""; map, row, column, value (N,); map_name (N,) what a map
    stands for, or ""; projection (N, 3, h, w) signed pixels; patch (N, h, w, 3) uint8; corner (N, 2) of both in the
    picture; classes, probability (C,): the network's first guesses.
    """

    picture: NDArray[np.uint8]
    layer: NDArray[np.str_]
    map: NDArray[np.int64]
    row: NDArray[np.int64]
    column: NDArray[np.int64]
    value: NDArray[np.floating]
    map_name: NDArray[np.str_]
    projection: NDArray[np.float32]
    patch: NDArray[np.uint8]
    corner: NDArray[np.int64]
    classes: NDArray[np.str_]
    probability: NDArray[np.floating]


def save_sheet(path: Path, sheet: UnitSheet) -> None:
    save_arrays(path, KIND, asdict(sheet))


def load_sheet(path: str | Path) -> UnitSheet:
    """What `save_sheet` wrote; ValueError for another kind of file."""
    arrays = load_arrays(path, KIND)
    return UnitSheet(**{field.name: arrays[field.name] for field in fields(UnitSheet)})


def draw_sheet(sheet: UnitSheet) -> Figure:
    """The image with each unit's rank where it looks; beside it every unit's patch and projection."""
    rows = rows_of(len(sheet.map), COLUMNS)
    pair_in = (style.WIDTH_IN - IMAGE_IN - GAP_IN) / COLUMNS - GAP_IN
    tile_in = pair_in / 2 - 0.02
    body_in = max(IMAGE_IN + LABEL_IN * (1 + len(sheet.classes)), rows * (tile_in + LABEL_IN + GAP_IN / 2))
    figure = Figure(figsize=(style.WIDTH_IN, GAP_IN + LABEL_IN + body_in + NOTE_IN))
    style.text(figure, GAP_IN, GAP_IN, _title(sheet))
    top = GAP_IN + LABEL_IN
    _draw_image(style.bare(figure, GAP_IN, top + LABEL_IN, IMAGE_IN - GAP_IN, IMAGE_IN - GAP_IN), sheet)
    for rank, (name, share) in enumerate(zip(sheet.classes, sheet.probability, strict=True)):
        style.text(figure, GAP_IN, top + IMAGE_IN + LABEL_IN * (rank + 0.3), f"{share:.1%}  {name}",
                   fontsize=style.LABEL_PT + 1)  # fmt: skip
    projections = around_grey(sheet.projection)
    for rank in range(len(sheet.map)):
        row, column = divmod(rank, COLUMNS)
        left = IMAGE_IN + GAP_IN + column * (pair_in + GAP_IN)
        upper = top + row * (tile_in + LABEL_IN + GAP_IN / 2)
        style.text(figure, left, upper + 0.04, _label(sheet, rank), fontsize=style.LABEL_PT, color=style.FAINT)
        for at, picture in enumerate((sheet.patch[rank], projections[rank])):
            axes = style.bare(figure, left + at * (tile_in + 0.04), upper + LABEL_IN, tile_in, tile_in)
            frame(axes, 1, 1)
            place(axes, picture, 0, 0, 1, 1)
    style.text(figure, GAP_IN, top + body_in + 0.12, CONTRAST, fontsize=style.NOTE_PT, color=style.FAINT)
    return figure


def _title(sheet: UnitSheet) -> str:
    return f"{sheet.layer}: its {len(sheet.map)} strongest maps on this image, each at its strongest place"


def _label(sheet: UnitSheet, rank: int) -> str:
    name = f" {sheet.map_name[rank]}" if sheet.map_name[rank] else ""
    place = f" at ({sheet.row[rank]}, {sheet.column[rank]})" if sheet.row.any() or sheet.column.any() else ""
    return f"{rank + 1}   map {sheet.map[rank]}{name}{place}: {sheet.value[rank]:.4g}"


def _draw_image(axes: Axes, sheet: UnitSheet) -> None:
    """The image; where units see a part of it, each one's rank at the centre of its part, and the first one's frame."""
    height, width = sheet.picture.shape[:2]
    frame(axes, width, height)
    place(axes, sheet.picture, 0, 0, width, height)
    seen_height, seen_width = sheet.patch.shape[1:3]
    if (seen_height, seen_width) == (height, width):
        return
    top, left = sheet.corner[0].tolist()
    axes.add_patch(Rectangle((left, top), seen_width, seen_height, fill=False, edgecolor=MARK, linewidth=0.8))
    for rank in reversed(range(len(sheet.corner))):  # the first on top
        row, column = sheet.corner[rank] + (seen_height / 2, seen_width / 2)
        ground = {"boxstyle": "circle,pad=0.15", "facecolor": MARK, "edgecolor": "none"}
        axes.text(column, row, str(rank + 1), fontsize=style.LABEL_PT - 1.5, ha="center", va="center", bbox=ground)
