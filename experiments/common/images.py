"""Images for jobs that look into a trained network: the centre crop of each, as the network sees it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from experiments.common.config import check_least
from experiments.common.job import Run
from zfnet.data import BILINEAR, FolderImages, ImageData, ImageSource, InputFrame, list_any_folder, without
from zfnet.data.datasets import ImageList
from zfnet.files import path_of
from zfnet.mining import CentreViews
from zfnet.training import workers_for


@dataclass(frozen=True, kw_only=True)
class ImagesChoice:
    """Which images a job was given: data and its split, or `images`, any folder of image files."""

    data: ImageData | None = None
    split: str | None = None
    images: str | None = None
    batch_size: int = 64

    def __post_init__(self) -> None:
        check_least(self, batch_size=1)


def check_one_label(data: ImageData | None) -> None:
    """Raise ValueError for images of several classes each, of which an ImageSource knows but the first."""
    if data is not None and data.kind == "voc2012":
        raise ValueError("data=voc2012 has several labels an image, expected one: tab6_pascal.py is for it")


def open_views(choice: ImagesChoice, run: Run, frame: InputFrame) -> CentreViews:
    """The images that a job was given, as the network sees them.

    Raises ValueError where there is neither data nor a folder, or both, and where their side is not the one the frame
    is cut from.
    """
    if (choice.images is None) == (choice.data is None):
        raise ValueError("give either data=... (and split=train or val) or images=FOLDER with image files")
    if choice.images is not None:
        source: ImageSource = of_files(list_any_folder(choice.images), frame)
    else:
        assert choice.data is not None
        source = open_split(choice.data, run, choice.split)
        check_side(source, frame)
        if run.world.first:
            note_interpolation(source, frame)
    return views_of(source, run, frame, choice.batch_size)


def of_files(listed: ImageList, frame: InputFrame, *, strict: bool = False) -> FolderImages:
    """Image files as the squares that the frame is cut from."""
    return FolderImages(listed, frame.side_px, strict=strict, interpolation=frame.interpolation)


def views_of(source: ImageSource, run: Run, frame: InputFrame, batch_size: int) -> CentreViews:
    """This process's part of a source's central views."""
    world = run.world
    return CentreViews(
        source, frame, batch_size,
        rank=world.rank, world_size=world.size, device=world.device, workers=reading_processes(source, run),
    )  # fmt: skip


def open_split(data: ImageData, run: Run, split: str | None) -> ImageSource:
    """The images of a split, drawn, packed or downloaded first by one process.

    split: None is all of a data set that has no splits, and train of others.
    """
    if run.world.first:
        data.prepare()
    run.world.wait()
    return data.open(split or data.splits[0])


def open_alone(data: ImageData, split: str | None) -> ImageSource:
    """The same for a job that the first process does alone: it waits for nobody, for the others have ended."""
    data.prepare()
    return data.open(split or data.splits[0])


def check_side(source: ImageSource, frame: InputFrame) -> None:
    """Raise ValueError unless the images are squares that the frame can be cut from."""
    if source.side_px != frame.side_px:
        raise ValueError(
            f"the network sees crops of {frame.side_px} px squares, the images are {source.side_px} px: "
            f"give data.side={frame.side_px}, or pack the images at that side"
        )


def note_interpolation(source: ImageSource, frame: InputFrame) -> None:
    """Say on the console where the images' squares were made by another filter than the network's."""
    own, made = frame.interpolation, getattr(source, "interpolation", BILINEAR)
    if own != made:
        print(
            f"note: the network is meant to see {own} squares, these images are {made} (about 2 grey levels apart): "
            f"data.interpolation={own} makes them so, where they are image files"
        )


def open_without(data: ImageData, split: str | None, exclude: str | None, run: Run) -> ImageSource:
    """What `open_split` opens, without the images listed in the file `exclude`."""
    source = open_split(data, run, split)
    if exclude is None:
        return source
    if not Path(exclude).is_file():
        raise ValueError(
            f"exclude={exclude}: no such file; expected one path a line, as experiments/duplicates.py writes"
        )
    lines = Path(exclude).read_text(encoding="utf-8", errors="surrogateescape").split("\n")
    listed = [path_of(line.rstrip("\r")) for line in lines if line.strip()]
    if run.world.first:
        print(f"{len(listed)} images are left out, as {exclude} says")
    return without(source, listed)


def reading_processes(source: ImageSource, run: Run) -> int:
    """How many processes read a source for each of the run's."""
    return workers_for(source, run.hardware, run.world)
