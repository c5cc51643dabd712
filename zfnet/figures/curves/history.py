"""Training curves: loss and error or accuracy over epochs, of one run or several side by side."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from zfnet.figures.drawing import style
from zfnet.files import load_arrays, save_arrays

KIND = "history"
SHOWN = ("accuracy", "error")
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")  # Okabe and Ito's
PANEL_IN, LEFT_IN, BETWEEN_IN, TOP_IN, TICKS_IN = (4.05, 2.6), 0.65, 0.85, 0.35, 0.5
BROKEN = (0, (3, 1.6))
LINE_IN, NOTE_IN, MARGIN_IN = 0.19, 0.34, 0.2
LETTERS = 70  # of a run's name in the legend


@dataclass(frozen=True, kw_only=True)
class Histories:
    """Epochs of R runs, one after the other: E in all.

    label (R,): what each run is called; run (E,) int: whose epoch it is; epoch (E,), from 1; losses and error rates
    (E,) in 0..1, of training as the batches went by, and of the validation images after the epoch.
    """

    label: NDArray[np.str_]
    run: NDArray[np.int64]
    epoch: NDArray[np.int64]
    train_loss: NDArray[np.float64]
    val_loss: NDArray[np.float64]
    train_top1_error: NDArray[np.float64]
    val_top1_error: NDArray[np.float64]
    train_top5_error: NDArray[np.float64]
    val_top5_error: NDArray[np.float64]

    def of(self, number: int) -> Histories:
        """One run's epochs alone."""
        own = self.run == number
        epochs = {field.name: getattr(self, field.name)[own] for field in fields(self) if field.name != "label"}
        return replace(self, label=self.label[[number]], **{**epochs, "run": np.zeros(own.sum(), np.int64)})

    def errors(self, of: str, top: int) -> NDArray[np.float64]:
        """Error rates (E,) of "train" or "val", top-1 or top-5."""
        return np.asarray(getattr(self, f"{of}_top{top}_error"))

    def best(self, top: int = 1) -> int:
        """The place (of E) with the least validation error; of equals the first."""
        return int(self.errors("val", top).argmin())


def save_histories(path: Path, histories: Histories) -> None:
    """Write the arrays from which `load_histories` and `draw_history` draw it again."""
    save_arrays(path, KIND, asdict(histories))


def load_histories(path: str | Path) -> Histories:
    """What `save_histories` wrote. Raises ValueError for another kind of file."""
    arrays = load_arrays(path, KIND)
    return Histories(**{field.name: arrays[field.name] for field in fields(Histories)})


