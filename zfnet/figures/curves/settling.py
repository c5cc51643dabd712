"""How soon the layers of a training settle: curves beside Fig. 4."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator
from numpy.typing import NDArray

from zfnet.figures.drawing import style

KINDS = ("activations", "projections")
MARGIN_IN, TITLE_IN, NOTE_IN = 0.2, 0.2, 0.52
PANEL_IN, AXIS_IN, KEY_IN = (3.9, 2.6), (0.5, 0.45), 0.75
TICKS = (0, 1, 2, 5, 10, 20, 30, 40, 64, 100, 200)
EVENLY = 20  # epochs up to which they are drawn at even distances


@dataclass(frozen=True, kw_only=True)
class Settling:
    """How like the last epoch each layer was at T epochs: kind ("activations", "projections") -> layer -> (T,).

    threshold: from where on a layer counts as settled; settled: kind -> layer -> the epoch.
    """

    epochs: NDArray[np.int64]
    similarity: Mapping[str, Mapping[str, NDArray[np.float64]]]
    settled: Mapping[str, Mapping[str, int]]
    threshold: float


def draw_settling(settling: Settling) -> Figure:
    """Similarity to the last epoch (debiased linear CKA) over epochs, for activations and for projections.

    A line a layer, from the first (dark) to the last (light); a ring where it settles.
    """
    width = AXIS_IN[0] * 2 + 2 * PANEL_IN[0] + KEY_IN + MARGIN_IN
    figure = Figure(figsize=(width, MARGIN_IN + TITLE_IN + PANEL_IN[1] + AXIS_IN[1] + NOTE_IN))
    for at, kind in enumerate(KINDS):
        left = AXIS_IN[0] + at * (PANEL_IN[0] + AXIS_IN[0])
        style.text(figure, left, MARGIN_IN, f"Similarity to epoch {settling.epochs[-1]}: {kind}")
        axes = style.bare(figure, left, MARGIN_IN + TITLE_IN, *PANEL_IN)
        _draw_curves(axes, settling, kind)
        if at == 1:
            axes.legend(
                loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize=style.LABEL_PT, borderaxespad=0
            )
    note = (
        "Debiased linear CKA of each layer with itself at the last epoch, on the same images; epoch 0: before training."
        f"\nA ring: the first epoch from which on it stays at {settling.threshold:g} or above (dotted line)."
    )
    top = MARGIN_IN + TITLE_IN + PANEL_IN[1] + AXIS_IN[1]
    style.text(figure, MARGIN_IN, top, note, fontsize=style.NOTE_PT, color=style.FAINT)
    return figure


def _draw_curves(axes: Axes, settling: Settling, kind: str) -> None:
    axes.set_axis_on()
    of_layers = settling.similarity[kind]
    colors = colormaps["viridis"](np.linspace(0, 0.88, len(of_layers)))
    for color, (layer, values) in zip(colors, of_layers.items(), strict=True):
        axes.plot(settling.epochs, values, color=color, linewidth=1.4, marker=".", markersize=4, label=layer)
        settled = settling.settled[kind][layer]
        value = values[settling.epochs.tolist().index(settled)]
        axes.plot(settled, value, "o", markersize=8, markerfacecolor="none", markeredgecolor=color, clip_on=False)
    axes.axhline(settling.threshold, color=style.FAINT, linewidth=0.8, linestyle=":")
    last = int(settling.epochs[-1])
    if last > EVENLY:
        axes.set_xscale("symlog", linthresh=1)  # epoch 0 as well, and the first ones apart
    ticks = [tick for tick in TICKS if tick < 0.85 * last] + [last]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticklabels([str(tick) for tick in ticks])
    axes.set_xlim(-0.1 if last > EVENLY else -0.02 * last, last * 1.05)
    lowest = np.nan_to_num(np.stack(list(of_layers.values()))).min()  # nan: a layer that is dead has no similarity
    axes.set_ylim(min(0.0, float(lowest)) - 0.02, 1.03)
    axes.set_xlabel("epoch", fontsize=style.LABEL_PT, color=style.INK)
    axes.tick_params(labelsize=style.LABEL_PT, colors=style.INK)
    axes.grid(alpha=0.25, linewidth=0.5)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
