"""Fig. 6: first-layer filters, and second-layer features, of networks beside each other, each with its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from zfnet.figures.drawing import style
from zfnet.figures.drawing.montage import CONTRAST, around_grey, frame, grid, place
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
MARGIN_IN, TITLE_IN, STORY_IN = 0.2, 0.22, 0.5
NOTE = (
    "Filters of a sheet share one scale, its largest |weight| around mid-grey (zero), so that a filter that dominates "
    f"shows. Projections: the strongest of each map.\n{CONTRAST}\n"
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
        low, middle, high = 100 * self.bands
        return (
            f"dead: {self.dead} of {self.maps} maps ({self.dead / self.maps:.1%}) on {self.images:,} images\n"
            f"energy in low, middle, high frequencies: {low:.0f}, {middle:.0f}, {high:.0f} %\n"
            f"largest over median filter norm: {self.ratio:.2f}"
        )


def save_panels(path: Path, panels: Sequence[Panel]) -> None:
    names = [field.name for field in fields(Panel) if field.name != "letter"]
    arrays = {f"{panel.letter}/{name}": np.asarray(getattr(panel, name)) for panel in panels for name in names}
    save_arrays(path, KIND, {"letters": np.array([panel.letter for panel in panels]), **arrays})


def load_panels(path: str | Path) -> list[Panel]:
    """What `save_panels` wrote; ValueError for another kind of file."""
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


def draw_fig6(panels: Sequence[Panel]) -> Figure:
    """The panels that are there, in the paper's two rows, with their numbers under each."""
    rows = [[panel for letter in row for panel in panels if panel.letter == letter] for row in ROWS]
    rows = [row for row in rows if row]
    side_in = (style.WIDTH_IN - 4 * MARGIN_IN) / 3
    row_in = TITLE_IN + side_in + STORY_IN + MARGIN_IN
    figure = Figure(figsize=(style.WIDTH_IN, MARGIN_IN + len(rows) * row_in + 0.5))
    for number, row in enumerate(rows):
        top = MARGIN_IN + number * row_in
        for column, panel in enumerate(row):
            left = MARGIN_IN + column * (side_in + MARGIN_IN)
            style.text(figure, left, top, f"({panel.letter})  {TITLES[panel.letter]}")
            axes = style.bare(figure, left, top + TITLE_IN, side_in, side_in)
            sheet = _sheet(panel)
            side = max(sheet.shape[:2])
            frame(axes, side, side)
            place(axes, sheet, 0, 0, sheet.shape[1], sheet.shape[0])
            story_in = top + TITLE_IN + side_in + 0.06
            style.text(figure, left, story_in, panel.story(), fontsize=style.LABEL_PT, linespacing=1.4)
    note_in = MARGIN_IN + len(rows) * row_in
    style.text(figure, MARGIN_IN, note_in, NOTE, fontsize=style.NOTE_PT, color=style.FAINT)
    return figure


def _sheet(panel: Panel) -> NDArray[np.float32]:
    filters = panel.letter in "abc"
    largest = float(np.abs(panel.pictures).max()) if filters else None
    return np.asarray(grid(around_grey(panel.pictures, largest), gap_px=1 if filters else 2))
