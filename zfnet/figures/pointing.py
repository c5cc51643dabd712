"""The pointing game drawn: where hiding a square hurts most on an image of each class, and what each part is worth."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from zfnet.figures.drawing import style
from zfnet.figures.drawing.heat import BAR_IN, COLORS, TEXT_IN, Squares, draw_cells, say
from zfnet.figures.drawing.montage import frame, place
from zfnet.files import load_arrays, save_arrays

KIND = "pointing"
ACROSS = 5  # classes a row
MARGIN_IN, GAP_IN, BETWEEN_IN = 0.2, 0.25, 0.06
CELL_IN = (style.WIDTH_IN - 2 * MARGIN_IN - (ACROSS - 1) * GAP_IN) / ACROSS
PANEL_IN = (CELL_IN - BETWEEN_IN) / 2
HEAD_IN, WORDS_IN, LINE_IN, UNDER_IN, NOTE_IN = 0.2, 0.36, 0.115, 0.25, 0.55
LABEL_IN = 0.78
DECIDING, OTHER = "#e66101", "#8da0b6"


OF_IMAGES = (
    "path", "target", "clean_probability", "clean_label", "object", "probability", "hit", "chance", "middle",
    "deciding_hit", "deciding_chance", "deciding_middle",
)  # fmt: skip
OF_PARTS = ("part_name", "part_deciding", "part_box", "part_drop", "on_object", "in_image")


@dataclass(frozen=True, kw_only=True)
class Points:
    """N images, a square of size_px at R x C places of each, and the P parts seen in them.

    path, target (class followed), clean_probability, clean_label (N,): of each image; object (N, 4) its box, left, top,
    right, bottom in pixels of the view. rows (R,), columns (C,): the squares' first pixels; probability (N, R, C).
    hit, chance, middle (N,): whether the greatest drop lies in the object's box, the share of places that do, whether
    the middle of the image does; deciding_... (N,) the same of its deciding parts, nan without any.
    part_image (P,) the image of a part; part_name, part_deciding (P,); part_box (P, 4); part_drop (P,): what hiding it
    takes from the target, nan where no square touches it; on_object, in_image (P,): the mean of random boxes of its
    size in the object's box and in the view. shown (S,): the images that are drawn, picture (S, H, W, 3) uint8.
    names: of each class.
    """

    path: NDArray[np.str_]
    target: NDArray[np.int64]
    clean_probability: NDArray[np.floating]
    clean_label: NDArray[np.int64]
    object: NDArray[np.int64]
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    size_px: NDArray[np.int64]
    probability: NDArray[np.floating]
    hit: NDArray[np.floating]
    chance: NDArray[np.floating]
    middle: NDArray[np.floating]
    deciding_hit: NDArray[np.floating]
    deciding_chance: NDArray[np.floating]
    deciding_middle: NDArray[np.floating]
    part_image: NDArray[np.int64]
    part_name: NDArray[np.str_]
    part_deciding: NDArray[np.bool_]
    part_box: NDArray[np.int64]
    part_drop: NDArray[np.floating]
    on_object: NDArray[np.floating]
    in_image: NDArray[np.floating]
    shown: NDArray[np.int64]
    picture: NDArray[np.uint8]
    names: NDArray[np.str_]

    def classes(self) -> list[int]:
        """The classes of the images, in the images' order."""
        return list(dict.fromkeys(self.target.tolist()))

    def of_correct(self) -> Points:
        """Of the images that the network takes for what they are, and their parts alone."""
        kept, shown = self.clean_label == self.target, (self.clean_label == self.target)[self.shown]
        own, number = kept[self.part_image], np.cumsum(kept) - 1  # number (N,): of an image among those kept
        return replace(
            self,
            **{name: getattr(self, name)[kept] for name in OF_IMAGES},
            **{name: getattr(self, name)[own] for name in OF_PARTS},
            part_image=number[self.part_image[own]], shown=number[self.shown[shown]], picture=self.picture[shown],
        )  # fmt: skip

    def parts_of(self, target: int) -> list[tuple[str, NDArray[np.bool_]]]:
        """The names of a class's parts and which of the P parts they are, by what hiding them takes, most first."""
        own = self.target[self.part_image] == target
        found = [(str(name), own & (self.part_name == name)) for name in np.unique(self.part_name[own])]
        return sorted(found, key=lambda one: -mean(self.part_drop[one[1]]))


def mean(values: NDArray[np.floating]) -> float:
    """The mean of those that are numbers; nan where none is."""
    there = values[np.isfinite(values)]
    return float(there.mean()) if there.size else float("nan")


def save_points(path: Path, points: Points) -> None:
    """Write the arrays from which `load_points` and `draw_pointing` draw it again."""
    save_arrays(path, KIND, asdict(points))


def load_points(path: str | Path) -> Points:
    """What `save_points` wrote. Raises ValueError for another kind of file."""
    arrays = load_arrays(path, KIND)
    return Points(**{field.name: arrays[field.name] for field in fields(Points)})


