"""Chunks worked off by several processes, in order, with a bounded number of them under way."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")

AHEAD = 2  # tasks under way or waiting, for each worker: enough that none waits for the next one


def in_order(work: Callable[[Task], Result], tasks: Iterable[Task], workers: int) -> Generator[Result, None, None]:
    """work(task) for each task, in their order; with one worker, in this process.

    Raises what `work` raises, after the tasks under way have ended, and RuntimeError if a worker is killed.
    """
    if workers == 1:
        yield from map(work, tasks)
        return
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else None)  # macOS aborts forked libraries
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_die_with_parent)
    pending: deque[Future[Result]] = deque()
    try:
        for task in tasks:
            pending.append(pool.submit(work, task))
            if len(pending) >= AHEAD * workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    except BrokenProcessPool as error:
        raise RuntimeError("a worker process was killed (was the memory full?); fewer workers take less") from error
    finally:
        pool.shutdown(cancel_futures=True)


def _die_with_parent() -> None:
    """Leave Ctrl-C to the parent, and end when it ends: a pool's workers otherwise outlive a parent killed by -9."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
