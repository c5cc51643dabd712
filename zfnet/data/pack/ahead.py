"""Batches of a pack read ahead by threads: pread gives up the interpreter's lock, so they read beside the step."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zfnet.data.pack.read import PackImages

AHEAD = 2  # batches that are read while one is used: the memory they take is the price
MOST_THREADS = 4  # four copy faster from the page cache than a GPU takes
FEWEST_ROWS = 8  # of a batch for one thread: below it, handing them out takes as long as reading them
THREADS_NAME = "read-ahead"


class Reading(NamedTuple):
    """A batch under way: rows (B, side, side, 3) uint8, which threads fill, and what each of them has promised."""

    rows: Tensor
    promises: list[Future[None]]

    def finished(self) -> Tensor:
        """Images (B, 3, side, side), channels last in memory. Raises what a thread has met."""
        for promise in self.promises:
            promise.result()
        return self.rows.permute(0, 3, 1, 2)


def rows_in_memory(shape: tuple[int, ...]) -> Tensor:
    """uint8 of that shape, to be filled; pinned where the process uses a GPU.

    torch gives a pinned block out anew once the copies from it have ended, so that a few blocks serve all batches;
    elsewhere malloc does, where it was told to keep what is freed.
    """
    return torch.empty(shape, dtype=torch.uint8, pin_memory=torch.cuda.is_available() and torch.cuda.is_initialized())


def read_ahead(
    pack: PackImages,
    parts: Iterable[NDArray[np.int64]],
    threads: int | None = None,
    allocate: Callable[[tuple[int, ...]], Tensor] = rows_in_memory,
) -> Iterator[Tensor]:
    """The images of each part (B,) of the pack's indices, in order, as (B, 3, side, side) uint8.

    threads: None for one a core, four at most. While one batch is used, AHEAD more are read. Raises OSError where the
    file ends early. Closed or failed, it leaves no thread behind.
    """
    threads = threads or min(MOST_THREADS, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2)
    pool, pending = ThreadPoolExecutor(threads, THREADS_NAME), deque[Reading]()
    try:
        for part in parts:
            rows = allocate((len(part), pack.side_px, pack.side_px, 3))
            slices = np.array_split(np.arange(len(part)), max(1, min(threads, len(part) // FEWEST_ROWS)))
            array = rows.numpy()
            promises = [pool.submit(pack.read_into, part[own].tolist(), array[own[0] : own[-1] + 1]) for own in slices]
            pending.append(Reading(rows, promises))
            if len(pending) > AHEAD:
                yield pending.popleft().finished()
        while pending:
            yield pending.popleft().finished()
    finally:
        pool.shutdown(cancel_futures=True)  # waits for the slices that are being read: they write into the rows
