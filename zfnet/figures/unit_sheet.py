"""One image and the units of a layer that answer to it most: what each saw, and what in it the unit answered to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from textwrap import wrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from zfnet.figures.drawing import style
from zfnet.figures.drawing.gains import GAIN, gain_in_words
from zfnet.figures.drawing.montage import around_grey, frame, place, rows_of
from zfnet.files import load_arrays, save_arrays

KIND = "project"
IMAGE_IN, GAP_IN, LABEL_IN, NOTE_IN = 3.2, 0.2, 0.2, 0.55
COLUMNS = 3
LINE_LETTERS, FOOTER_LINE_IN = 190, 0.13  # of a footer
MARK = "#ffd400"
MARK_PT = style.LABEL_PT - 1.5
ON_A_LINE = 3  # ranks on a mark


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
    """Write the arrays from which `load_sheet` and `draw_sheet` draw it again."""
    save_arrays(path, KIND, asdict(sheet))


def load_sheet(path: str | Path) -> UnitSheet:
    """What `save_sheet` wrote. Raises ValueError for another kind of file."""
    arrays = load_arrays(path, KIND)
    return UnitSheet(**{field.name: arrays[field.name] for field in fields(UnitSheet)})


def draw_sheet(
    sheet: UnitSheet, *, gain: str = GAIN, title: str | None = None, footer: Sequence[str] = ()
) -> Figure:  # fmt: skip
    """The image with each unit's rank where it looks; beside it every unit's patch and projection.

    gain: of the projections, see `gains`; ValueError for one that is none. title: in place of "the strongest maps".
    footer: lines under the note, such as the command that draws it again.
    """
    rows = rows_of(len(sheet.map), COLUMNS)
    pair_in = (style.WIDTH_IN - IMAGE_IN - GAP_IN) / COLUMNS - GAP_IN
    tile_in = pair_in / 2 - 0.02
    body_in = max(IMAGE_IN + LABEL_IN * (1 + len(sheet.classes)), rows * (tile_in + LABEL_IN + GAP_IN / 2))
    under = [part for line in footer for part in wrap(line, LINE_LETTERS, break_on_hyphens=False)]
    footer_in = FOOTER_LINE_IN * len(under)
    figure = Figure(figsize=(style.WIDTH_IN, GAP_IN + LABEL_IN + body_in + NOTE_IN + footer_in))
    style.text(figure, GAP_IN, GAP_IN, title or _title(sheet))
    top = GAP_IN + LABEL_IN
    _draw_image(style.bare(figure, GAP_IN, top + LABEL_IN, IMAGE_IN - GAP_IN, IMAGE_IN - GAP_IN), sheet)
    for rank, (name, share) in enumerate(zip(sheet.classes, sheet.probability, strict=True)):
        style.text(figure, GAP_IN, top + IMAGE_IN + LABEL_IN * (rank + 0.3), f"{_percent(share)}  {name}",
                   fontsize=style.LABEL_PT + 1)  # fmt: skip
    projections = around_grey(sheet.projection, gain=gain)
    for rank in range(len(sheet.map)):
        row, column = divmod(rank, COLUMNS)
        left = IMAGE_IN + GAP_IN + column * (pair_in + GAP_IN)
        upper = top + row * (tile_in + LABEL_IN + GAP_IN / 2)
        style.text(figure, left, upper + 0.04, _label(sheet, rank), fontsize=style.LABEL_PT, color=style.FAINT)
        for at, picture in enumerate((sheet.patch[rank], projections[rank])):
            axes = style.bare(figure, left + at * (tile_in + 0.04), upper + LABEL_IN, tile_in, tile_in)
            frame(axes, 1, 1)
            place(axes, picture, 0, 0, 1, 1)
    note = "\n".join([_note(sheet, gain), *under])
    style.text(figure, GAP_IN, top + body_in + 0.12, note, fontsize=style.NOTE_PT, color=style.FAINT)
    return figure


def _title(sheet: UnitSheet) -> str:
    count = len(sheet.map)
    units = "the strongest map" if count == 1 else f"the {count} strongest maps"
    return f"{sheet.layer}: {units} on this image" + (", each at its strongest place" if _has_places(sheet) else "")


def _has_places(sheet: UnitSheet) -> bool:
    """Whether the units are places of maps, and not of a fully connected layer."""
    return bool(sheet.row.any() or sheet.column.any())


def _sees_all(sheet: UnitSheet) -> bool:
    return sheet.patch.shape[1:3] == sheet.picture.shape[:2]


def _note(sheet: UnitSheet, gain: str) -> str:
    height, width = sheet.patch.shape[1:3]
    named = "map and its activation" + (" at (row, column) of the map" if _has_places(sheet) else "")
    pairs = f"Pairs: what the unit sees, {height} × {width} px, and its projection; above them the {named}."
    seen = "Each unit sees the whole image." if _sees_all(sheet) else (
        "Numbers on the image: the middle of what each unit sees (several units there share a mark); frame: what unit "
        "1 sees. Beyond the image's border: the mean colour of the network's input."
    )  # fmt: skip
    return f"{pairs}\n{seen}\n{gain_in_words(gain)}"


def _percent(share: float) -> str:
    """A probability in %, one that is not quite 0 or 1 told apart from those that are."""
    if 0 < share < 0.0005:
        return "<0.1%"
    return ">99.9%" if 0.9995 <= share < 1 else f"{share:.1%}"


def _label(sheet: UnitSheet, rank: int) -> str:
    name = f" {sheet.map_name[rank]}" if sheet.map_name[rank] else ""
    place = f" at ({sheet.row[rank]}, {sheet.column[rank]})" if _has_places(sheet) else ""
    return f"{rank + 1}   map {sheet.map[rank]}{name}{place}: {sheet.value[rank]:.4g}"


def _draw_image(axes: Axes, sheet: UnitSheet) -> None:
    """The image; where units see a part of it, a mark with their ranks at its centre, and the first one's frame."""
    height, width = sheet.picture.shape[:2]
    frame(axes, width, height)
    place(axes, sheet.picture, 0, 0, width, height)
    if _sees_all(sheet):
        return
    size = np.array(sheet.patch.shape[1:3])
    top, left = sheet.corner[0].tolist()
    axes.add_patch(Rectangle((left, top), size[1], size[0], fill=False, edgecolor=MARK, linewidth=0.8))
    for mark in marks_apart(sheet.corner + size / 2, px_per_in=width / (IMAGE_IN - GAP_IN)):
        style_of = "circle" if len(mark.words) == 1 else "round"
        ground = {"boxstyle": f"{style_of},pad=0.15", "facecolor": MARK, "edgecolor": "none"}
        axes.text(mark.column, mark.row, mark.words, fontsize=MARK_PT, ha="center", va="center", bbox=ground)


