"""Feature vectors of many images in a file, laid out for what reads them: blocks of columns.

Layer 1 of ZFNet has 290,400 numbers an image, so that 8,677 images (Caltech-101) are 10.1 GB. A Gram matrix needs every
image beside every other. Held as rows, each block of images would have to be read, or computed again by the network,
once for every other block. But X X^T is also the sum, over blocks of columns, of each block times its own transpose:
with the columns of all images side by side in the file, every number is computed once, written once and read once.
That is why features go to a file rather than being computed again, on a CPU and on a GPU alike.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from zfnet.files import naming, write_all

log = logging.getLogger(__name__)

FORMAT = 1
HEADER_BYTES = 4096
PANEL_BYTES = 64 * 2**20  # of a block of columns, all images


@dataclass(frozen=True, kw_only=True)
class Features:
    """The feature vectors of `images` images, `numbers` each, in a file. Rows of unreadable images are NaN.

    columns: how many of the numbers lie side by side in a panel; the last panel may have fewer.
    """

    path: Path
    images: int
    numbers: int
    dtype: np.dtype[Any]
    columns: int

    @property
    def file_bytes(self) -> int:
        """The size of the whole file."""
        return HEADER_BYTES + self.images * self.numbers * self.dtype.itemsize

    def panels(self) -> Iterator[NDArray[Any]]:
        """All images' features by blocks of columns, (images, up to `columns`) each: together they are `array`."""
        with open(self.path, "rb") as file:
            for start in range(0, self.numbers, self.columns):
                width = min(self.columns, self.numbers - start)
                file.seek(self.offset(0, start))
                panel = np.fromfile(file, self.dtype, self.images * width)
                yield panel.reshape(self.images, width)

    def array(self) -> NDArray[Any]:
        """All of it at once, (images, numbers): for layers that memory has room for."""
        whole = np.empty((self.images, self.numbers), self.dtype)
        for start, panel in zip(range(0, self.numbers, self.columns), self.panels(), strict=True):
            whole[:, start : start + panel.shape[1]] = panel
        return whole

    def readable(self) -> NDArray[np.bool_]:
        """Of which images there are features, (images,): rows of the others are NaN."""
        return ~np.isnan(next(self.panels())[:, 0])

    def offset(self, row: int, start: int) -> int:
        """Where in the file the numbers of an image lie that belong to the panel beginning at column `start`."""
        width = min(self.columns, self.numbers - start)
        return HEADER_BYTES + (self.images * start + row * width) * self.dtype.itemsize

    def header(self, what: Mapping[str, Any]) -> bytes:
        """The file's first HEADER_BYTES: the layout, and what the features are of.

        Raises ValueError where that takes more.
        """
        shape = {"images": self.images, "numbers": self.numbers, "dtype": self.dtype.name, "columns": self.columns}
        text = json.dumps({"format": FORMAT, "of": dict(what), **shape}).encode()
        if len(text) > HEADER_BYTES:
            raise ValueError(f"{self.path}: what identifies the features takes {len(text)} bytes, more than the header")
        return text.ljust(HEADER_BYTES)

    def delete(self) -> None:
        """Remove the file, if it is there."""
        self.path.unlink(missing_ok=True)


def planned(path: Path, images: int, numbers: int, dtype: np.dtype[Any], panel_bytes: int = PANEL_BYTES) -> Features:
    """Features that are still to be written."""
    columns = min(numbers, max(panel_bytes // (images * dtype.itemsize), 1))
    return Features(path=path, images=images, numbers=numbers, dtype=dtype, columns=columns)


def found(path: Path, what: Mapping[str, Any]) -> Features | None:
    """The features in a file, or None where there are none, or others than `what`, or not all of them."""
    try:
        with open(path, "rb") as file:
            held = json.loads(file.read(HEADER_BYTES))
            features = Features(
                path=path,
                images=held["images"],
                numbers=held["numbers"],
                dtype=np.dtype(held["dtype"]),
                columns=held["columns"],
            )
            size = os.fstat(file.fileno()).st_size
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        log.warning("%s holds no features (%r): they are computed again", path, error)
        return None
    if held["format"] != FORMAT or held["of"] != dict(what) or size != features.file_bytes:
        log.warning("%s holds other features than those asked for, or was cut: they are computed again", path)
        return None
    return features


class Writer:
    """Writes features of images into a file that `claimed` opened. what: None where another process writes that."""

    def __init__(self, file: BinaryIO, features: Features, what: Mapping[str, Any] | None) -> None:
        self._file, self._features, self._row = file, features, 0
        if what is not None:
            with naming(features.path):
                os.pwrite(file.fileno(), features.header(what), 0)

    def write(self, rows: NDArray[Any], at: int | None = None) -> None:
        """Feature vectors (B, numbers) of the images from number `at` on, or of the next ones."""
        layout = self._features
        self._row = self._row if at is None else at
        for start in range(0, layout.numbers, layout.columns):
            part = np.ascontiguousarray(rows[:, start : start + layout.columns], layout.dtype)  # (B, columns)
            with naming(layout.path):
                write_all(self._file.fileno(), part.data.cast("B"), layout.offset(self._row, start))
        self._row += len(rows)


def _partial(path: Path) -> Path:
    return path.with_name(path.name + ".partial")


@contextmanager
def joined(path: Path) -> Iterator[BinaryIO]:
    """The file that another process of the job holds by `claimed`, to write a part of it."""
    with naming(path), open(_partial(path), "r+b", buffering=0) as file:
        yield file


@contextmanager
def claimed(path: Path) -> Iterator[BinaryIO]:
    """A file that becomes `path`, flushed and by a rename, when the block ends well, and is removed when it does not.

    What a killed process left is overwritten. Raises ValueError while another process writes the same file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = _partial(path)
    with open(partial, "ab+", buffering=0) as appending:
        try:
            fcntl.flock(appending, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(
                f"{partial} is being written by another process: wait for it, or use another folder"
            ) from None
        if not (partial.exists() and os.path.samestat(partial.stat(), os.fstat(appending.fileno()))):
            raise ValueError(f"{path} was just written by another process: run this again to use it")
        with open(partial, "r+b", buffering=0) as file:  # not appending, where pwrite would ignore its offset
            file.truncate()
            try:
                with naming(path):
                    yield file
                    os.fsync(file.fileno())
                    os.replace(partial, path)
            except BaseException:
                partial.unlink()
                raise


def check_room(folder: Path, needed: int, of: str) -> None:
    """Raises ValueError where the disk has not the room."""
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise ValueError(
            f"{of} take {needed / 2**30:.1f} GiB on disk, {folder} has {free / 2**30:.1f}: give a folder on another "
            "disk, ask for fewer layers or images, or compute in float16, which takes half"
        )
