"""Images for jobs that look into a trained network: the centre crop of each, as the network sees it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path

import numpy as np
import torch
from omegaconf import DictConfig
from torch import Tensor
from torchvision.transforms.functional import rgb_to_grayscale

from experiments.common.job import Run, build
from zfnet.data.folder import FolderImages
from zfnet.data.imagenet import EXTENSIONS, ImageList, image_files
from zfnet.data.loader import ordered_batches
from zfnet.data.names import read_names
from zfnet.data.opening import ImageData
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


def list_any_folder(folder: str | Path) -> ImageList:
    """Every image file in a folder and the folders in it; the folder a file lies in is its class."""
    root = Path(folder)
    if not root.is_dir():
        raise ValueError(f"{folder}: no such folder")
    found = {os.path.relpath(path, root): image_files(Path(path)) for path, _, _ in os.walk(root)}
    classes = sorted(name for name, files in found.items() if files)
    if not classes:
        raise ValueError(f"{folder}: no image files in it (expected names ending in {', '.join(EXTENSIONS)})")
    known = read_names(root)
    labels = np.repeat(np.arange(len(classes)), [len(found[name]) for name in classes])
    names = tuple(known.get(name, "" if name == "." else name) for name in classes)
    return ImageList([path for name in classes for path in found[name]], labels, tuple(classes), names)


def photographs(given: str | Sequence[str] | None) -> list[str]:
    """The image files that a job was given: one, several, or all those in a folder.

    By default the two photographs that ship with scikit-learn, china.jpg and flower.jpg. Raises ValueError for a path
    that is not there, an empty list and a folder without images.
    """
    if given is None:
        return [str(resources.files("sklearn.datasets.images") / name) for name in ("china.jpg", "flower.jpg")]
    if isinstance(given, str) and Path(given).is_dir():
        return list_any_folder(given).paths
    paths = [given] if isinstance(given, str) else [str(path) for path in given]
    missing = [path for path in paths if not Path(path).is_file()]
    if missing or not paths:
        what = f"no image file at {', '.join(missing)}" if missing else "no image was given"
        raise ValueError(f"{what}: expected image files, a folder of them, or null for scikit-learn's photographs")
    return paths


def read_photographs(paths: Sequence[str], frame: InputFrame) -> tuple[Tensor, Tensor]:
    """The files' central squares (B, 3, size, size), as the network sees them and as pixels, uint8 and on the CPU.

    Raises UnreadableImage, a ValueError, for the first file that cannot be read.
    """
    listed = ImageList(list(paths), np.zeros(len(paths), np.int64), ("",), ("",))
    source = FolderImages(listed, frame.side_px, strict=True)
    return CentreViews(source, frame, len(paths), World(device=frame.mean.device)).fetch(range(len(paths)))


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
        """Images by number: as the network sees them (B, 3, size, size), and as pixels, uint8 of the same size.

        Grey images have one channel for the network, and three equal ones as pixels; a network that sees grey gets
        colours as their luminance.
        """
        squares, _ = self.source.read(numbers)
        if self.frame.channels == 1 < squares.shape[1]:
            squares = rgb_to_grayscale(squares)
        margin, size = (self.frame.side_px - self.frame.size_px) // 2, self.frame.size_px
        pixels = squares[:, :, margin : margin + size, margin : margin + size]
        return self._cut(squares), pixels.expand(-1, 3, -1, -1)

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