@dataclass(frozen=True, kw_only=True)
class Mark:
    """The ranks, from 1, of units that look at a place of the image: row and column in pixels."""

    row: float
    column: float
    ranks: tuple[int, ...]

    @property
    def words(self) -> str:
        """The ranks in lines of ON_A_LINE."""
        lines = [self.ranks[at : at + ON_A_LINE] for at in range(0, len(self.ranks), ON_A_LINE)]
        return "\n".join(",".join(map(str, line)) for line in lines)

    def reach_in(self) -> tuple[float, float]:
        """How far the mark goes from its middle, up and sideways, in inches."""
        lines = self.words.split("\n")
        high, wide = len(lines) * 1.2 + 0.3, max(map(len, lines)) * 0.6 + 0.6  # in the size of the letters
        return high * MARK_PT / 144, wide * MARK_PT / 144

    def covers(self, other: Mark, px_per_in: float) -> bool:
        """Whether the two would lie on each other."""
        (high, wide), (other_high, other_wide) = self.reach_in(), other.reach_in()
        rows, columns = abs(self.row - other.row), abs(self.column - other.column)
        return rows < (high + other_high) * px_per_in and columns < (wide + other_wide) * px_per_in


def marks_apart(centres: NDArray[np.float64], *, px_per_in: float) -> list[Mark]:
    """A mark for each centre (N, 2: row, column, in pixels of the image), those that would hide another joined to one.

    px_per_in: pixels of the image in an inch of the figure.
    """
    marks: list[Mark] = []
    for rank, (row, column) in enumerate(centres.tolist(), start=1):
        mark = Mark(row=row, column=column, ranks=(rank,))
        while near := [one for one in marks if one.covers(mark, px_per_in)]:  # a joined mark is larger
            marks.remove(near[0])
            mark = replace(near[0], ranks=tuple(sorted(near[0].ranks + mark.ranks)))
        marks.append(mark)
    return marks
