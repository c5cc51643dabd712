"""Class heat maps: how probable classes are at each place of an image, over the image, and the most probable one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from zfnet.figures.drawing import style
from zfnet.figures.drawing.heat import BAR_IN, COLORS, TEXT_IN, draw_bar, say
from zfnet.figures.drawing.montage import frame, place
from zfnet.figures.fig7 import COLORS as LABEL_COLORS, LINE_IN, legend_of
from zfnet.files import load_arrays, save_arrays

KIND = "classmap"
MARGIN_IN, GAP_IN, TITLES_IN, NOTE_IN, BETWEEN_IN = 0.2, 0.12, 0.3, 0.55, 0.12
COLOR_SHARE = 0.6  # of a colour over the grey picture
LETTERS = 26


@dataclass(frozen=True, kw_only=True)
class ClassMaps:
    """A network slid over one image of H x W pixels: C classes at h x w places.

    picture (H, W, 3) uint8; path; names, wnids (C,), the latter empty where not known; probability (C, h, w), over the
    classes at each place; rows (h,), columns (w,): the pixels in the middle of what the places see; window (3,): how
    many pixels that is, their step, and where the first begins, of rows and columns alike; chosen (K,): the classes to
    draw; network: a word on it.
    """

    picture: NDArray[np.uint8]
    path: NDArray[np.str_]
    names: NDArray[np.str_]
    wnids: NDArray[np.str_]
    probability: NDArray[np.float32]
    rows: NDArray[np.float64]
    columns: NDArray[np.float64]
    window: NDArray[np.int64]
    chosen: NDArray[np.int64]
    network: NDArray[np.str_]

    @property
    def label(self) -> NDArray[np.int64]:
        """The most probable class at each place (h, w)."""
        return np.asarray(self.probability.argmax(0))

    def over_image(self, number: int) -> NDArray[np.float64]:
        """The probability of a class at every pixel (H, W)."""
        return upsampled(self.probability[number], self.rows, self.columns, *self.picture.shape[:2])


def save_maps(path: Path, maps: Sequence[ClassMaps]) -> None:
    """Write the arrays from which `load_maps` and `draw_classmaps` draw it again."""
    arrays = {f"{name}_{number}": value for number, one in enumerate(maps) for name, value in vars(one).items()}
    save_arrays(path, KIND, {"count": np.array(len(maps)), **arrays})


def load_maps(path: str | Path) -> list[ClassMaps]:
    """What `save_maps` wrote. Raises ValueError for another kind of file."""
    arrays = load_arrays(path, KIND)
    names = ClassMaps.__dataclass_fields__
    return [ClassMaps(**{name: arrays[f"{name}_{number}"] for name in names}) for number in range(arrays["count"])]


def upsampled(
    values: NDArray[np.floating], rows: NDArray[np.float64], columns: NDArray[np.float64], height: int, width: int
) -> NDArray[np.float64]:
    """Values (h, w) at pixels (rows, columns) as (height, width): linear in between, the outermost beyond."""
    across = np.stack([np.interp(np.arange(width), columns, line) for line in values])
    return np.stack([np.interp(np.arange(height), rows, line) for line in across.T], axis=1)


def nearest(at: NDArray[np.float64], length: int) -> NDArray[np.int64]:
    """For each of `length` pixels, which of the places at these pixels is nearest."""
    return np.asarray(np.abs(np.arange(length)[:, None] - at).argmin(1))


def draw_classmaps(maps: Sequence[ClassMaps]) -> Figure:
    """A row an image: the image, the most probable class at each place, and the chosen classes' probabilities."""
    panels = 2 + max(len(one.chosen) for one in maps)
    width_in = (style.WIDTH_IN - 2 * MARGIN_IN - (panels - 1) * GAP_IN) / panels
    legends = [legend_of(one.label, int(np.bincount(one.label.ravel()).argmax())) for one in maps]
    heights_in = [width_in * one.picture.shape[0] / one.picture.shape[1] for one in maps]
    texts_in = [LINE_IN * max(4, len(legend)) + BETWEEN_IN for legend in legends]
    end_in = MARGIN_IN + TITLES_IN + sum(heights_in) + sum(texts_in)
    figure, top = Figure(figsize=(style.WIDTH_IN, end_in + NOTE_IN)), MARGIN_IN + TITLES_IN
    for at, title in enumerate(("image", "most probable class", "probability of a class")):
        style.text(figure, MARGIN_IN + at * (width_in + GAP_IN), MARGIN_IN, title)
    for one, legend, height_in, text_in in zip(maps, legends, heights_in, texts_in, strict=True):
        lefts = [MARGIN_IN + at * (width_in + GAP_IN) for at in range(2 + len(one.chosen))]
        axes = [style.bare(figure, left, top, width_in, height_in) for left in lefts]
        below = [style.bare(figure, left, top + height_in, width_in, text_in) for left in lefts]
        for words in below:
            frame(words, width_in, text_in)
        _draw_image(axes[0], below[0], one)
        _draw_labels(axes[1], below[1], one, legend)
        for number, panel, words in zip(one.chosen.tolist(), axes[2:], below[2:], strict=True):
            _draw_class(panel, words, one, number, width_in)
        top += height_in + text_in
    style.text(figure, MARGIN_IN, end_in, _note(str(maps[0].network)), fontsize=style.NOTE_PT, color=style.FAINT)
    return figure


