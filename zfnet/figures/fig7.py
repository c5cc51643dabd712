"""Fig. 7: five panels an image, of what a network makes of it while a grey square hides one place after another."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from zfnet.figures.drawing import style
from zfnet.figures.drawing.gains import GAIN, gain_in_words
from zfnet.figures.drawing.heat import BAR_IN, TEXT_IN, Squares, draw_bar, draw_cells, say
from zfnet.figures.drawing.montage import around_grey, frame, place, side_of
from zfnet.files import load_arrays, save_arrays

KIND = "fig7"
PANELS = 6
MARGIN_IN, GAP_IN, HEAD_IN, BETWEEN_IN, NOTE_IN = 0.2, 0.12, 0.55, 0.15, 0.45
PANEL_IN = (style.WIDTH_IN - 2 * MARGIN_IN - (PANELS - 1) * GAP_IN) / PANELS
LINE_IN, LINES = 0.115, 3  # the least number of lines of text under a row of panels
TILE_GAP = 0.04
COLORS = ("#2166ac", "#e66101", "#4dac26", "#d01c8b", "#fdb863", "#bababa")  # the target, four others, the rest


@dataclass(frozen=True, kw_only=True)
class OcclusionRows:
    """N images of H x W pixels, a square of size_px at R x C places of each, and the strongest map of a layer on each.

    picture (N, H, W, 3) uint8, as the network saw it; path (N,); target (N,) the class followed; known (N,) whether it
    is the image's true class. rows (R,), columns (C,): the squares' first pixels. probability, label, activity
    (N, R, C): the target's probability, the most probable class, the sum over map (N,); clean_... (N,) without it.
    value, projection, patch (N, T ...): the map's strongest place on this image and on T - 1 others: what it answered
    (-inf where there is no such image), signed pixels (3, h, w), the image there (h, w, 3) uint8. names: of each class.
    """

    picture: NDArray[np.uint8]
    path: NDArray[np.str_]
    target: NDArray[np.int64]
    known: NDArray[np.bool_]
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    size_px: NDArray[np.int64]
    probability: NDArray[np.floating]
    label: NDArray[np.int64]
    activity: NDArray[np.floating]
    map: NDArray[np.int64]
    clean_probability: NDArray[np.floating]
    clean_label: NDArray[np.int64]
    clean_activity: NDArray[np.floating]
    value: NDArray[np.floating]
    projection: NDArray[np.float32]
    patch: NDArray[np.uint8]
    layer: NDArray[np.str_]
    names: NDArray[np.str_]

    @property
    def squares(self) -> Squares:
        """Where the square was, in pixels."""
        return Squares(rows=self.rows, columns=self.columns, size_px=int(self.size_px))

    def deepest(self, number: int) -> tuple[int, int]:
        """Which row and column of places lowers the target's probability most in an image."""
        row, column = np.unravel_index(self.probability[number].argmin(), self.probability[number].shape)
        return int(row), int(column)


def save_rows(path: Path, rows: OcclusionRows) -> None:
    """Write the arrays from which `load_rows` and `draw_fig7` draw it again."""
    save_arrays(path, KIND, asdict(rows))


def load_rows(path: str | Path) -> OcclusionRows:
    """What `save_rows` wrote. Raises ValueError for another kind of file."""
    arrays = load_arrays(path, KIND)
    return OcclusionRows(**{field.name: arrays[field.name] for field in fields(OcclusionRows)})


