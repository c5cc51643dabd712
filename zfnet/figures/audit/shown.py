"""Pictures of every method on a few images, by the network and by one whose weights are all random."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from zfnet.figures.drawing import style
from zfnet.files import load_arrays, save_arrays

KIND = "audit"
LEFT_IN, HEAD_IN, GAP_IN = 1.0, 0.62, 0.05
NETWORKS = ("trained", "random")


@dataclass(frozen=True, kw_only=True)
class Shown:
    """methods (M,), titles (N,), pixels (N, H, W, 3) uint8; pictures (M, 2, N, H, W): importance, by NETWORKS."""

    methods: NDArray[np.str_]
    titles: NDArray[np.str_]
    pixels: NDArray[np.uint8]
    pictures: NDArray[np.float32]


def save_shown(path: Path, shown: Shown | None) -> None:
    """Write what `load_shown` reads; nothing for None."""
    if shown is not None:
        save_arrays(path, KIND, {name: getattr(shown, name) for name in ("methods", "titles", "pixels", "pictures")})


def load_shown(path: str | Path) -> Shown:
    """What `save_shown` wrote. Raises ValueError for another kind of file."""
    arrays: dict[str, Any] = {
        name: value for name, value in load_arrays(path, KIND).items() if name in Shown.__dataclass_fields__
    }
    return Shown(**arrays)


def draw_shown(shown: Shown) -> Figure:
    """Two rows an image, trained and random; a column a method. Black: most important, by each picture's own 99.5 %."""
    columns, count = len(shown.methods) + 1, len(shown.titles)
    side = (style.WIDTH_IN - LEFT_IN - 0.1) / columns
    figure = Figure(figsize=(style.WIDTH_IN, HEAD_IN + 2 * count * side + 0.1))
    title = "Pictures of the most probable class, and what the same method shows of a network of random weights"
    style.text(figure, 0.1, 0.08, title)
    for column, method in enumerate(["image", *shown.methods.tolist()]):
        middle = LEFT_IN + (column + 0.5) * side
        style.text(figure, middle, 0.42, method, ha="center", fontsize=style.LABEL_PT + 0.5)
    for number, name in enumerate(shown.titles.tolist()):
        for network, word in enumerate(NETWORKS):
            top = HEAD_IN + (2 * number + network) * side
            style.text(figure, 0.1, top + 0.1, f"{style.shortened(name, 14)}\n{word}", fontsize=style.LABEL_PT + 0.5)
            if network == 0:
                axes = style.bare(figure, LEFT_IN, top, side - GAP_IN, side - GAP_IN)
                axes.imshow(shown.pixels[number])
            for column in range(len(shown.methods)):
                left = LEFT_IN + (column + 1) * side
                axes = style.bare(figure, left, top, side - GAP_IN, side - GAP_IN)
                _draw(axes, shown.pictures[column, network, number])
    return figure


def _draw(axes: Any, picture: NDArray[np.float32]) -> None:
    most = float(np.percentile(picture, 99.5)) or float(picture.max())
    if most > 0:
        axes.imshow(picture, cmap="Greys", vmin=0, vmax=most)
    else:
        axes.text(0.5, 0.5, "blank", ha="center", va="center", fontsize=style.LABEL_PT, color=style.FAINT)
