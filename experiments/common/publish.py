"""The figures of a job: in its folder as PNG and PDF, in TensorBoard, and a line on the console for each."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image
from tensorboard.compat.proto.summary_pb2 import Summary
from torch.utils.tensorboard import FileWriter
from torch.utils.tensorboard.summary import scalar

from experiments.common.events import events_folder
from experiments.common.run_folder import PIECES
from zfnet.figures.drawing import style
from zfnet.progress import track
from zfnet.training import ALONE, Piece, World, deal

FIGURES = "figures"  # the part of a run under which TensorBoard has them, apart from trainings
PNG, PDF = "png", "pdf"
BAR_FROM = 6  # figures, from which on a bar is worth its line


def publish(
    figures: Mapping[str, Figure | Callable[[], Figure]], folder: Path, scalars: Mapping[str, float] | None = None,
    world: World = ALONE,
) -> None:  # fmt: skip
    """Save figures by the name of their file; those given as functions are drawn one at a time.

    scalars: numbers that go into TensorBoard beside them, by tag. Several processes (world), which all have the same
    figures, draw some each, and of the last ones, a figure a process, one the PNG and another the PDF; TensorBoard
    hears of them from the first.
    """

    def drawn(task: tuple[str, Sequence[str]]) -> Piece:
        name, formats = task
        given = figures[name]
        figure = given() if callable(given) else given
        piece: Piece = {}
        if PNG in formats:
            piece = _for_screens(style.save_png(figure, folder, name))
            print(f"drawn: {folder / f'{name}.{PNG}'}")
        if PDF in formats:
            style.save_pdf(figure, folder, name)
        return piece

    pieces: Iterable[Piece]
    if world.size == 1:
        each = [(name, (PNG, PDF)) for name in figures]
        pieces = map(drawn, track(each, "drawing", unit="figure", enabled=len(figures) >= BAR_FROM))
    else:
        kept, names = folder / PIECES / "drawn", list(figures)
        if world.first:
            shutil.rmtree(kept, ignore_errors=True)  # perhaps of other settings
        whole, last = names[: -world.size], names[-world.size :]
        tasks = [(name, (PNG, PDF)) for name in whole] + [(name, (one,)) for one in (PNG, PDF) for name in last]
        pieces = deal(tasks, drawn, kept, world, what="drawing", unit="figure")
        if not world.first:
            return
    with closing(FileWriter(str(events_folder(folder, FIGURES)))) as writer:
        for name, piece in zip(figures, pieces, strict=False):  # the first of each figure is its PNG
            height, width = piece["size"].tolist()
            image = Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=piece["png"].tobytes())
            writer.add_summary(Summary(value=[Summary.Value(tag=name, image=image)]), 0)
        for tag, value in (scalars or {}).items():
            writer.add_summary(scalar(tag, value), 0)


def _for_screens(pixels: NDArray[np.uint8]) -> Piece:
    """A picture (H, W, 3) as TensorBoard keeps it: the bytes of a PNG, and its size."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=3)
    return {"png": np.frombuffer(file.getvalue(), np.uint8), "size": np.array(pixels.shape[:2])}