def draw_fig7(rows: OcclusionRows, *, gain: str = GAIN) -> Figure:
    """The paper's five panels a row; in (c) the image patches stand beside the projections.

    Without any tiles (T = 0) there is no (c). gain: of the projections, see `gains`; ValueError for one that is none.
    """
    legends = [legend_of(label, int(target)) for label, target in zip(rows.label, rows.target, strict=True)]
    texts_in = [LINE_IN * max(LINES, len(legend)) + BETWEEN_IN for legend in legends]
    end_in = HEAD_IN + sum(PANEL_IN + text_in for text_in in texts_in)
    tiles, titles = rows.value.shape[1] > 0, _titles(rows)
    figure, top = Figure(figsize=(_left(len(titles)) - GAP_IN + MARGIN_IN, end_in + NOTE_IN)), HEAD_IN
    for at, title in enumerate(titles):
        style.text(figure, _left(at), MARGIN_IN, title, fontsize=style.LABEL_PT + 1, linespacing=1.3)
    for number, (legend, text_in) in enumerate(zip(legends, texts_in, strict=True)):
        panels = [style.bare(figure, _left(at), top, PANEL_IN, PANEL_IN) for at in range(len(titles))]
        below = [style.bare(figure, _left(at), top + PANEL_IN, PANEL_IN, text_in) for at in range(len(titles))]
        for axes in below:
            frame(axes, PANEL_IN, text_in)
        _draw_image(panels[0], below[0], rows, number)
        _draw_activity(panels[1], below[1], rows, number)
        if tiles:
            _draw_strongest(panels[2:4], below[2], rows, number, gain)
        _draw_probability(panels[-2], below[-2], rows, number)
        _draw_labels(panels[-1], below[-1], rows, number, legend)
        top += PANEL_IN + text_in
    style.text(figure, MARGIN_IN, end_in, _note(rows, gain), fontsize=style.NOTE_PT, color=style.FAINT)
    return figure


def _draw_strongest(panels: list[Axes], below: Axes, rows: OcclusionRows, number: int, gain: str) -> None:
    _draw_tiles(panels[0], around_grey(rows.projection[number], gain=gain), rows.value[number])
    _draw_tiles(panels[1], rows.patch[number], rows.value[number])
    values = ", ".join(f"{value:.4g}" for value in rows.value[number] if np.isfinite(value))
    say(below, 0, BAR_IN[0], f"strongest activations: {values}")


def _left(panel: int) -> float:
    return MARGIN_IN + panel * (PANEL_IN + GAP_IN)


def _titles(rows: OcclusionRows) -> list[str]:
    followed = "target" if not rows.value.shape[1] else "true class" if rows.known.all() else "class under (a)"
    strongest = ["(c) projections of that map:\nhere (framed), other images", "… and what the images\nshow there"]
    return [
        "(a) the image, and the\nsquare where (d) is least",
        f"(b) {rows.layer}: total\nactivity of its strongest map",
        *(strongest if rows.value.shape[1] else []),
        f"(d) probability of the\n{followed}",
        "(e) most probable class",
    ]


def _note(rows: OcclusionRows, gain: str) -> str:
    height, width = rows.picture.shape[1:3]
    steps = f" in steps of {rows.rows[1] - rows.rows[0]} px" if len(rows.rows) > 1 else ""
    tiles = rows.value.shape[1] > 0
    words = (
        f"A square of {rows.size_px} px slides over images of {width} × {height} px{steps}; (b), (d) and (e) show"
        f"{' ' if tiles else chr(10)}at each point the answer with the square's centre there.\n"
        "Colours of (b) run from its least to its largest value, of (d) from 0; white lines in the bars: without a "
        "square."
    )
    if not tiles:
        return words
    return f"{words} Beyond an image's border: the network's mean colour.\n{gain_in_words(gain)}"


def _draw_image(axes: Axes, below: Axes, rows: OcclusionRows, number: int) -> None:
    height, width = rows.picture.shape[1:3]
    frame(axes, width, height)
    place(axes, rows.picture[number], 0, 0, width, height)
    row, column = rows.deepest(number)
    corner, size = (rows.columns[column], rows.rows[row]), int(rows.size_px)
    for color, line in (("black", 2.0), ("white", 1.0)):
        axes.add_patch(Rectangle(corner, size, size, fill=False, edgecolor=color, linewidth=line))
    target, label = (str(rows.names[at[number]]) for at in (rows.target, rows.clean_label))
    said = "target" if not rows.value.shape[1] else "true" if rows.known[number] else "taken for"
    lines = [f"{said}: {style.shortened(target, 24)}"]
    lines += [f"probability {rows.clean_probability[number]:.2f}"]
    if rows.clean_label[number] != rows.target[number]:
        lines += [f"taken for: {style.shortened(label, 24)}"]
    say(below, 0, BAR_IN[0], "\n".join(lines))


