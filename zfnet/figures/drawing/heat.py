"""Values at the places of a square that slides over an image, drawn where its centre lies, and their bar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from zfnet.figures.drawing import style
from zfnet.figures.drawing.montage import frame, place

COLORS = "viridis"
PALE = 0.35
BAR_IN, TEXT_IN = (0.05, 0.12), 0.14  # under a heat map: the bar, and the text under it


@dataclass(frozen=True, kw_only=True)
class Squares:
    """Squares of size_px whose first pixels are rows (R,) and columns (C,)."""

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    size_px: int

    def edges(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Where their cells end, across (C + 1,) and down (R + 1,): half-way between neighbouring centres."""
        return self._between(self.columns), self._between(self.rows)

    def _between(self, starts: NDArray[np.int64]) -> NDArray[np.float64]:
        centres = starts + self.size_px / 2
        middles = (centres[1:] + centres[:-1]) / 2
        half = (middles[0] - centres[0], centres[-1] - middles[-1]) if len(middles) else (self.size_px / 2,) * 2
        return np.concatenate([[centres[0] - half[0]], middles, [centres[-1] + half[1]]])


def draw_cells(
    axes: Axes, picture: NDArray[np.uint8], squares: Squares, values: NDArray[Any], *, low: float, high: float,
    colors: Any = COLORS,
) -> None:  # fmt: skip
    """Values (R, C) as colours from low to high, over the picture (H, W, 3) in pale grey."""
    height, width = picture.shape[:2]
    frame(axes, width, height)
    pale = 255 - PALE * (255 - picture.mean(axis=2, keepdims=True).repeat(3, axis=2))
    place(axes, pale.astype(np.uint8), 0, 0, width, height)
    axes.pcolorfast(*squares.edges(), values, cmap=colors, vmin=low, vmax=high)


def draw_bar(axes: Axes, width_in: float, *, low: float, high: float, mark: float | None, unit: str = "") -> None:
    """A bar from low to high along the top of axes in inches, its ends in numbers, a white line at the mark."""
    axes.imshow(np.linspace(0, 1, 256)[None], cmap=COLORS, extent=(0, width_in, BAR_IN[1], BAR_IN[0]), aspect="auto")
    if mark is not None:
        at = width_in * (mark - low) / (high - low)
        axes.plot([at, at], BAR_IN, color="white", linewidth=1.2)
    say(axes, 0, TEXT_IN, f"{low:.3g}{unit}")
    say(axes, width_in, TEXT_IN, f"{high:.3g}{unit}", ha="right")


def say(axes: Axes, left: float, top: float, words: str, **options: Any) -> None:
    """Small text on axes whose rows run downwards."""
    axes.text(left, top, words, fontsize=style.LABEL_PT - 0.5, color=style.INK, va="top", clip_on=False, **options)
