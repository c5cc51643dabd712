"""The figures of a job: in its folder as PNG and PDF, in TensorBoard, and a line on the console for each."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch.utils.tensorboard import SummaryWriter

from experiments.common.events import events_folder
from experiments.common.run_folder import PIECES
from zfnet.figures.drawing import style
from zfnet.progress import track
from zfnet.training import ALONE, World, deal

FIGURES = "figures"  # the part of a run under which TensorBoard has them, apart from trainings
BAR_FROM = 6  # figures, from which on a bar is worth its line


def publish(
    figures: Mapping[str, Figure | Callable[[], Figure]], folder: Path, scalars: Mapping[str, float] | None = None,
    world: World = ALONE,
) -> None:  # fmt: skip
    """Save figures by the name of their file; those given as functions are drawn one at a time.

    scalars: numbers that go into TensorBoard beside them, by tag. Several processes (world), which all have the same
    figures, draw some each; TensorBoard hears of them from the first.
    """

    def drawn(name: str) -> NDArray[np.uint8]:
        given = figures[name]
        figure = given() if callable(given) else given
        print(f"drawn: {style.save(figure, folder, name)}")
        return style.pixels(figure)

    pictures: Iterable[NDArray[np.uint8]]
    if world.size == 1:
        pictures = map(drawn, track(figures, "drawing", unit="figure", enabled=len(figures) >= BAR_FROM))
    else:
        kept = folder / PIECES / "drawn"
        if world.first:
            shutil.rmtree(kept, ignore_errors=True)  # perhaps of other settings
        pieces = deal(
            list(figures), lambda name: {"pixels": drawn(name)}, kept, world, what="drawing", unit="figure"
        )  # fmt: skip
        if not world.first:
            return
        pictures = (piece["pixels"] for piece in pieces)
    with SummaryWriter(str(events_folder(folder, FIGURES))) as writer:
        for name, picture in zip(figures, pictures, strict=True):
            writer.add_image(name, picture, dataformats="HWC")
        for tag, value in (scalars or {}).items():
            writer.add_scalar(tag, value)