def smoothed(values: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
    """The exponential moving average of values (E,): each is (1 - factor) of its own and factor of what came before.

    Divided by the weight given so far, 1 - factor^k after k values, so that it starts at the first value.
    """
    mean, out = 0.0, np.empty(len(values))
    for place, value in enumerate(values):
        mean = factor * mean + (1 - factor) * value
        out[place] = mean / (1 - factor ** (place + 1))
    return out


def draw_history(histories: Histories, show: str = "accuracy", top: int = 1, smoothing: float = 0.0) -> Figure:
    """Loss to the left, accuracy or error in percent to the right; a colour a run, the best epochs ringed.

    smoothing: the factor of a moving average (see `smoothed`), 0 for none; what was measured stays, faint.
    Raises ValueError for another `show` or `top`, and for a factor that is not from 0 to below 1.
    """
    factor = isinstance(smoothing, int | float) and 0 <= smoothing < 1
    if show not in SHOWN or top not in (1, 5) or not factor:
        raise ValueError(
            f"show={show!r}, top={top!r}, smoothing={smoothing!r}: expected one of {', '.join(SHOWN)}, 1 or 5, and a "
            "factor from 0 to below 1"
        )
    count = len(histories.label)
    below_in = TOP_IN + PANEL_IN[1] + TICKS_IN
    notes = _notes(smoothing)
    height_in = below_in + (count + 2) * LINE_IN + NOTE_IN + 0.12 * notes.count("\n")
    figure = Figure(figsize=(style.WIDTH_IN, height_in))
    titles = ("Loss (cross-entropy)", f"Top-{top} {show} in %")
    panels = [_panel(figure, at, title) for at, title in enumerate(titles)]
    for number in range(count):
        _draw_run(panels, histories.of(number), _color(number), show, top, smoothing)
    _same_epochs(panels, histories)
    _legend(figure, below_in, histories, show, top)
    style.text(figure, MARGIN_IN, below_in + (count + 2) * LINE_IN, notes, fontsize=style.NOTE_PT, color=style.FAINT)
    return figure


def _color(number: int) -> str:
    return COLORS[number] if number < len(COLORS) else mpl.colors.to_hex(mpl.colormaps["tab20"](number % 20))


def _panel(figure: Figure, at: int, title: str) -> Axes:
    axes = style.bare(figure, LEFT_IN + at * (PANEL_IN[0] + BETWEEN_IN), TOP_IN, *PANEL_IN)
    axes.set_axis_on()
    axes.set_title(title, fontsize=style.TITLE_PT, color=style.INK, loc="left")
    axes.set_xlabel("epoch", fontsize=style.LABEL_PT + 1.5, color=style.INK)
    axes.tick_params(labelsize=style.LABEL_PT + 1, colors=style.INK)
    axes.grid(color="#e6e6e6", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return axes


def _draw_run(panels: list[Axes], one: Histories, color: str, show: str, top: int, smoothing: float) -> None:
    """Validation as a full line with its best epoch ringed, training as a broken one."""
    best = one.best(top)
    for part, line, width in (("train", BROKEN, 1.1), ("val", "-", 1.6)):
        error = 100 * one.errors(part, top)
        for axes, values in zip(panels, (getattr(one, f"{part}_loss"), _as(show, error)), strict=True):
            if smoothing:
                axes.plot(one.epoch, values, color=color, linewidth=0.6, alpha=0.35, linestyle=line)
            shown = smoothed(values, smoothing)
            few = "o" if len(one.epoch) == 1 else None  # a single epoch has no line
            axes.plot(one.epoch, shown, color=color, linewidth=width, linestyle=line, marker=few, markersize=3)
            if part == "val":
                axes.plot(
                    one.epoch[best], values[best], "o", markersize=6, markerfacecolor="white", markeredgecolor=color,
                    markeredgewidth=1.5, zorder=5,
                )  # fmt: skip


def _as(show: str, error: NDArray[np.float64]) -> NDArray[np.float64]:
    return error if show == "error" else 100 - error


def _same_epochs(panels: list[Axes], histories: Histories) -> None:
    last = int(histories.epoch.max())
    for axes in panels:
        axes.set_xlim(0.5 if last < 8 else 0, last + max(0.5, last / 60))
    panels[0].set_ylim(bottom=0)


def _legend(figure: Figure, top_in: float, histories: Histories, show: str, top: int) -> None:
    """What the two kinds of line are, and a line a run with its best epoch."""
    width, height = figure.get_size_inches()

    def entry(left_in: float, place: int, words: str, **line: Any) -> None:
        middle = 1 - (top_in + (place + 0.4) * LINE_IN) / height
        span = [left_in / width, (left_in + 0.35) / width]
        figure.add_artist(Line2D(span, [middle] * 2, **line))
        style.text(figure, left_in + 0.45, top_in + place * LINE_IN + 0.02, words, fontsize=style.LABEL_PT + 1.5)

    entry(LEFT_IN, 0, "validation", color=style.INK, linewidth=1.6)
    words = "training, as the batches went by"
    entry(LEFT_IN + 1.25, 0, words, color=style.INK, linewidth=1.1, linestyle=BROKEN)
    for number, label in enumerate(histories.label.tolist()):
        short = label if len(label) <= LETTERS else f"…{label[-LETTERS:]}"  # what tells runs apart is often last
        words = f"{short}:  {_in_words(histories.of(number), show, top)}"
        entry(LEFT_IN, number + 1, words, color=_color(number), linewidth=2)


def _in_words(one: Histories, show: str, top: int) -> str:
    best = one.best(top)
    value = _as(show, 100 * one.errors("val", top))[best]
    return f"best {show} {value:.1f} % after epoch {one.epoch[best]} of {one.epoch[-1]}"


def _notes(smoothing: float) -> str:
    plain = (
        "Rings: the epoch with the least validation error. Training is measured as the batches go by, with whatever "
        "dropout and augmentation the run has; validation after each epoch, without."
    )
    if not smoothing:
        return plain
    return (
        f"{plain}\nSmoothed by an exponential moving average with factor {smoothing:g}; faint: as measured. Rings and "
        "numbers are of what was measured."
    )