def _draw_activity(axes: Axes, below: Axes, rows: OcclusionRows, number: int) -> None:
    """In percent of what it is without a square, as it is where that is not above zero; from the least to the largest.

    From zero on, colours would be all alike where the square takes little.
    """
    clean, values = float(rows.clean_activity[number]), rows.activity[number]
    mark, unit = (clean, "") if clean <= 0 else (100.0, "%")
    shown = values if clean <= 0 else 100 * values / clean
    low, high = float(min(shown.min(), mark)), float(max(shown.max(), mark))
    high = high if high > low else low + 1  # where the map is the same everywhere
    draw_cells(axes, rows.picture[number], rows.squares, shown, low=low, high=high)
    draw_bar(below, PANEL_IN, low=low, high=high, mark=mark, unit=unit)
    say(below, PANEL_IN / 2, TEXT_IN, f"map {rows.map[number]}", ha="center")


def _draw_probability(axes: Axes, below: Axes, rows: OcclusionRows, number: int) -> None:
    values, clean = rows.probability[number], float(rows.clean_probability[number])
    high = max(values.max(), clean) or 1.0  # 1 where the class is impossible everywhere
    draw_cells(axes, rows.picture[number], rows.squares, values, low=0, high=high)
    draw_bar(below, PANEL_IN, low=0, high=high, mark=clean)
    say(below, PANEL_IN / 2, TEXT_IN, f"least {values.min():.2g}", ha="center")


def _draw_tiles(
    axes: Axes, pictures: NDArray[np.floating] | NDArray[np.uint8], values: NDArray[np.floating]
) -> None:  # fmt: skip
    """This image's tile in a black frame, then the others'."""
    side = side_of(len(pictures))
    tile = 1 / (side + (side - 1) * TILE_GAP)
    frame(axes, 1, 1)
    for rank, picture in enumerate(pictures):
        if np.isfinite(values[rank]):
            row, column = divmod(rank, side)
            place(axes, picture, column * tile * (1 + TILE_GAP), row * tile * (1 + TILE_GAP), tile, tile)
    axes.add_patch(Rectangle((0, 0), tile, tile, fill=False, edgecolor="black", linewidth=1.5, clip_on=False))


def legend_of(label: NDArray[np.int64], target: int) -> list[tuple[list[int], float]]:
    """Lines of a legend of labels (R, C): classes, and their share of the places.

    The target comes first, then the others by how common they are; the last line holds all that have no own colour.
    """
    found, counts = np.unique(label, return_counts=True)
    share = dict(zip(found.tolist(), (counts / label.size).tolist(), strict=True))
    others = sorted((one for one in share if one != target), key=lambda one: -share[one])
    lines = [[target], *([one] for one in others[: len(COLORS) - 2])]
    if rest := others[len(COLORS) - 2 :]:
        lines.append(rest)
    return [(line, sum(share.get(one, 0.0) for one in line)) for line in lines]


def _draw_labels(
    axes: Axes, below: Axes, rows: OcclusionRows, number: int, legend: list[tuple[list[int], float]]
) -> None:
    label, ranks = rows.label[number], np.zeros(rows.label.shape[1:], np.int64)
    for rank, (classes, share) in enumerate(legend):
        ranks[np.isin(label, classes)] = rank
        name = style.shortened(str(rows.names[classes[0]]), 24) if len(classes) == 1 else f"{len(classes)} others"
        top = BAR_IN[0] + rank * LINE_IN
        below.add_patch(Rectangle((0, top), 0.08, 0.08, facecolor=COLORS[rank], edgecolor="none"))
        say(below, 0.12, top - 0.01, f"{'<1%' if 0 < share < 0.005 else f'{share:.0%}'}  {name}")
    colors, most = ListedColormap(COLORS), len(COLORS) - 1
    draw_cells(axes, rows.picture[number], rows.squares, ranks, low=0, high=most, colors=colors)