def draw_pointing(points: Points) -> Figure:
    """A cell a class: an image with its boxes and the place of the greatest drop, the drops, and the parts' drops."""
    classes = points.classes()
    lines = [len(points.parts_of(target)) for target in classes]
    heights = [
        HEAD_IN + PANEL_IN + WORDS_IN + LINE_IN * max(lines[at : at + ACROSS]) + UNDER_IN
        for at in range(0, len(classes), ACROSS)
    ]
    figure = Figure(figsize=(style.WIDTH_IN, MARGIN_IN + sum(heights) + NOTE_IN))
    longest = max((mean(points.part_drop[own]) for target in classes for _, own in points.parts_of(target)), default=1)
    for number, target in enumerate(classes):
        left = MARGIN_IN + number % ACROSS * (CELL_IN + GAP_IN)
        top = MARGIN_IN + sum(heights[: number // ACROSS])
        _draw_class(figure, (left, top), points, target, max(longest, 0.01))
    _draw_note(figure, points, MARGIN_IN + sum(heights))
    return figure


def _draw_class(figure: Figure, corner_in: tuple[float, float], points: Points, target: int, longest: float) -> None:
    """longest: the drop whose bar is as long as there is room."""
    left, top = corner_in
    style.text(figure, left, top, style.shortened(str(points.names[target]), 24))
    own = points.target == target
    image, drops = (
        style.bare(figure, left + at * (PANEL_IN + BETWEEN_IN), top + HEAD_IN, PANEL_IN, PANEL_IN) for at in range(2)
    )
    shown = np.flatnonzero(own[points.shown])
    if len(shown):
        greatest = _draw_image(image, drops, points, int(shown[0]))
        right = left + PANEL_IN + BETWEEN_IN
        style.text(figure, right, top + 0.05, f"greatest drop {greatest:.2g}", fontsize=style.NOTE_PT)
    parts = points.parts_of(target)
    height = WORDS_IN + LINE_IN * len(parts)
    below = style.bare(figure, left, top + HEAD_IN + PANEL_IN, CELL_IN, height)
    frame(below, CELL_IN, height)
    hits = f"on the object {points.hit[own].mean():.0%} (chance {points.chance[own].mean():.0%})"
    if np.isfinite(points.deciding_hit[own]).any():
        hits += f"\non a deciding part {mean(points.deciding_hit[own]):.0%} ({mean(points.deciding_chance[own]):.0%})"
    say(below, 0, 0.04, hits)
    per_drop = (CELL_IN - LABEL_IN - 0.26) / longest
    for line, (name, which) in enumerate(parts):
        drop, random = (mean(values[which]) for values in (points.part_drop, points.on_object))
        at, ends = WORDS_IN + line * LINE_IN, [LABEL_IN + max(value, 0) * per_drop for value in (drop, random)]
        color = DECIDING if points.part_deciding[which].any() else OTHER
        say(below, LABEL_IN - 0.05, at, name.replace("_", " "), ha="right")
        if not np.isfinite([drop, random]).all():
            say(below, LABEL_IN, at, "beyond the squares")
            continue
        below.add_patch(Rectangle((LABEL_IN, at), ends[0] - LABEL_IN, LINE_IN - 0.025, color=color, linewidth=0))
        below.plot([ends[1], ends[1]], [at - 0.01, at + LINE_IN - 0.015], color="black", linewidth=1)
        say(below, max(ends) + 0.05, at, f"{round(drop, 2) + 0.0:.2f}")  # -0.0 is 0.0


def _draw_image(axes: Axes, drops: Axes, points: Points, number: int) -> float:
    """A shown image with its boxes, and the drops at each place; a cross at the greatest, which is returned."""
    picture, image = points.picture[number], int(points.shown[number])
    frame(axes, picture.shape[1], picture.shape[0])
    place(axes, picture, 0, 0, picture.shape[1], picture.shape[0])
    deciding = points.part_box[(points.part_image == image) & points.part_deciding]
    for box, color in ((points.object[image], "white"), *((box, DECIDING) for box in deciding)):
        left, top, right, bottom = box
        axes.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor=color, linewidth=0.9))
    squares = Squares(rows=points.rows, columns=points.columns, size_px=int(points.size_px))
    found = points.clean_probability[image] - points.probability[image]
    draw_cells(drops, picture, squares, found, low=0, high=max(found.max(), 1e-6))
    row, column = np.unravel_index(found.argmax(), found.shape)
    at = [start + int(points.size_px) / 2 for start in (points.columns[column], points.rows[row])]
    for panel in (axes, drops):
        for color, line in (("black", 2.4), ("white", 1.2)):
            panel.plot(*([one] for one in at), "x", color=color, markersize=6, markeredgewidth=line)
    return float(found.max())


def _draw_note(figure: Figure, points: Points, top: float) -> None:
    bar = style.bare(figure, MARGIN_IN, top, PANEL_IN, 0.3)
    frame(bar, PANEL_IN, 0.3)
    bar.imshow(np.linspace(0, 1, 256)[None], cmap=COLORS, extent=(0, PANEL_IN, BAR_IN[1], BAR_IN[0]), aspect="auto")
    say(bar, 0, TEXT_IN, "0")
    say(bar, PANEL_IN, TEXT_IN, "greatest drop", ha="right")
    words = (
        f"Drop of the class's probability with a square of {points.size_px} px centred there; × greatest; boxes: the "
        "object (white) and its deciding parts (orange). Bars: the mean drop with a part hidden,\ndeciding parts "
        "orange; black line: a random box of the part's size on the object. "
        f"Shares and bars are over {len(points.path)} images; the first of each class is shown."
    )
    style.text(figure, MARGIN_IN + PANEL_IN + 0.2, top, words, fontsize=style.NOTE_PT, color=style.FAINT)