def _note(network: str) -> str:
    return (
        f"{network}\n"
        "Each place's probabilities are over all classes; they stand at the middle of what the place sees, with linear "
        "values in between and the outermost continued to the image's border.\nMost probable class: the colour of the "
        "nearest place, the stronger the more probable; shares are of the places. Bars: from 0 to the highest value in "
        "the map."
    )


def _draw_image(axes: Axes, below: Axes, one: ClassMaps) -> None:
    _show(axes, one.picture)
    height, width = one.picture.shape[:2]
    size, step, _ = one.window.tolist()
    places = f"{len(one.rows)} × {len(one.columns)} places, each seeing"
    lines = [
        style.shortened(Path(str(one.path)).name, LETTERS),
        f"{height} × {width} px",
        places,
        f"{size} px in steps of {step}",
    ]
    say(below, 0, BAR_IN[0], "\n".join(lines[:2]))
    say(below, 0, BAR_IN[0] + 2 * LINE_IN, "\n".join(lines[2:]))


def _draw_class(axes: Axes, below: Axes, one: ClassMaps, number: int, width_in: float) -> None:
    values = one.over_image(number)
    high = max(float(values.max()), 1e-12)
    _show(axes, _over(one.picture, mpl.colormaps[COLORS](values / high)[..., :3], COLOR_SHARE))
    draw_bar(below, width_in, low=0, high=high, mark=None)
    say(below, width_in / 2, TEXT_IN, f"mean {one.probability[number].mean():.2g}", ha="center")
    name = style.shortened(str(one.names[number]), LETTERS)
    say(below, 0, TEXT_IN + LINE_IN, f"class {name}" if name.isdigit() else name)  # under the bar's own numbers


def _draw_labels(axes: Axes, below: Axes, one: ClassMaps, legend: list[tuple[list[int], float]]) -> None:
    label, height, width = one.label, *one.picture.shape[:2]
    ranks = np.zeros(label.shape, np.int64)
    for rank, (classes, share) in enumerate(legend):
        ranks[np.isin(label, classes)] = rank
        name = (
            style.shortened(str(one.names[classes[0]]), LETTERS - 6) if len(classes) == 1 else f"{len(classes)} others"
        )
        top = BAR_IN[0] + rank * LINE_IN
        below.add_patch(Rectangle((0, top), 0.08, 0.08, facecolor=LABEL_COLORS[rank], edgecolor="none"))
        say(below, 0.12, top - 0.01, f"{'<1%' if 0 < share < 0.005 else f'{share:.0%}'}  {name}")
    where = np.ix_(nearest(one.rows, height), nearest(one.columns, width))
    colors = np.array([to_rgb(color) for color in LABEL_COLORS])[ranks][where]
    strength = COLOR_SHARE * (0.25 + 0.75 * one.probability.max(0)[where])
    _show(axes, _over(one.picture, colors, strength[..., None]))


def _over(picture: NDArray[np.uint8], colors: NDArray[Any], share: float | NDArray[Any]) -> NDArray[np.float64]:
    """Colours (H, W, 3) in 0..1 over the picture in grey."""
    grey = picture.mean(axis=2, keepdims=True) / 255
    return np.asarray(share * colors + (1 - share) * grey)


def _show(axes: Axes, picture: NDArray[Any]) -> None:
    height, width = picture.shape[:2]
    frame(axes, width, height)
    place(axes, picture, 0, 0, width, height)
