"""What the figures of activations share: their margins, titles cut to fit, and what their colours stand for."""

from __future__ import annotations

from functools import cache

import numpy as np
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font

from zfnet.figures.activations.maps import SCALES, colour_map
from zfnet.figures.drawing import style

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
    return 1.05 * points / 72 * sum(map(_letter, words))  # the backends round letters up to pixels


@cache
def _letter(letter: str) -> float:
    """Its width over its size, in the letters of `style`."""
    font = get_font(findfont("DejaVu Sans"))
    font.set_size(100, 72)
    return float(font.load_char(ord(letter)).linearHoriAdvance / 65536 / 100)


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
