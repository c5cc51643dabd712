"""The look that all figures share, and how they are saved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from textwrap import wrap
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from zfnet.files import naming

DPI, COARSER = 300, 3  # of files; times the dots of what a screen is given
TITLE_PT, LABEL_PT, NOTE_PT = 9, 6.5, 6.5
INK, FAINT = "#222222", "#666666"
WIDTH_IN = 10.0
STRIP_MARGIN_IN, STRIP_LINE_IN, LETTER_IN = 0.2, 0.13, 0.052  # of `lines`, in NOTE_PT


@contextmanager
def _plain() -> Iterator[None]:
    """The same letters, whatever the user's matplotlibrc says."""
    with mpl.rc_context({"font.family": "DejaVu Sans"}):
        yield


def save(figure: Figure, folder: Path, name: str) -> Path:
    """Write name.png (300 dpi) and name.pdf to the folder; returns the PNG's path."""
    save_png(figure, folder, name)
    save_pdf(figure, folder, name)
    return folder / f"{name}.png"


def save_png(figure: Figure, folder: Path, name: str) -> NDArray[np.uint8]:
    """Write name.png (300 dpi) to the folder; returns it at a third of that (H, W, 3), for TensorBoard."""
    folder.mkdir(parents=True, exist_ok=True)
    path, canvas = folder / f"{name}.png", FigureCanvasAgg(figure)
    fast = {"compress_level": 3}  # half the time of 6
    with _plain(), naming(path):
        canvas.print_figure(path, dpi=DPI, facecolor="white", pil_kwargs=fast)
    drawn = Image.fromarray(np.asarray(canvas.renderer.buffer_rgba())).convert("RGB")
    return np.asarray(drawn.reduce(COARSER))


def save_pdf(figure: Figure, folder: Path, name: str) -> None:
    """Write name.pdf to the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.pdf"
    with _plain(), naming(path):
        figure.savefig(path, dpi=DPI, facecolor="white", metadata={"Title": name})


def pixels(figure: Figure, dpi: int = DPI // COARSER) -> NDArray[np.uint8]:
    """The figure as an image (H, W, 3)."""
    before, canvas = figure.dpi, FigureCanvasAgg(figure)
    figure.set_dpi(dpi)
    with _plain():
        canvas.draw()
    shown = np.asarray(canvas.buffer_rgba())[..., :3].copy()
    figure.set_dpi(before)
    return shown


def bare(figure: Figure, left_in: float, top_in: float, width_in: float, height_in: float) -> Axes:
    """Axes without frame or ticks, by inches from the figure's upper left corner."""
    width, height = figure.get_size_inches()
    box = (left_in / width, 1 - (top_in + height_in) / height, width_in / width, height_in / height)
    axes = figure.add_axes(box)
    axes.set_axis_off()
    return axes


def text(figure: Figure, left_in: float, top_in: float, words: str, **options: Any) -> None:
    """Text whose upper left corner lies at that many inches from the figure's."""
    width, height = figure.get_size_inches()
    options = {"fontsize": TITLE_PT, "color": INK, "va": "top", "ha": "left", **options}
    figure.text(left_in / width, 1 - top_in / height, words, **options)


def lines(words: Sequence[str], width_in: float) -> Figure:
    """A strip of faint lines, broken to a width, to be put under a figure."""
    letters = int((width_in - 2 * STRIP_MARGIN_IN) / LETTER_IN)
    parts = [part for line in words for part in wrap(line, letters, break_on_hyphens=False)]
    figure = Figure(figsize=(width_in, 2 * STRIP_MARGIN_IN + STRIP_LINE_IN * len(parts)))
    text(figure, STRIP_MARGIN_IN, STRIP_MARGIN_IN, "\n".join(parts), fontsize=NOTE_PT, color=FAINT)
    return figure


def shortened(name: str, most: int = 22) -> str:
    """The first of several names ("tench, Tinca tinca"), cut to that many letters."""
    first = name.split(",")[0]
    return first if len(first) <= most else first[: most - 1] + "…"
