"""The cascade of random weights: how alike a picture stays, method by method."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from zfnet.figures.drawing import style

Row = dict[str, Any]
MEASURES = {"spearman": ("#1b6ca8", "Spearman of |values|"), "ssim": ("#c2571a", "structural similarity"),
            "cosine": ("#7a9a01", "cosine")}  # fmt: skip
DOWN, ALONE, FLOOR = "down to ", " alone", "another image"
HIGH_IN, HEAD_IN, LEFT_IN, FOOT_IN = 1.35, 0.65, 0.75, 0.95


def draw_cascade(rows: Sequence[Row]) -> Figure:
    """A row of panels for each kind of target, a panel for each method.

    Lines: weights random from the last layer down to the one named below; crosses: that layer alone; dashed: the floor,
    the same class or unit on another image; hollow: the mean without pictures that are blank, which count as 0.
    """
    own = [row for row in rows if row["question"] == "cascade"]
    kinds = list(dict.fromkeys(row["target"] for row in own))
    methods = list(dict.fromkeys(row["method"] for row in own))
    total = HEAD_IN + len(kinds) * (HIGH_IN + FOOT_IN)
    figure = Figure(figsize=(style.WIDTH_IN, total))
    style.text(figure, 0.1, 0.08, "Cascade: how alike does a picture stay while the network's weights become random?")
    _legend(figure)
    width = (style.WIDTH_IN - LEFT_IN - 0.1) / max(len(methods), 1)
    ends = ("mean", "low", "mean_without_blank")
    shown = [*own, *(row for row in rows if row["condition"] == FLOOR)]
    drawn = [row[end] for row in shown if row["measure"] in MEASURES for end in ends if row[end] is not None]
    least = min([-0.2, *drawn]) - 0.05
    for band, kind in enumerate(kinds):
        top = HEAD_IN + band * (HIGH_IN + FOOT_IN)
        style.text(figure, 0.1, top + 0.1, kind, fontweight="bold")
        stages = _stages([row for row in own if row["target"] == kind])
        for at, method in enumerate(methods):
            box = ((LEFT_IN + at * width) / style.WIDTH_IN, 1 - (top + 0.2 + HIGH_IN) / total,
                   (width - 0.1) / style.WIDTH_IN, HIGH_IN / total)  # fmt: skip
            axes = figure.add_axes(box)
            chosen = [row for row in rows if row["target"] == kind and row["method"] == method]
            _draw(axes, chosen, stages)
            _axes(axes, chosen, stages, method, is_first=at == 0)
            axes.set_ylim(least, 1.05)
    return figure


def _stages(rows: Sequence[Row]) -> list[str]:
    conditions = dict.fromkeys(row["condition"] for row in rows)
    return [one.removeprefix(DOWN) for one in conditions if one.startswith(DOWN)]


def _draw(axes: Axes, rows: Sequence[Row], stages: Sequence[str]) -> None:
    for measure, (colour, _) in MEASURES.items():
        by_condition = {row["condition"]: row for row in rows if row["measure"] == measure and row["mean"] is not None}
        down = [(at + 1, by_condition[DOWN + stage]) for at, stage in enumerate(stages) if DOWN + stage in by_condition]
        if not down:
            continue
        axes.plot([0, *(at for at, _ in down)], [1, *(row["mean"] for _, row in down)], "o-", color=colour,
                  markersize=2.5, linewidth=1.1)  # fmt: skip
        for at, row in down:
            if row["low"] is not None:
                axes.plot([at, at], [row["low"], row["high"]], color=colour, linewidth=1.1)
            if row["mean_without_blank"] is not None:
                axes.plot(at, row["mean_without_blank"], "o", color=colour, markersize=4, markerfacecolor="white")
        for at, stage in enumerate(stages):
            if alone := by_condition.get(stage + ALONE):
                axes.plot(at + 1, alone["mean"], "x", color=colour, markersize=4)
        if floor := by_condition.get(FLOOR):
            axes.axhline(floor["mean"], color=colour, linewidth=0.9, linestyle="--")


def _axes(axes: Axes, rows: Sequence[Row], stages: Sequence[str], method: str, *, is_first: bool) -> None:
    blank = max((row["blank"] for row in rows if row["question"] == "cascade"), default=0)
    refused = bool(rows) and all(row["refused"] for row in rows)
    note = "\nrefused" if refused else f"\n{blank} blank at most" if blank else ""
    axes.set_title(f"{method}{note}", fontsize=style.LABEL_PT + 1, color=style.INK, pad=3)
    axes.set_xticks(range(len(stages) + 1), ["intact", *stages], rotation=90)
    axes.set_xlim(-0.2, len(stages) + 0.3)
    axes.set_yticks([0, 0.5, 1], ["0", "0.5", "1"] if is_first else [])
    axes.axhline(0, color=style.FAINT, linewidth=0.5)
    axes.tick_params(labelsize=style.LABEL_PT, colors=style.INK, length=2)
    axes.spines[["top", "right"]].set_visible(False)


def _legend(figure: Figure) -> None:
    left = 0.1
    for colour, words in MEASURES.values():
        style.text(figure, left, 0.3, words, color=colour, fontsize=style.LABEL_PT + 0.5)
        left += 0.2 + 0.06 * len(words)
    words = (
        "lines: random from the last layer down to this one (hollow: without blank pictures);  x: this layer alone;  "
        "dashed: another image"
    )
    style.text(figure, left, 0.3, words, fontsize=style.LABEL_PT + 0.5)
