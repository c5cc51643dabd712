"""Fig. 9: accuracy against training images a class, of a pretrained network and of one trained from scratch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from zfnet.figures.drawing import style
from zfnet.files import load_arrays, save_arrays

KIND = "fig9"
COLORS = {"pretrained": "#c0392b", "scratch": "#2c6fa6"}
LABELS = {"pretrained": "pretrained, new softmax", "scratch": "from scratch"}


@dataclass(frozen=True, kw_only=True)
class Curves:
    """Accuracy (0..1) of folds: accuracy[method] is (sizes, folds), nan where a fold is missing.

    per_class (sizes,): training images a class; title: what was classified; chance: 1 / classes.
    """

    title: str
    per_class: NDArray[np.int64]
    accuracy: Mapping[str, NDArray[np.float64]]
    chance: float


def save_curves(path: Path, curves: Curves) -> None:
    """Write the arrays from which `load_curves` and `draw_fig9` draw it again."""
    arrays = {f"accuracy/{method}": values for method, values in curves.accuracy.items()}
    whole = {"title": np.array(curves.title), "per_class": curves.per_class, "chance": np.array(curves.chance)}
    save_arrays(path, KIND, {**whole, **arrays})


def load_curves(path: str | Path) -> Curves:
    """What `save_curves` wrote. Raises ValueError for another kind of file."""
    arrays = load_arrays(path, KIND)
    accuracy = {name.partition("/")[2]: values for name, values in arrays.items() if name.startswith("accuracy/")}
    title, chance = str(arrays["title"]), float(arrays["chance"])
    return Curves(title=title, per_class=arrays["per_class"], accuracy=accuracy, chance=chance)


def draw_fig9(curves: Curves, paper: Mapping[tuple[str, int], tuple[float, float]]) -> Figure:
    """Mean and standard deviation over folds, in %, with the paper's (mean, deviation) in %, dashed, beside them.

    paper: by method and images a class.
    """
    figure = Figure(figsize=(5.2, 4.2))
    axes = figure.add_axes((0.11, 0.115, 0.86, 0.725))
    for method, values in curves.accuracy.items():
        there = np.isfinite(values).all(1)
        mean, deviation = 100 * values[there].mean(1), 100 * spread(values[there])
        axes.errorbar(
            curves.per_class[there], mean, deviation, color=COLORS[method], label=LABELS[method], marker="o",
            markersize=4, capsize=3, linewidth=1.6,
        )  # fmt: skip
    for method in LABELS:
        sizes = sorted(size for name, size in paper if name == method)
        mean, deviation = np.array([paper[method, size] for size in sizes]).reshape(-1, 2).T
        axes.errorbar(
            sizes, mean, deviation, color=COLORS[method], label=f"{LABELS[method]} (paper, Caltech-256)", alpha=0.55,
            marker="s", markersize=3, capsize=2, linewidth=1, linestyle="--",
        )  # fmt: skip
    axes.axhline(100 * curves.chance, color=style.FAINT, linewidth=0.8, linestyle=":")
    axes.text(1, 100 * curves.chance, "chance here", transform=axes.get_yaxis_transform(), fontsize=style.LABEL_PT,
              color=style.FAINT, ha="right", va="bottom")  # fmt: skip
    axes.set(xlim=(0, None), ylim=(0, 102))  # whole markers at 100 %
    axes.set_xlabel("training images per class", fontsize=style.TITLE_PT, color=style.INK)
    axes.set_ylabel("accuracy %, mean over classes", fontsize=style.TITLE_PT, color=style.INK)
    axes.tick_params(labelsize=style.LABEL_PT + 1, colors=style.INK)
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(
        fontsize=style.LABEL_PT, frameon=False, loc="lower left", bbox_to_anchor=(0, 1.005), borderaxespad=0, ncols=2
    )  # fmt: skip
    style.text(figure, 0.57, 0.1, curves.title)
    return figure


def spread(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard deviation over the last axis, of the sample (n - 1); 0 of a single fold."""
    return np.std(values, axis=-1, ddof=1) if values.shape[-1] > 1 else np.zeros(values.shape[:-1])
