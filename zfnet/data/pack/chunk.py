"""One chunk of a pack: decode its images into their rows of the file, or check rows that an earlier run wrote."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zfnet.data import UnreadableImage, decode_square
from zfnet.data.pack import layout
from zfnet.files import naming, write_all

CHUNK_IMAGES = 256  # a second or so of work: what a kill costs a worker; the fingerprint depends on it


@dataclass(frozen=True)
class Entry:
    """What the journal keeps of a finished chunk: the hash of its readable rows, and why the others are missing."""

    chunk: int
    sha256: str
    skipped: dict[int, str]  # position in the list of images -> "path: reason"


@dataclass(frozen=True)
class Task:
    """Chunk number `chunk` of the file of pixels; `known` if an earlier run already wrote it."""

    pixels: str
    side_px: int
    strict: bool
    max_megapixels: float
    chunk: int = 0
    paths: Sequence[str] = ()
    known: Entry | None = None


def pack_chunk(task: Task) -> tuple[Entry, NDArray[np.uint32]]:
    """Write the chunk, and return its entry and the sum of its rows (side, side, 3).

    A known chunk is read back instead, some ten times faster than decoding; if its hash is not the recorded one (the
    machine lost power before the rows reached the disk) it is written anew, and so it is if an image that was skipped
    can be read by now. Images go straight to the file, one by one, so the memory does not depend on their number.
    strict: raises UnreadableImage at the first such file.
    """
    descriptor = os.open(task.pixels, os.O_RDWR)
    try:
        if task.known is not None and not (task.strict and task.known.skipped):
            entry, total = _summed(task, _stored(task, descriptor, task.known.skipped), task.known.skipped)
            if entry == task.known and not _readable_by_now(task, task.known.skipped):
                return entry, total
        skipped: dict[int, str] = {}
        with naming(task.pixels):
            return _summed(task, _decoded(task, descriptor, skipped), skipped)
    finally:
        os.close(descriptor)


def _readable_by_now(task: Task, skipped: Iterable[int]) -> bool:
    """Whether one of the images that an earlier run skipped can be read: larger ones are allowed, its disk is back."""
    for index in skipped:
        with suppress(UnreadableImage):
            decode_square(task.paths[index - task.chunk * CHUNK_IMAGES], task.side_px, task.max_megapixels)
            return True
    return False


def _summed(task: Task, rows: Iterator[NDArray[np.uint8]], skipped: dict[int, str]) -> tuple[Entry, NDArray[np.uint32]]:
    digest = hashlib.sha256()
    total = np.zeros((task.side_px, task.side_px, 3), np.uint32)  # 256 rows of 255 fit well
    for row in rows:
        digest.update(row.data)
        total += row
    return Entry(task.chunk, digest.hexdigest(), skipped), total


def _decoded(task: Task, descriptor: int, skipped: dict[int, str]) -> Iterator[NDArray[np.uint8]]:
    """Decode and write each image; those that cannot be read are noted in `skipped` and their rows left alone."""
    for index, path in enumerate(task.paths, start=task.chunk * CHUNK_IMAGES):
        try:
            row = np.ascontiguousarray(decode_square(path, task.side_px, task.max_megapixels))
        except UnreadableImage as error:
            if task.strict:
                raise
            skipped[index] = str(error)
            continue
        write_all(descriptor, row.data.cast("B"), layout.row_offset(index, task.side_px))
        yield row


def _stored(task: Task, descriptor: int, skipped: dict[int, str]) -> Iterator[NDArray[np.uint8]]:
    """The rows as the file has them, without the skipped ones."""
    row = np.empty((task.side_px, task.side_px, 3), np.uint8)
    for index in range(task.chunk * CHUNK_IMAGES, task.chunk * CHUNK_IMAGES + len(task.paths)):
        if index not in skipped:
            os.preadv(descriptor, [row.data], layout.row_offset(index, task.side_px))
            yield row
