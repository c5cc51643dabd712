"""Fig. 5: images move, grow and turn; how far the features of two layers go, and what the class's probability does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from zfnet.figures.drawing import style
from zfnet.figures.drawing.montage import frame, place
from zfnet.files import load_arrays, save_arrays

KIND = "fig5"
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#222222", "#e69f00", "#56b4e9", "#999999")
LINES = ("-", "--", ":")  # when the colours come round again
MARGIN_IN, HEAD_IN, BETWEEN_IN, LEGEND_LINE_IN, NOTE_IN = 0.2, 0.42, 0.62, 0.3, 0.3
PICTURES_IN, STRIPE_IN, AXIS_IN = 2.2, 0.06, 0.45  # the width of the first panel, of its colours, of a plot's numbers
TILE_GAP = 0.04
LEGEND_COLUMNS = 5
TITLES = {  # of a row, and of its axis
    "translation_y": ("vertical translation", "px down"),
    "translation_x": ("horizontal translation", "px to the right"),
    "scale": ("scale", "times as large"),
    "rotation": ("rotation", "degrees counter-clockwise"),
    "brightness": ("brightness", "times as bright"),
    "blur": ("blur", "deviation of the Gaussian in px"),
}


@dataclass(frozen=True, kw_only=True)
class Subjects:
    """The N images of the figure: path (N,); target (N,) the class followed, known (N,) whether it is the true one;
    label (N,) and probability (N,): the most probable class of the image as it is, and the target's probability.
    layers (L,): names of the layers. names: of each class.
    """

    path: NDArray[np.str_]
    target: NDArray[np.int64]
    known: NDArray[np.bool_]
    label: NDArray[np.int64]
    probability: NDArray[np.floating]
    layers: NDArray[np.str_]
    names: NDArray[np.str_]


@dataclass(frozen=True, kw_only=True)
class Curves:
    """A row of the figure: N images under V settings of a transform. values (V,); identity: the one without effect.

    distance (L, N, V): of each layer's features to the untransformed image's, whose norms are norm (L, N).
    probability (N, V): the target's; label (N, V): the most probable class.
    shown (K,): settings whose pictures (N, K, H, W, 3) uint8 are shown.
    """

    values: NDArray[np.float64]
    identity: NDArray[np.float64]
    distance: NDArray[np.floating]
    norm: NDArray[np.floating]
    probability: NDArray[np.floating]
    label: NDArray[np.int64]
    shown: NDArray[np.float64]
    picture: NDArray[np.uint8]


def save_curves(path: Path, subjects: Subjects, rows: Mapping[str, Curves]) -> None:
    """Keep the arrays of all rows, by transform."""
    arrays = {f"{name}/{key}": values for name, row in rows.items() for key, values in asdict(row).items()}
    save_arrays(path, KIND, {**asdict(subjects), **arrays})


def load_curves(path: str | Path) -> tuple[Subjects, dict[str, Curves]]:
    """What `save_curves` wrote. Raises ValueError for another kind of file."""
    arrays = load_arrays(path, KIND)
    names = dict.fromkeys(name.split("/")[0] for name in arrays if "/" in name)
    subjects = Subjects(**{field.name: arrays[field.name] for field in fields(Subjects)})
    rows = {name: Curves(**{field.name: arrays[f"{name}/{field.name}"] for field in fields(Curves)}) for name in names}
    return subjects, rows


def draw_fig5(subjects: Subjects, rows: Mapping[str, Curves]) -> Figure:
    """A row a transform: the images under it, the distance at each layer, the class's probability."""
    plots = len(subjects.layers) + 1
    plot_in = (style.WIDTH_IN - 2 * MARGIN_IN - PICTURES_IN - plots * AXIS_IN) / plots
    row_in = max(_tiles_in(next(iter(rows.values())))[1], 1.5)
    legend_in = LEGEND_LINE_IN * (1 + (len(subjects.path) - 1) // LEGEND_COLUMNS)
    height_in = HEAD_IN + legend_in + len(rows) * (row_in + BETWEEN_IN) + NOTE_IN
    figure = Figure(figsize=(style.WIDTH_IN, height_in))
    _draw_legend(figure, subjects)
    top = MARGIN_IN + legend_in + HEAD_IN
    for letter, (name, row) in zip("abcdefgh", rows.items(), strict=False):
        title, unit = TITLES.get(name, (name, ""))
        style.text(figure, MARGIN_IN, top - 0.22, f"({letter}1) {title}", fontsize=style.LABEL_PT + 1.5)
        _draw_pictures(figure, MARGIN_IN, top, row)
        for at in range(plots):
            left = MARGIN_IN + PICTURES_IN + at * (plot_in + AXIS_IN) + AXIS_IN
            axes = _plot(figure, (left, top, plot_in, row_in), row, unit)
            last = at == plots - 1
            what = _chance(subjects) if last else f"distance at {_called(subjects.layers[at])}"
            style.text(figure, left, top - 0.22, f"({letter}{at + 2}) {what}", fontsize=style.LABEL_PT + 1.5)
            _draw_curves(axes, row.values, row.probability if last else row.distance[at])
            axes.set_ylim(0, 1.02 if last else None)
        top += row_in + BETWEEN_IN
    style.text(figure, MARGIN_IN, height_in - NOTE_IN, _note(rows), fontsize=style.NOTE_PT, color=style.FAINT)
    return figure


def _called(layer: str) -> str:
    return f"layer {layer}" if layer.isdigit() else layer


def _chance(subjects: Subjects) -> str:
    return f"probability of {'the true class' if subjects.known.all() else 'the class above'}"


def _note(rows: Mapping[str, Curves]) -> str:
    height, width = next(iter(rows.values())).picture.shape[2:4]
    return (
        f"Images of {width} × {height} px; what comes in at the borders is the network's grey. Distances are Euclidean,"
        " to the feature vector of the image as it is (thin line). p: the class's probability then."
    )


def _color(number: int) -> str:
    return COLORS[number % len(COLORS)]


def _line(number: int) -> str:
    return LINES[number // len(COLORS) % len(LINES)]


def _draw_legend(figure: Figure, subjects: Subjects) -> None:
    """A line and the class of each image, how probable the network finds it and what it takes it for instead."""
    across_in = (style.WIDTH_IN - 2 * MARGIN_IN) / LEGEND_COLUMNS
    for number, (target, label) in enumerate(zip(subjects.target, subjects.label, strict=True)):
        row, column = divmod(number, LEGEND_COLUMNS)
        left, top = MARGIN_IN + column * across_in, MARGIN_IN + row * LEGEND_LINE_IN
        axes = style.bare(figure, left, top, 0.25, LEGEND_LINE_IN)
        axes.plot([0, 1], [0.7, 0.7], color=_color(number), linestyle=_line(number), linewidth=2)
        axes.set_xlim(0, 1), axes.set_ylim(0, 1)
        words = f"{style.shortened(str(subjects.names[target]))}, p = {subjects.probability[number]:.2f}"
        if label != target:
            words += f"\ntaken for: {style.shortened(str(subjects.names[label]))}"
        style.text(figure, left + 0.3, top + 0.02, words, fontsize=style.LABEL_PT + 0.5)


def _tiles_in(row: Curves) -> tuple[float, float]:
    """The width and height of all pictures of a row, in inches."""
    count, across, height, width = row.picture.shape[:4]
    tile_in = (PICTURES_IN - 2 * STRIPE_IN) / (across + (across - 1) * TILE_GAP)
    return PICTURES_IN - 2 * STRIPE_IN, tile_in * height / width * (count + (count - 1) * TILE_GAP)


def _draw_pictures(figure: Figure, left: float, top: float, row: Curves) -> None:
    """A line of pictures an image, with its colour before it and the settings under the last."""
    width_in, height_in = _tiles_in(row)
    count, across = row.picture.shape[:2]
    axes = style.bare(figure, left, top, width_in + 2 * STRIPE_IN, height_in)
    frame(axes, width_in + 2 * STRIPE_IN, height_in)
    wide, high = width_in / (across + (across - 1) * TILE_GAP), height_in / (count + (count - 1) * TILE_GAP)
    for number in range(count):
        down = number * high * (1 + TILE_GAP)
        axes.add_patch(Rectangle((0, down), STRIPE_IN, high, facecolor=_color(number), edgecolor="none"))
        for at in range(across):
            place(axes, row.picture[number, at], 2 * STRIPE_IN + at * wide * (1 + TILE_GAP), down, wide, high)
    for at, value in enumerate(row.shown):
        middle = 2 * STRIPE_IN + (at * (1 + TILE_GAP) + 0.5) * wide
        axes.text(middle, height_in + 0.05, f"{value:g}", fontsize=style.LABEL_PT, ha="center", va="top")


def _plot(figure: Figure, box_in: tuple[float, float, float, float], row: Curves, unit: str) -> Axes:
    """box_in: left, top, width and height, in inches from the figure's upper left corner."""
    axes = style.bare(figure, *box_in)
    axes.set_axis_on()
    axes.tick_params(labelsize=style.LABEL_PT, length=2, width=0.5, pad=2)
    axes.set_xlabel(unit, fontsize=style.LABEL_PT, labelpad=2)
    axes.set_xlim(row.values.min(), row.values.max())
    axes.set_xticks(row.shown)
    axes.axvline(float(row.identity), color=style.FAINT, linewidth=0.5)
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def _draw_curves(axes: Axes, values: NDArray[np.float64], curves: NDArray[np.floating]) -> None:
    order = np.argsort(values, kind="stable")
    for number, curve in enumerate(curves):
        axes.plot(values[order], curve[order], color=_color(number), linestyle=_line(number), linewidth=1.2)
