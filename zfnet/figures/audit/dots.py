"""Means with their intervals as dots and lines, panel by panel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from zfnet.figures.drawing import style

COLORS = ("#1b6ca8", "#c2571a", "#7a9a01", "#8a4fa0", "#444444", "#b8860b")
FLOORS = ("random", "centre", "chance", "another image")
MARKS = ("o", "D", "s", "^", "v", "P")
LINE_IN, HEAD_IN, FOOT_IN, LEFT_IN, GAP_IN = 0.2, 0.62, 0.42, 1.95, 0.3


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Rows of a table drawn in one panel; `row` names its row of panels."""

    row: str
    title: str
    rows: Sequence[dict[str, Any]]


def draw_dots(title: str, panels: Sequence[Panel], *, along: str, colour: str) -> Figure:
    """Each row's mean and interval, at its line (the key `along`) in its colour and mark (the key `colour`)."""
    colours = list(dict.fromkeys(row[colour] for panel in panels for row in panel.rows))
    bands = list(dict.fromkeys(panel.row for panel in panels))
    lines = {band: _lines([panel for panel in panels if panel.row == band], along) for band in bands}
    step = LINE_IN * max(1.0, 0.55 * len(colours))
    heights = {band: step * len(lines[band]) for band in bands}
    total = HEAD_IN + sum(heights.values()) + (FOOT_IN + 0.3) * len(bands) + 0.25
    figure = Figure(figsize=(style.WIDTH_IN, total))
    style.text(figure, 0.1, 0.08, title)
    top = HEAD_IN
    for band in bands:
        own = [panel for panel in panels if panel.row == band]
        width = (style.WIDTH_IN - LEFT_IN - 0.15 - GAP_IN * (len(own) - 1)) / len(own)
        style.text(figure, 0.1, top - 0.02, band, fontweight="bold")
        for at, panel in enumerate(own):
            left = LEFT_IN + at * (width + GAP_IN)
            box = (left / style.WIDTH_IN, 1 - (top + 0.2 + heights[band]) / total, width / style.WIDTH_IN,
                   heights[band] / total)  # fmt: skip
            axes = figure.add_axes(box)
            _draw(axes, panel, lines[band], colours, along=along, colour=colour)
            axes.set_yticks(range(len(lines[band])), _named(own, lines[band], along) if at == 0 else [])
        top += heights[band] + FOOT_IN + 0.3
    _legend(figure, colours, total)
    return figure


def _lines(panels: Sequence[Panel], along: str) -> list[str]:
    """The lines of some panels, those that no method made last."""
    found = dict.fromkeys(row[along] for panel in panels for row in panel.rows)
    return sorted(found, key=lambda name: name in FLOORS)


def _draw(axes: Axes, panel: Panel, lines: Sequence[str], colours: Sequence[str], *, along: str, colour: str) -> None:
    spread = 0.0 if len(colours) == 1 else 0.6
    for row in panel.rows:
        if row["mean"] is None:
            continue
        number = colours.index(row[colour])
        height = lines.index(row[along]) + spread * (number / max(len(colours) - 1, 1) - 0.5)
        low, high = (row["mean"] if row[edge] is None else row[edge] for edge in ("low", "high"))
        axes.plot([low, high], [height, height], color=COLORS[number % len(COLORS)], linewidth=1.4)
        axes.plot(row["mean"], height, MARKS[number % len(MARKS)], color=COLORS[number % len(COLORS)], markersize=3.6)
    axes.set_ylim(len(lines) - 0.5, -0.5)
    left, right = axes.get_xlim()
    axes.set_xlim(min(left, 0.0), max(right, 1.0))
    axes.axvline(0, color=style.FAINT, linewidth=0.5)
    axes.set_title(panel.title, fontsize=style.LABEL_PT + 1, color=style.INK, pad=3)
    axes.tick_params(labelsize=style.LABEL_PT + 0.5, colors=style.INK, length=2)
    axes.grid(axis="both", color="#dddddd", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _named(panels: Sequence[Panel], lines: Sequence[str], along: str) -> list[str]:
    """Each line's name, with how many pictures were blank, or that there was none."""
    names = []
    for line in lines:
        own = [row for panel in panels for row in panel.rows if row[along] == line]
        blank = max(row["blank"] for row in own)
        note = " (refused)" if all(row["refused"] for row in own) else f" ({blank} blank)" if blank else ""
        names.append(f"{line}{note}")
    return names


def _legend(figure: Figure, colours: Sequence[str], total: float) -> None:
    if len(colours) < 2:
        return
    left = 0.1
    for number, name in enumerate(colours):
        mark, colour = MARKS[number % len(MARKS)], COLORS[number % len(COLORS)]
        spot = figure.add_axes(((left + 0.02) / style.WIDTH_IN, 1 - 0.46 / total, 0.1 / style.WIDTH_IN, 0.1 / total))
        spot.set_axis_off()
        spot.plot([0], [0], mark, color=colour, markersize=4)
        style.text(figure, left + 0.16, 0.35, name, fontsize=style.LABEL_PT + 0.5)
        left += 0.35 + 0.068 * len(name)
