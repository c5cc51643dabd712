"""A few images to look at, from files, a folder or scikit-learn, as a network sees them and as pixels."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import numpy as np
from torch import Tensor
from torchvision.transforms.functional import rgb_to_grayscale

from zfnet.data.class_names import read_names
from zfnet.data.datasets import EXTENSIONS, ImageList, image_files
from zfnet.data.folder import FolderImages
from zfnet.data.frame import InputFrame
from zfnet.data.views import centre_views, crop_views
from zfnet.files import shown


def list_any_folder(folder: str | Path) -> ImageList:
    """Every image file in a folder and the folders in it; the folder a file lies in is its class.

    Links to folders are followed, and hidden folders are left out, as where there is a folder a class (list_folder).
    Raises ValueError for a folder that is not there or holds no image.
    """
    root = Path(folder)
    if not root.is_dir():
        raise ValueError(f"{folder}: no such folder")
    found = {os.path.relpath(path, root): image_files(Path(path)) for path in _folders(root)}
    classes = sorted(name for name, files in found.items() if files)
    if not classes:
        raise ValueError(f"{folder}: no image files in it (expected names ending in {', '.join(EXTENSIONS)})")
    known = read_names(root)
    labels = np.repeat(np.arange(len(classes)), [len(found[name]) for name in classes])
    names = tuple(known.get(name, "" if name == "." else shown(name)) for name in classes)
    return ImageList([path for name in classes for path in found[name]], labels, tuple(classes), names)


def _folders(root: Path) -> Iterator[str]:
    """A folder and those in it that are not hidden; a link that leads back to one of them is not followed."""
    entered = {os.path.realpath(root)}
    for path, inner, _ in os.walk(root, followlinks=True):
        yield path
        real = {name: os.path.realpath(os.path.join(path, name)) for name in sorted(inner) if not name.startswith(".")}
        inner[:] = [name for name in real if real[name] not in entered]
        entered.update(real.values())


def photograph_paths(given: str | Path | Sequence[str | Path] | None = None) -> list[str]:
    """The image files given: one, several, or all those in a folder.

    By default the two photographs that ship with scikit-learn, china.jpg and flower.jpg. Raises ValueError for a path
    that is not there, an empty list and a folder without images.
    """
    if given is None:
        return [str(resources.files("sklearn.datasets.images") / name) for name in ("china.jpg", "flower.jpg")]
    if isinstance(given, str | Path) and Path(given).is_dir():
        return list_any_folder(given).paths
    paths = [str(given)] if isinstance(given, str | Path) else [str(path) for path in given]
    missing = [path for path in paths if not Path(path).is_file()]
    if missing or not paths:
        what = f"no image file at {', '.join(missing)}" if missing else "no image was given"
        raise ValueError(f"{what}: expected image files, a folder of them, or null for scikit-learn's photographs")
    return paths


def one_photograph(given: str | Path | Sequence[str | Path] | None, name: str) -> str:
    """The image file given as `name`, by default china.jpg. Raises ValueError for several, or none."""
    paths = photograph_paths(given)
    if given is not None and len(paths) > 1:
        raise ValueError(f"{name}={given}: {len(paths)} images, expected one, such as {paths[0]}")
    return paths[0]


class SeenImages(NamedTuple):
    """B images as the network sees them, (B, channels, size, size), and their pixels, (B, 3, size, size) uint8."""

    inputs: Tensor
    pixels: Tensor


def read_photographs(paths: Sequence[str], frame: InputFrame) -> SeenImages:
    """The files' central squares (B, 3, size, size), as the network sees them and as pixels (see `as_seen`).

    Raises UnreadableImage, a ValueError, for the first file that cannot be read.
    """
    listed = ImageList(list(paths), np.zeros(len(paths), np.int64), ("",), ("",))
    source = FolderImages(listed, frame.side_px, strict=True, interpolation=frame.interpolation)
    squares, _ = source.read(range(len(paths)))
    return as_seen(squares, frame)


def as_seen(squares: Tensor, frame: InputFrame) -> SeenImages:
    """The centres of squares (B, C, side, side) uint8: as the network sees them, and as pixels, uint8 and on the CPU.

    The former (B, frame.channels, size, size) lie on the frame's device. Grey images have one channel for the network,
    and three equal ones as pixels (B, 3, size, size); a network that sees grey gets colours as their luminance.
    """
    if frame.channels == 1 < squares.shape[1]:
        squares = rgb_to_grayscale(squares)
    views = centre_views(len(squares), frame.side_px, frame.size_px)
    margin, size = (frame.side_px - frame.size_px) // 2, frame.size_px
    pixels = squares[:, :, margin : margin + size, margin : margin + size].expand(-1, 3, -1, -1)
    inputs = crop_views(squares.to(frame.mean.device, non_blocking=True), views, frame)
    return SeenImages(inputs=inputs, pixels=pixels)
