"""The figures of a job: in its folder as PNG and PDF, in TensorBoard, and a line on the console for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from matplotlib.figure import Figure
from torch.utils.tensorboard import SummaryWriter

from experiments.common.events import events_folder
from zfnet.figures.drawing import style
from zfnet.progress import track

FIGURES = "figures"  # the part of a run under which TensorBoard has them, apart from trainings
BAR_FROM = 6  # figures, from which on a bar is worth its line


def publish(
    figures: Mapping[str, Figure | Callable[[], Figure]], folder: Path, scalars: Mapping[str, float] | None = None
) -> None:
    """Save figures by the name of their file; those given as functions are drawn one at a time.

    scalars: numbers that go into TensorBoard beside them, by tag.
    """
    with SummaryWriter(str(events_folder(folder, FIGURES))) as writer:
        for name, given in track(figures.items(), "drawing", unit="figure", enabled=len(figures) >= BAR_FROM):
            figure = given() if callable(given) else given
            print(f"drawn: {style.save(figure, folder, name)}")
            writer.add_image(name, style.pixels(figure), dataformats="HWC")
        for tag, value in (scalars or {}).items():
            writer.add_scalar(tag, value)
