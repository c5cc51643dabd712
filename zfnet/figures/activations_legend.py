"""What the figures of activations share: their margins, titles cut to fit, and what their colours stand for."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from zfnet.figures import style
from zfnet.figures.activation_maps import SCALES, colour_map

MARGIN_IN, LINE_IN, LEGEND_IN = 0.2, 0.2, 0.65
BAR_IN = 1.2, 0.09


def fitted(words: str, width_in: float = style.WIDTH_IN - 2 * MARGIN_IN, points: float = style.TITLE_PT) -> str:
    """Words that fit into so many inches, without their middle if they are too long."""
    shown, kept = words, len(words)
    while kept > 2 and _width_in(shown, points) > width_in:
        kept -= 1
        shown = f"{words[: -(-kept // 2)]}…{words[-(kept // 2) :]}"
    return shown


def _width_in(words: str, points: float) -> float:
    return float(TextPath((0, 0), words, size=points, prop=FontProperties(family="DejaVu Sans")).get_extents().x1 / 72)


def draw_legend(figure: Figure, top_in: float, scale: str, colours: str, note: str) -> None:
    """A bar of the colours between what their ends stand for, and the scale in words, continued by the note."""
    small = {"fontsize": style.NOTE_PT, "color": style.FAINT}
    style.text(figure, MARGIN_IN, top_in + 0.2, f"scale={scale}: {SCALES[scale].words}{note}", **small)
    before, after = SCALES[scale].ends
    bar_in = MARGIN_IN + _width_in(before, style.NOTE_PT) + 0.07
    style.text(figure, MARGIN_IN, top_in + 0.38, before, **small)
    axes = style.bare(figure, bar_in, top_in + 0.39, *BAR_IN)
    axes.imshow(np.linspace(0, 1, 256)[None], cmap=colour_map(colours), aspect="auto")
    style.text(figure, bar_in + BAR_IN[0] + 0.07, top_in + 0.38, f"{after}    colours={colours}", **small)
