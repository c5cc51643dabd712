"""The parts world on disk, in ImageNet format: drawn in parallel, the same whatever the number of processes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from zfnet.data import in_order
from zfnet.data.parts_world.annotations import FILE_NAME, ImageParts, PartsFile, read_parts, write_parts
from zfnet.data.parts_world.classes import CLASSES
from zfnet.data.parts_world.decoys import difficulty_of
from zfnet.data.parts_world.scene import SMALLEST_SIDE_PX, draw
from zfnet.files import naming, write_text
from zfnet.progress import Progress

VERSION = 1  # raise it with every change that changes an image
JPEG_QUALITY = 90
SPLITS = ("train", "val")
_IMAGES_A_TURN = 16  # handed to a process at once


@dataclass(frozen=True, kw_only=True)
class _Task:
    folder: Path
    split: int
    class_index: int
    number: int
    seed: int
    side_px: int
    difficulty: str


def make_parts_world(
    root: str | Path,
    train_per_class: int = 300,
    val_per_class: int = 50,
    side_px: int = 256,
    seed: int = 0,
    workers: int | None = None,
    difficulty: str = "easy",
) -> Path:
    """Write root/{train,val}/<wnid>/*.JPEG, root/words.txt and root/parts.json; returns root.

    Image `number` of a class in a split depends on (seed, split, class, number), side_px and difficulty ("easy" or
    "hard": decoys.py) alone. The data appear under root all at once when they are whole. A root made with the same
    arguments is left as it is.
    workers: processes, by default one a core.
    Raises ValueError if an argument is out of range or if root holds anything else.
    """
    root = Path(root)
    _check(train_per_class, val_per_class, side_px, seed, workers)
    difficulty_of(difficulty)
    arguments: dict[str, int | str] = {
        "version": VERSION, "train_per_class": train_per_class, "val_per_class": val_per_class, "side_px": side_px,
        "seed": seed,
    }  # fmt: skip
    if difficulty != "easy":  # of which roots of before do not tell
        arguments["difficulty"] = difficulty
    if _is_made(root, arguments):
        return root
    tasks = [
        {"split": split, "class_index": class_index, "number": number}
        for split, count in enumerate((train_per_class, val_per_class))
        for class_index in range(len(CLASSES))
        for number in range(count)
    ]
    with _working_folder(root) as folder:
        to_draw = [_Task(folder=folder, **task, seed=seed, side_px=side_px, difficulty=difficulty) for task in tasks]
        _write_world(folder, to_draw, arguments, workers)
        try:
            folder.rename(root)  # atomic; replaces an empty folder and nothing else
        except OSError:
            if not _is_made(root, arguments):  # else another process was faster
                raise
    return root


def _write_world(folder: Path, tasks: list[_Task], arguments: dict[str, int | str], workers: int | None) -> None:
    for split in SPLITS:
        for kind in CLASSES:
            (folder / split / kind.wnid).mkdir(parents=True)
    images = tuple(_drawn(tasks, workers or os.cpu_count() or 1))
    names = {kind.wnid: kind.name for kind in CLASSES}
    words = "".join(f"{wnid}\t{name}\n" for wnid, name in names.items())
    write_text(folder / "words.txt", words)
    write_parts(folder, PartsFile(images, names, arguments))


def _check(train_per_class: int, val_per_class: int, side_px: int, seed: int, workers: int | None) -> None:
    for name, value, least in (
        ("train_per_class", train_per_class, 1), ("val_per_class", val_per_class, 1),
        ("side_px", side_px, SMALLEST_SIDE_PX), ("seed", seed, 0), ("workers", 1 if workers is None else workers, 1),
    ):  # fmt: skip
        if value < least:
            raise ValueError(f"{name} is {value}: it must be {least} or more")


def _is_made(root: Path, arguments: dict[str, int | str]) -> bool:
    """Whether root holds what the arguments ask for; False if it holds nothing, ValueError if anything else."""
    if not root.exists() or (root.is_dir() and not any(root.iterdir())):
        return False
    way_out = "name another root, or remove this one if nothing in it is needed"
    if not (root / FILE_NAME).is_file():
        raise ValueError(f"{root} exists and has no {FILE_NAME}, so it is not a parts world: {way_out}")
    made = read_parts(root)
    if made.arguments != arguments:
        raise ValueError(f"{root} was made with {dict(made.arguments)}, asked for is {arguments}: {way_out}")
    lost = [image.path for image in made.images if not (root / image.path).is_file()]
    if lost:
        raise ValueError(f"{root} has lost {len(lost)} of its {len(made.images)} images ({lost[0]} ...): {way_out}")
    return True


@contextmanager
def _working_folder(root: Path) -> Iterator[Path]:
    """An empty folder beside root, named after this process; what is still there at the end vanishes."""
    place = root.absolute()
    folder = place.parent / f".{place.name}.{os.getpid()}.partial"
    shutil.rmtree(folder, ignore_errors=True)  # of a killed process that had this number
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _drawn(tasks: list[_Task], workers: int) -> Iterator[ImageParts]:
    """Draw and write every task, yielding them in order."""
    turns = [tasks[first : first + _IMAGES_A_TURN] for first in range(0, len(tasks), _IMAGES_A_TURN)]
    written = in_order(_write_turn, turns, min(workers, len(turns)))
    with Progress("drawing the parts world", len(tasks), unit="image") as progress, closing(written):
        for images in written:
            yield from images
            progress.advance(len(images))


def _write_turn(tasks: list[_Task]) -> list[ImageParts]:
    return [_write(task) for task in tasks]


def _write(task: _Task) -> ImageParts:
    rng = np.random.default_rng([task.seed, task.split, task.class_index, task.number])
    drawing = draw(task.class_index, rng, task.side_px, difficulty=task.difficulty)
    wnid = CLASSES[task.class_index].wnid
    path = f"{SPLITS[task.split]}/{wnid}/{wnid}_{task.number:05d}.JPEG"
    with naming(task.folder / path):
        Image.fromarray(drawing.pixels).save(task.folder / path, format="JPEG", quality=JPEG_QUALITY)
    return ImageParts(path, wnid, drawing.object, drawing.parts, drawing.decoys)
