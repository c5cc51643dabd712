"""Table 7 as a figure: accuracy of linear models over the depth of the layer that they see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from zfnet.figures.drawing import style
from zfnet.files import load_arrays, save_arrays

KIND = "tab7"
COLORS = ("#1b6ca8", "#c2571a", "#7a9a01", "#8a4fa0")
SIZE_IN = (5.6, 3.6)


@dataclass(frozen=True, kw_only=True)
class Line:
    """What one kind of probe reached in one network.

    network: its name, the same for lines of one colour. probe: "SVM" or "softmax". layers (L,); accuracy (L, F), 0..1,
    of F folds; quoted: taken from the paper.
    """

    network: str
    probe: str
    layers: NDArray[np.str_]
    accuracy: NDArray[np.float64]
    quoted: bool = False

    def of_layer(self, layer: str) -> NDArray[np.float64]:
        """A layer's accuracies in % (F,); none (0,) where it is not there."""
        if layer not in self.layers.tolist():
            return np.zeros(0)
        own: NDArray[np.float64] = 100 * self.accuracy[self.layers.tolist().index(layer)]
        return own


def save_depth(path: Path, lines: Sequence[Line], chance: float, **more: Any) -> None:
    """The lines, the accuracy of guessing, and whatever arrays belong to them."""
    arrays: dict[str, Any] = {"chance": np.array(chance), **more}
    for number, line in enumerate(lines):
        label = np.array([line.network, line.probe, "quoted" if line.quoted else ""])
        arrays |= {f"{number}/label": label, f"{number}/layers": line.layers, f"{number}/accuracy": line.accuracy}
    save_arrays(path, KIND, arrays)


def load_depth(path: str | Path) -> tuple[list[Line], float]:
    """What `save_depth` wrote: the lines and the accuracy of guessing. Raises ValueError for another kind of file."""
    arrays = load_arrays(path, KIND)
    count = sum(name.endswith("/label") for name in arrays)
    lines = []
    for number in range(count):
        network, probe, quoted = arrays[f"{number}/label"].tolist()
        layers, accuracy = arrays[f"{number}/layers"], arrays[f"{number}/accuracy"]
        lines.append(Line(network=network, probe=probe, layers=layers, accuracy=accuracy, quoted=bool(quoted)))
    return lines, float(arrays["chance"])


def draw_depth(lines: Sequence[Line], chance: float) -> Figure:
    """Layers in the order in which the lines name them, accuracy with one standard deviation over folds."""
    order = list(dict.fromkeys(layer for line in lines for layer in line.layers.tolist()))
    if all(layer.isdigit() for layer in order):
        order.sort(key=int)
    networks = list(dict.fromkeys(line.network for line in lines))
    figure = Figure(figsize=SIZE_IN)
    axes = figure.add_axes((0.1, 0.13, 0.68, 0.82))
    ends: dict[str, tuple[float, str]] = {"guessing": (100 * chance, style.FAINT)}
    for line in lines:
        svm, mean = line.probe == "SVM", 100 * line.accuracy.mean(axis=1)
        color = style.FAINT if line.quoted else COLORS[networks.index(line.network) % len(COLORS)]
        look: dict[str, Any] = {"linestyle": (":" if line.quoted else "-") if svm else "none"}
        look |= {"marker": "o" if svm else "D", "markerfacecolor": color if svm else "white", "color": color}
        places = np.array([order.index(layer) for layer in line.layers.tolist()]) + (0 if svm else 0.08)
        deviation = 100 * line.accuracy.std(axis=1, ddof=1) if line.accuracy.shape[1] > 1 else None
        axes.errorbar(places, mean, deviation, markersize=4.5, linewidth=1.2, capsize=2, **look)
        ends.setdefault(line.network, (float(mean[-1]), color))
    axes.axhline(100 * chance, color=style.FAINT, linewidth=0.8, linestyle="--")
    _name(axes, ends, len(order) - 0.7)
    _axes(axes, order)
    return figure


def _name(axes: Axes, ends: Mapping[str, tuple[float, str]], left: float) -> None:
    """Each line's name beside its end, in its colour, the lower ones first and none upon another."""
    least = 0.0
    for name, (height, color) in sorted(ends.items(), key=lambda item: item[1][0]):
        least = max(height, least)
        axes.text(left, least, name, fontsize=style.LABEL_PT + 0.5, color=color, va="center", clip_on=False)
        least += 4.5


def _axes(axes: Axes, order: Sequence[str]) -> None:
    axes.plot([], [], "o-", color=style.FAINT, markersize=4.5, linewidth=1.2, label="linear SVM")
    axes.plot([], [], "D", color=style.FAINT, markerfacecolor="white", markersize=4.5, label="softmax")
    axes.legend(fontsize=style.LABEL_PT + 0.5, frameon=False, loc="upper left", labelcolor=style.INK)
    axes.set_xticks(range(len(order)), order)
    axes.set_xlim(-0.25, len(order) - 0.75)
    axes.set_ylim(0, 102)  # whole markers at 100 %
    axes.set_xlabel("layer", fontsize=style.TITLE_PT, color=style.INK)
    axes.set_ylabel("mean class accuracy, %", fontsize=style.TITLE_PT, color=style.INK)
    axes.tick_params(labelsize=style.TITLE_PT - 1, colors=style.INK)
    axes.spines[["top", "right"]].set_visible(False)
