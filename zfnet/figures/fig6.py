"""Fig. 6: first-layer filters, and second-layer features, of networks beside each other, each with its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from zfnet.figures.drawing import style
from zfnet.figures.drawing.gains import GAIN, gain_in_words
from zfnet.figures.drawing.montage import around_grey, frame, grid, place
from zfnet.files import load_arrays, save_arrays

KIND = "fig6"
TITLES = {
    "a": "layer 1 without the filter limit",
    "b": "layer 1 of AlexNet",
    "c": "layer 1 of ZFNet, with the limit",
    "d": "layer 2 of AlexNet, projected",
    "e": "layer 2 of ZFNet, projected",
}
ROWS = ("abc", "de")
ONE_ROW = 3  # panels that stand beside each other in one row, where there are no more
MARGIN_IN, TITLE_IN, STORY_IN, NOTE_IN = 0.2, 0.22, 0.5, 0.5
LEAST_PX, GAP = 48, 0.08  # of a picture in a sheet: its side, and the gap after it as a share of that
LARGEST_IN = 4.7  # the side of a panel
FILTERS = (
    "Filters of a sheet share one scale, its largest |weight| around mid-grey (zero), so that a filter that dominates "
    "shows. Projections: the strongest of each map."
)
NUMBERS = (
    "Dead: never above zero on the images looked at. Frequencies: thirds of the radial range up to 0.5 cycles a pixel, "
    "mean over pictures; white noise has 9, 26 and 65 %."
)


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A panel by its letter in the paper.

    pictures (N, 3, h, w): filters, or projections; dead, maps: how many maps of the layer never answer, of how many;
    images: on how many images; bands (3,): share of energy in low, middle and high frequencies; ratio: the largest
    filter's norm over the median one's.
    """

    letter: str
    pictures: NDArray[np.float32]
    dead: int
    maps: int
    images: int
    bands: NDArray[np.float64]
    ratio: float

    def story(self) -> str:
        """The panel's numbers, in three lines."""
        low, middle, high = 100 * self.bands
        return (
            f"dead: {self.dead} of {self.maps} maps ({self.dead / self.maps:.1%}) on {self.images:,} images\n"
            f"energy in low, middle, high frequencies: {low:.0f}, {middle:.0f}, {high:.0f} %\n"
            f"largest over median filter norm: {self.ratio:.2f}"
        )


def save_panels(path: Path, panels: Sequence[Panel]) -> None:
    """Write the arrays from which `load_panels` and `draw_fig6` draw it again."""
    names = [field.name for field in fields(Panel) if field.name != "letter"]
    arrays = {f"{panel.letter}/{name}": np.asarray(getattr(panel, name)) for panel in panels for name in names}
    save_arrays(path, KIND, {"letters": np.array([panel.letter for panel in panels]), **arrays})


def load_panels(path: str | Path) -> list[Panel]:
    """What `save_panels` wrote. Raises ValueError for another kind of file."""
    arrays = load_arrays(path, KIND)
    return [
        Panel(
            letter=letter,
            pictures=arrays[f"{letter}/pictures"],
            bands=arrays[f"{letter}/bands"],
            ratio=float(arrays[f"{letter}/ratio"]),
            **{name: int(arrays[f"{letter}/{name}"]) for name in ("dead", "maps", "images")},
        )
        for letter in arrays["letters"].tolist()
    ]


def draw_fig6(panels: Sequence[Panel], *, gain: str = GAIN) -> Figure:
    """The panels that are there with their numbers under each: in the paper's two rows, up to three in one.

    Each row fills the width. gain: of the projections, see `gains`; ValueError for one that is none.
    """
    ordered = sorted(panels, key=lambda panel: panel.letter)
    rows = [[panel for panel in ordered if panel.letter in row] for row in ROWS]
    rows = [ordered] if len(ordered) <= ONE_ROW else [row for row in rows if row]
    sides_in = [min(LARGEST_IN, (style.WIDTH_IN - MARGIN_IN) / len(row) - MARGIN_IN) for row in rows]
    beside = len(ordered) == 1  # where the panel leaves room for its story
    heights_in = [TITLE_IN + side_in + (0 if beside else STORY_IN) + MARGIN_IN for side_in in sides_in]
    figure = Figure(figsize=(style.WIDTH_IN, MARGIN_IN + sum(heights_in) + NOTE_IN))
    top = MARGIN_IN
    for row, side_in, height_in in zip(rows, sides_in, heights_in, strict=True):
        for column, panel in enumerate(row):
            left = MARGIN_IN + column * (side_in + MARGIN_IN)
            style.text(figure, left, top, f"({panel.letter})  {TITLES[panel.letter]}")
            _draw_sheet(style.bare(figure, left, top + TITLE_IN, side_in, side_in), _sheet(panel, gain))
            story_in = (
                (left + side_in + MARGIN_IN, top + TITLE_IN) if beside else (left, top + TITLE_IN + side_in + 0.06)
            )
            style.text(figure, *story_in, panel.story(), fontsize=style.LABEL_PT, linespacing=1.4)
        top += height_in
    note = f"{FILTERS}\n{gain_in_words(gain)}\n{NUMBERS}"
    style.text(figure, MARGIN_IN, top, note, fontsize=style.NOTE_PT, color=style.FAINT)
    return figure


def _draw_sheet(axes: Axes, sheet: NDArray[np.float32]) -> None:
    side = max(sheet.shape[:2])
    frame(axes, side, side)
    place(axes, sheet, 0, 0, sheet.shape[1], sheet.shape[0])


def _sheet(panel: Panel, gain: str) -> NDArray[np.float32]:
    filters = panel.letter in "abc"
    largest = float(np.abs(panel.pictures).max()) if filters else None
    shown = around_grey(panel.pictures, largest, gain=gain)
    times = -(-LEAST_PX // shown.shape[1])  # whole pixels, so that gaps can be thin
    larger = shown.repeat(times, 1).repeat(times, 2)
    return np.asarray(grid(larger, round(GAP * larger.shape[1])))
