"""Lists of images in ImageNet's layout: one folder a class, named by its wnid."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Sequence, Sized
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zfnet.data import read_names
from zfnet.files import shown
from zfnet.progress import track

EXTENSIONS = (".jpeg", ".jpg", ".png", ".bmp", ".gif", ".pgm", ".ppm", ".tif", ".tiff", ".webp")  # in any case
LAYOUT = "root/{train,val}/<wnid>/*.JPEG"
SAMPLED_FILES, SAMPLED_BYTES = 4096, 64 * 2**10  # most of a JPEG of ImageNet's; some 250 MB
READERS = 8  # at once: a disk on the network answers each after milliseconds


@dataclass(frozen=True, eq=False)
class ImageList:
    """Image files and their classes; nothing is opened yet."""

    paths: list[str]
    labels: NDArray[np.int64]  # (N,) positions in wnids
    wnids: tuple[str, ...]  # sorted
    names: tuple[str, ...]  # a readable name of each class

    def __len__(self) -> int:
        return len(self.paths)

    def digest(self, *more: object) -> str:
        """16 hex digits over the classes and their names, each file's folder, name, size and class, and over `more`.

        And over a sample of what is in the files: the first SAMPLED_BYTES of SAMPLED_FILES evenly spaced ones, or of
        all where they are fewer. So an image overwritten at its size is noticed there, and in larger data where many
        were: of 1 in 1,000, with a chance of 98 %. No time counts and no folder above, so that a data set that was
        moved or copied is still the same. A missing file has size -1.
        """
        digest = hashlib.sha256(self.earlier_digest(*more).encode())
        digest.update(os.fsencode("\n".join(self.names)))
        evenly = np.linspace(0, len(self) - 1, min(len(self), SAMPLED_FILES)).round().astype(np.int64)
        sample = [self.paths[index] for index in evenly.tolist()]
        with ThreadPoolExecutor(READERS) as readers:
            for content in track(readers.map(_content_hash, sample), "fingerprint", len(sample), "file"):
                digest.update(content)
        return digest.hexdigest()[:16]

    def earlier_digest(self, *more: object) -> str:
        """What `digest` was before it covered contents and class names: what was kept then is known by it."""
        digest = hashlib.sha256(os.fsencode("\n".join([*self.wnids, *map(str, more)])))
        digest.update(self.labels.tobytes())
        for path in self.paths:
            digest.update(os.fsencode(f"{'/'.join(path.split(os.sep)[-2:])}\0{_size(path)}\n"))
        return digest.hexdigest()[:16]


def list_folder(root: str | Path, split: str) -> ImageList:
    """The images of root/<split>/<wnid>/, classes by sorted wnid, files by name within a class.

    split: "train" or "val". Raises ValueError where the folder is missing, a class is empty, or a class is in only one
    of train and val (when both are there).
    """
    root = Path(root)
    folder = _split_folder(root, split)
    wnids = _classes(folder)
    if not wnids:
        raise ValueError(f"{folder}: no class folders in it; expected {LAYOUT}{_hint_flat(folder)}")
    _check_same_classes(root, split, wnids)
    paths: list[str] = []
    counts = np.zeros(len(wnids), np.int64)
    for label, wnid in enumerate(wnids):
        found = image_files(folder / wnid)
        if not found:
            raise ValueError(
                f"{shown(folder / wnid)}: no images in this class folder (expected files ending in "
                f"{', '.join(EXTENSIONS)}); put its images there, or remove the folder from train and val"
            )
        counts[label] = len(found)
        paths.extend(found)
    return ImageList(paths, np.repeat(np.arange(len(wnids)), counts), wnids, _names(root, wnids))


def _names(root: Path, wnids: Sequence[str]) -> tuple[str, ...]:
    known = read_names(root)
    return tuple(known.get(wnid, shown(wnid)) for wnid in wnids)


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return -1


def _content_hash(path: str) -> bytes:
    """32 bytes over the first SAMPLED_BYTES of a file; of nothing, where it is not there or no regular file."""
    try:
        if stat.S_ISREG(os.stat(path).st_mode):
            with open(path, "rb", buffering=0) as file:
                return hashlib.sha256(file.read(SAMPLED_BYTES)).digest()
    except OSError:
        pass
    return bytes(32)


def _split_folder(root: Path, split: str) -> Path:
    if split not in ("train", "val"):
        raise ValueError(f"split {split!r} is not one of train, val")
    if not root.is_dir():
        raise ValueError(f"{root}: no such folder; expected images as {LAYOUT}")
    folder = root / split
    if not folder.is_dir():
        hint = ""
        if root.name in ("train", "val"):
            hint = f"; did you mean its parent, {root.parent}?"
        elif any(image_files(entry) for entry in root.iterdir() if entry.is_dir()):
            hint = f"; it seems to hold the classes of one split itself: move them to {folder}"
        raise ValueError(f"{root}: no {split}/ folder in it; expected {LAYOUT}{hint}")
    return folder


def _classes(folder: Path) -> tuple[str, ...]:
    with os.scandir(folder) as entries:
        return tuple(sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith(".")))


def image_files(folder: Path) -> list[str]:
    """Image files of a folder by name; hidden ones (macOS leaves ._copies) are not images."""
    names = sorted(
        name for name in os.listdir(folder) if name.lower().endswith(EXTENSIONS) and not name.startswith(".")
    )
    return [os.path.join(folder, name) for name in names]


def _hint_flat(folder: Path) -> str:
    if not image_files(folder):
        return ""
    return (
        "; the images lie directly in it: if this is the official validation folder, give its devkit "
        "(scripts/pack_imagenet --devkit)"
    )


def _check_same_classes(root: Path, split: str, wnids: tuple[str, ...]) -> None:
    """Raise if the other split is there as class folders and has other classes."""
    other = {"train": "val", "val": "train"}[split]
    if not (root / other).is_dir():
        return
    others = _classes(root / other)
    if not others:  # a flat folder: list_flat_validation compares its classes
        return
    for have, lack, classes, present in ((split, other, wnids, others), (other, split, others, wnids)):
        missing = sorted(set(classes) - set(present))
        if missing:
            raise ValueError(
                f"{root}: class {missing[0]}{and_more(missing)} is in {have}/ but missing from {lack}/; "
                "expected the same class folders in both"
            )


def no_readable_image(path: str, wnid: str, lost: Sized) -> ValueError:
    """The error for classes without one image that can be read: path is an image of the first, wnid, lost are all."""
    return ValueError(
        f"{shown(path)}: neither this nor any other image of class {wnid}{and_more(lost)} can be read; "
        "mend the files, or remove the class from train and val"
    )


def and_more(missing: Sized) -> str:
    """What to put after the first of several in a message."""
    return f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
