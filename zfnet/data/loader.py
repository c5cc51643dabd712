"""Batches from an image source, in an order that depends on (seed, epoch) alone.

Workers only fetch what they are told: they hold no randomness, so their number changes nothing. Image files are decoded
by processes; a pack, which needs no decoding, is read ahead by threads unless processes are asked for. The iterator
hands out whole batches of uint8 squares; crops and normalisation happen on the device (views.py).
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from zfnet.data.decode import UnreadableImage
from zfnet.data.folder import FolderImages
from zfnet.data.pack import PackImages, read_ahead
from zfnet.data.source import UNREADABLE, ImageSource
from zfnet.data.subset import Subset
from zfnet.files import shown

log = logging.getLogger(__name__)
_unreadable: WeakKeyDictionary[ImageSource, set[int]] = WeakKeyDictionary()


@dataclass(frozen=True)
class Batch:
    """images (B, 3, side, side) uint8; labels (B,) int64, UNREADABLE where decoding failed; indices (B,) int64."""

    images: Tensor
    labels: Tensor
    indices: Tensor

    def __len__(self) -> int:
        return len(self.indices)


def never() -> bool:
    """No."""
    return False


class _Rows(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """A source addressed by arrays of indices, one array a batch."""

    def __init__(self, source: ImageSource) -> None:
        self.source = source

    def __getitem__(self, indices: NDArray[np.int64]) -> tuple[Tensor, Tensor, Tensor]:
        images, labels = self.source.read(indices.tolist())
        return images, labels, torch.from_numpy(indices)


def training_order(count: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """The order (count,) in which epoch `epoch` visits the images."""
    return np.random.default_rng([seed, epoch, 0]).permutation(count)


def training_batches(
    source: ImageSource,
    batch_size: int,
    seed: int,
    epoch: int,
    start: int = 0,
    rank: int = 0,
    world_size: int = 1,
    workers: int = 0,
    read_on: Callable[[], bool] = never,
) -> Iterator[Batch]:
    """This process's part of each batch of an epoch, from batch `start` on; the last, uneven batch is dropped.

    batch_size is global: each of `world_size` processes gets batch_size / world_size consecutive images of it.
    read_on: asked where a worker has died, as a signal to all processes of a job may have it: whether this process
    shall read the rest itself. Raises ValueError for a batch_size that does not divide, RuntimeError for dead workers.
    """
    if batch_size % world_size:
        raise ValueError(f"batch_size {batch_size} does not divide among {world_size} processes")
    order, local = training_order(len(source), seed, epoch), batch_size // world_size
    firsts = range(start * batch_size, len(source) - batch_size + 1, batch_size)
    parts = [order[first + rank * local : first + (rank + 1) * local] for first in firsts]
    return _fetch(source, parts, workers, read_on)


def ordered_batches(
    source: ImageSource,
    batch_size: int,
    rank: int = 0,
    world_size: int = 1,
    workers: int = 0,
    read_on: Callable[[], bool] = never,
    start: int = 0,
) -> Iterator[Batch]:
    """Every image once, in order: process r of n gets batches r, r + n, r + 2n ... ; nothing is padded or dropped.

    So a batch is the same for any number of processes, and what comes of it to the last bit. start: how many of its
    batches a process leaves out, having done them. read_on: as in training_batches. Raises RuntimeError for dead
    workers.
    """
    every = np.arange(len(source))
    parts = [every[first : first + batch_size] for first in range(0, len(source), batch_size)][rank::world_size]
    return _fetch(source, parts[start:], workers, read_on)


def _fetch(
    source: ImageSource, parts: list[NDArray[np.int64]], workers: int, read_on: Callable[[], bool]
) -> Iterator[Batch]:
    pack, rows = _in_pack(source, parts)
    if pack is not None and not workers:
        for images, indices in zip(read_ahead(pack, rows), parts, strict=True):
            labels = source.labels[indices]  # not the pack's: they may be dealt out anew
            yield Batch(images, torch.from_numpy(labels), torch.from_numpy(indices))
        return
    fetched = 0
    while fetched < len(parts):
        try:
            for images, labels, indices in _loader(source, parts[fetched:], workers):
                _name_unreadable(source, indices[labels == UNREADABLE].tolist())
                fetched += 1
                yield Batch(images, labels, indices)
        except RuntimeError:
            if not workers or not read_on():
                raise
            workers = 0


def _in_pack(
    source: ImageSource, parts: list[NDArray[np.int64]]
) -> tuple[PackImages | None, Sequence[NDArray[np.int64]]]:
    """The pack that a source is, or is a part of, and where in it the images of each batch lie."""
    rows = parts
    while isinstance(source, Subset):
        chosen, source = source.indices, source.source
        rows = [chosen[part] for part in rows]
    return (source if isinstance(source, PackImages) else None), rows


def _loader(
    source: ImageSource, parts: list[NDArray[np.int64]], workers: int
) -> DataLoader[tuple[Tensor, Tensor, Tensor]]:
    return DataLoader(
        _Rows(source),
        sampler=parts,  # each "sample" is a whole batch
        batch_size=None,
        num_workers=workers,
        pin_memory=torch.cuda.is_available() and torch.cuda.is_initialized(),
        prefetch_factor=4 if workers else None,
        worker_init_fn=_ignore_signals if workers else None,
        generator=torch.Generator(),  # so that starting an iterator leaves the global random state alone
    )


def _ignore_signals(worker: int) -> None:
    """Ctrl-C and SIGHUP reach every process of a terminal, Slurm's SIGTERM every one of a job.

    The one that trains decides what becomes of them; its workers end when it tells them to, or soon after it has died.
    """
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)


def _name_unreadable(source: ImageSource, indices: list[int]) -> None:
    """Log each image that could not be read, once, and why where the source can tell."""
    known = _unreadable.setdefault(source, set()) if indices else set()
    for index in sorted(set(indices) - known):
        known.add(index)
        log.warning("skipped an image that cannot be read: %s", _why_unreadable(source, index))


def _why_unreadable(source: ImageSource, index: int) -> str:
    if isinstance(source, Subset):
        return _why_unreadable(source.source, int(source.indices[index]))
    return source.why_unreadable(index) if isinstance(source, FolderImages) else shown(source.path(index))


def unreadable(source: ImageSource) -> list[str]:
    """Where the images lie that could not be read so far, for the report at the end."""
    return [source.path(index) for index in unreadable_images(source)]


def unreadable_images(source: ImageSource) -> list[int]:
    """The images that could not be read so far."""
    return sorted(_unreadable.get(source, set()))


def remember_unreadable(source: ImageSource, images: Iterable[int]) -> None:
    """Count images as known to be unreadable that an earlier part of the run has named."""
    _unreadable.setdefault(source, set()).update(images)


def read_left_out(source: ImageSource, batch_size: int, seed: int, epochs: int) -> None:
    """Read the images that no training batch of all these epochs held, so that those that cannot be read are named.

    Every epoch drops the last, uneven batch of its order: they are fewer than batch_size, and mostly none after two
    epochs.
    """
    left = np.arange(len(source))
    for epoch in range(epochs):
        dropped = training_order(len(source), seed, epoch)[len(source) // batch_size * batch_size :]
        left = np.intersect1d(left, dropped)
        if not len(left):
            return
    for index in left.tolist():
        try:
            _, labels = source.read([index])
        except UnreadableImage:  # a strict source; the run has ended well without it
            labels = torch.tensor([UNREADABLE])
        if labels[0] == UNREADABLE:
            _name_unreadable(source, [index])
