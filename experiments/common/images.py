"""Images for jobs that look into a trained network: the centre crop of each, as the network sees it."""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig

from experiments.common.config import build
from experiments.common.job import Run
from zfnet.data import FolderImages, ImageData, ImageSource, InputFrame, Subset, list_any_folder, without
from zfnet.mining import CentreViews


def open_views(config: DictConfig, run: Run, frame: InputFrame) -> CentreViews:
    """The images that a job was given, as the network sees them: `data=...` and `split`, or `images=` any folder.

    Raises ValueError where there is neither or both, or where their side is not the one the frame is cut from.
    """
    if (config.images is None) == (config.get("data") is None):
        raise ValueError("give either data=... (and split=train or val) or images=FOLDER with image files")
    source = _open(config, run, frame)
    workers = run.hardware.reading_processes(isinstance(source, FolderImages), run.world.size)
    return CentreViews(
        source, frame, config.batch_size,
        rank=run.world.rank, world_size=run.world.size, device=run.world.device, workers=workers,
    )  # fmt: skip


def _open(config: DictConfig, run: Run, frame: InputFrame) -> ImageSource:
    if config.images is not None:
        return FolderImages(list_any_folder(config.images), frame.side_px)
    data = build(ImageData, config.data)
    if run.world.first:
        data.prepare()
    run.world.wait()
    source = data.open(config.split)
    if source.side_px != frame.side_px:
        raise ValueError(
            f"the network sees crops of {frame.side_px} px squares, the images are {source.side_px} px: "
            f"give data.side={frame.side_px}, or pack the images at that side"
        )
    return source


def open_images(data: DictConfig, split: str | None, exclude: str | None) -> ImageSource:
    """The images of a split without those listed in the file `exclude`.

    split: None is all of a data set that has no splits, and train of others.
    """
    given = build(ImageData, data)
    given.prepare()
    source = given.open(split or given.splits[0])
    if exclude is None:
        return source
    if not Path(exclude).is_file():
        raise ValueError(
            f"exclude={exclude}: no such file; expected one path a line, as experiments/duplicates.py writes"
        )
    listed = [line for line in Path(exclude).read_text().splitlines() if line.strip()]
    print(f"{len(listed)} images are left out, as {exclude} says")
    return without(source, listed)


def reading_processes(source: ImageSource, run: Run) -> int:
    """Workers that read a source, or the source that it is a part of: none where nothing is decoded from files."""
    whole = source
    while isinstance(whole, Subset):
        whole = whole.source
    return run.hardware.reading_processes(isinstance(whole, FolderImages))
