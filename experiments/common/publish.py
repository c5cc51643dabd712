"""The figures of a job: in its folder as PNG and PDF, in TensorBoard, and a line on the console for each."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from itertools import product
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
from zfnet.files import write_text
from zfnet.progress import track
from zfnet.training import ALONE, Piece, World, deal

FIGURES = "figures"  # the part of a run under which TensorBoard has them, apart from trainings
PNG, PDF = "png", "pdf"
DRAWN = "drawn.json"  # beside TensorBoard's: by each job's first figure the names of all
BAR_FROM = 6  # figures, from which on a bar is worth its line


def publish(
    figures: Mapping[str, Figure | Callable[[], Figure]], folder: Path, scalars: Mapping[str, float] | None = None,
    world: World = ALONE,
) -> None:  # fmt: skip
    """Save figures by the name of their file; those given as functions are drawn one at a time.

    One figure of several names, the same object, is drawn once and copied. scalars: numbers that go into TensorBoard
    beside them, by tag. Several processes (world), which all have the same figures, draw some each, and of the last
    ones, a figure a process, one the PNG and another the PDF; TensorBoard hears of them from the first.
    """
    named = _by_one_name(figures)

    def drawn(task: tuple[str, Sequence[str]]) -> Piece:
        name, formats = task
        given = figures[name]
        figure = given() if callable(given) else given
        piece: Piece = {}
        if PNG in formats:
            piece = _for_screens(style.save_png(figure, folder, name))
        if PDF in formats:
            style.save_pdf(figure, folder, name)
        for other, suffix in product(named[name], formats):
            if other != name:
                shutil.copyfile(folder / f"{name}.{suffix}", folder / f"{other}.{suffix}")
            if suffix == PNG:
                print(f"drawn: {folder / f'{other}.{suffix}'}")
        return piece

    pieces: Iterable[Piece]
    if world.size == 1:
        each = [(name, (PNG, PDF)) for name in named]
        pieces = map(drawn, track(each, "drawing", unit="figure", enabled=len(each) >= BAR_FROM))
    else:
        kept, names = folder / PIECES / "drawn", list(named)
        if world.first:
            shutil.rmtree(kept, ignore_errors=True)  # perhaps of other settings
        whole, last = names[: -world.size], names[-world.size :]
        tasks = [(name, (PNG, PDF)) for name in whole] + [(name, (one,)) for one in (PNG, PDF) for name in last]
        pieces = deal(tasks, drawn, kept, world, what="drawing", unit="figure")
        if not world.first:
            return
    _board(zip(named.values(), pieces, strict=False), scalars or {}, folder)  # the first of each figure is of its PNG
    if figures:
        _take_away_earlier(list(figures), folder)


def _board(
    pictures: Iterable[tuple[Sequence[str], Piece]], scalars: Mapping[str, float], folder: Path
) -> None:  # fmt: skip
    """What TensorBoard shows: pictures, each under all its names, and numbers by tag."""
    with closing(FileWriter(str(events_folder(folder, FIGURES)))) as writer:
        for tags, piece in pictures:
            height, width = piece["size"].tolist()
            image = Summary.Image(
                height=height, width=width, colorspace=3, encoded_image_string=piece["encoded"].tobytes()
            )
            for tag in tags:
                writer.add_summary(Summary(value=[Summary.Value(tag=tag, image=image)]), 0)
        for tag, value in scalars.items():
            writer.add_summary(scalar(tag, value), 0)


def _take_away_earlier(names: Sequence[str], folder: Path) -> None:
    """The figures that an earlier run of the same job drew into this folder, of other settings, and this one did not.

    The job is known by its first figure; whatever was not drawn here stays.
    """
    path = events_folder(folder, FIGURES) / DRAWN
    drawn: dict[str, list[str]] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    for name, suffix in product(set(drawn.get(names[0], [])) - set(names), (PNG, PDF)):
        (folder / f"{name}.{suffix}").unlink(missing_ok=True)
    write_text(path, json.dumps(drawn | {names[0]: list(names)}))


def _by_one_name(figures: Mapping[str, object]) -> dict[str, list[str]]:
    """All names of each figure, by the last of them: a layer's own name rather than a page's number."""
    names: dict[int, list[str]] = {}
    for name, figure in figures.items():
        names.setdefault(id(figure), []).append(name)
    return {some[-1]: some for some in names.values()}


def _for_screens(pixels: NDArray[np.uint8]) -> Piece:
    """A picture (H, W, 3) as TensorBoard keeps it: the bytes of a PNG, or of a JPEG where photographs make that much
    smaller, and its size."""
    picture, files = Image.fromarray(pixels), (io.BytesIO(), io.BytesIO())
    picture.save(files[0], "PNG", compress_level=3)
    picture.save(files[1], "JPEG", quality=90, subsampling=0)
    png, jpeg = (file.getvalue() for file in files)
    encoded = jpeg if len(jpeg) < len(png) / 2 else png
    return {"encoded": np.frombuffer(encoded, np.uint8), "size": np.array(pixels.shape[:2])}
