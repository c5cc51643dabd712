"""Images for jobs that look into a trained network: the centre crop of each, as the network sees it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from omegaconf import DictConfig
from torch import Tensor

from experiments.common.job import Run, build
from zfnet.data.folder import FolderImages
from zfnet.data.image_data import ImageData
from zfnet.data.loader import ordered_batches
from zfnet.data.photographs import as_seen, list_any_folder
from zfnet.data.source import ImageSource
from zfnet.data.views import InputFrame, centre_views, cut
from zfnet.deconv import Indexed
from zfnet.training import World


def open_views(config: DictConfig, run: Run, frame: InputFrame) -> CentreViews:
    """The images that a job was given, as the network sees them: `data=...` and `split`, or `images=` any folder.

    Raises ValueError where there is neither or both, or where their side is not the one the frame is cut from.
    """
    if (config.images is None) == (config.get("data") is None):
        raise ValueError("give either data=... (and split=train or val) or images=FOLDER with image files")
    source = _open(config, run, frame)
    workers = run.hardware.reading_processes(isinstance(source, FolderImages), run.world.size)
    return CentreViews(source, frame, config.batch_size, run.world, workers)


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


class CentreViews:
    """The central crop of every readable image of a source, in order: this process's batches, on its device.

    Iterating yields `Indexed` batches of normalised images (B, 3, size, size); len() counts batches.
    """

    def __init__(self, source: ImageSource, frame: InputFrame, batch_size: int, world: World, workers: int = 0) -> None:
        self.source, self.frame = source, frame.to(world.device)
        self.batch_size, self.world, self.workers = batch_size, world, workers

    def __len__(self) -> int:
        mine = range(self.world.rank, len(self.source), self.world.size)
        return -(-len(mine) // self.batch_size)

    def __iter__(self) -> Iterator[Indexed]:
        for batch in ordered_batches(self.source, self.batch_size, self.world.rank, self.world.size, self.workers):
            readable = batch.labels >= 0
            images = self._cut(batch.images if readable.all() else batch.images[readable])
            yield Indexed(images, batch.indices[readable])

    def fetch(self, numbers: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Images by number: as the network sees them (B, 3, size, size), and as pixels (see `as_seen`)."""
        return as_seen(self.source.read(numbers)[0], self.frame)

    def grey(self) -> list[int]:
        """The mean colour of the frame: what zero means to the network."""
        return [round(value) for value in self.frame.mean.mean((1, 2)).tolist()]

    def _cut(self, squares: Tensor) -> Tensor:
        views = centre_views(len(squares), self.frame.side_px, self.frame.size_px)
        return cut(squares.to(self.world.device, non_blocking=True), views, self.frame)


def frame_fingerprint(frame: InputFrame) -> str:
    """What identifies a frame: its sizes and the sums of its mean and scale."""
    sums = [f"{torch.as_tensor(part).double().sum().item():.9g}" for part in (frame.mean, frame.scale)]
    return f"{frame.side_px}-{frame.size_px}-{'-'.join(sums)}"
