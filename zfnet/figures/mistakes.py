"""What a classifier takes for what: its confusion matrix, and the images that it was most wrong about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray

from zfnet.figures.drawing import style
from zfnet.figures.drawing.montage import rows_of

NAMED = 40  # classes whose names fit beside the matrix
MATRIX_IN, NAMES_IN, TITLE_IN, MARGIN_IN = 7.0, 1.6, 0.35, 0.2
COLUMNS, TILE_IN, WORDS_IN = 4, 1.9, 0.4


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """An image (h, w, 3) uint8 taken for another class than its own, and the probabilities (0..1) given to both."""

    picture: NDArray[np.uint8]
    truth: str
    answer: str
    truth_probability: float
    answer_probability: float


def draw_confusion(counts: NDArray[np.int64], names: Sequence[str]) -> Figure:
    """The share of each class's images (rows) by answer (columns), the darker the larger, by its square root.

    counts (C, C): images by class and answer. names: of the C classes; more than NAMED are only numbered.
    """
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    named = len(names) <= NAMED
    left_in = MARGIN_IN + (NAMES_IN if named else 0.4)
    top_in = MARGIN_IN + TITLE_IN + (NAMES_IN if named else 0.3)
    figure = Figure(figsize=(left_in + MATRIX_IN + MARGIN_IN, top_in + MATRIX_IN + MARGIN_IN))
    right = int(np.trace(counts))
    title = (
        f"{counts.sum()} images, {right} right: class (row), answer (column), from white (none of a row) to dark (all)"
    )
    style.text(figure, MARGIN_IN, MARGIN_IN, title)
    axes = style.bare(figure, left_in, top_in, MATRIX_IN, MATRIX_IN)
    axes.set_axis_on()
    axes.imshow(shares, cmap="Blues", norm=PowerNorm(0.5, 0, 1), interpolation="nearest", aspect="auto")
    axes.xaxis.tick_top()
    axes.tick_params(labelsize=style.LABEL_PT, length=0)
    if named:
        axes.set_xticks(range(len(names)), [short(name) for name in names], rotation=90)
        axes.set_yticks(range(len(names)), [short(name) for name in names])
    return figure


def draw_mistakes(mistakes: Sequence[Mistake]) -> Figure:
    """A tile each, the worst first, with the class it is of and the one it was taken for."""
    rows = rows_of(len(mistakes), COLUMNS)
    pitch_in = TILE_IN + MARGIN_IN, TILE_IN + WORDS_IN
    size_in = MARGIN_IN + COLUMNS * pitch_in[0], MARGIN_IN + TITLE_IN + rows * pitch_in[1]
    figure = Figure(figsize=size_in)
    words = "Where the right class was given least" if mistakes else "No image was taken for another class"
    style.text(figure, MARGIN_IN, MARGIN_IN, words)
    for number, one in enumerate(mistakes):
        left_in = MARGIN_IN + (number % COLUMNS) * pitch_in[0]
        top_in = MARGIN_IN + TITLE_IN + (number // COLUMNS) * pitch_in[1]
        axes = style.bare(figure, left_in, top_in, TILE_IN, TILE_IN)
        axes.imshow(one.picture, interpolation="auto")
        below = (
            f"{short(one.truth)} {one.truth_probability:.1%}\n"
            f"taken for {short(one.answer)} {one.answer_probability:.0%}"
        )
        style.text(figure, left_in, top_in + TILE_IN + 0.03, below, fontsize=style.LABEL_PT)
    return figure


def short(name: str) -> str:
    """The first of a class's names, cut to what fits."""
    first = name.split(",")[0]
    return first if len(first) <= 22 else f"{first[:19]}..."
