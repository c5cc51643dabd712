"""Work dealt to several processes a piece at a time, kept as it is made, and joined: one way for every job."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from zfnet.files import load_arrays, whole_file
from zfnet.progress import track
from zfnet.training.machine.parallel import World

KIND = "piece"
CLAIM = ".claimed"  # beside the pieces: a process makes this one
Task = TypeVar("Task")
Item = TypeVar("Item")
Piece = Mapping[str, NDArray[Any]]
log = logging.getLogger(__name__)


def deal(
    tasks: Sequence[Task],
    work: Callable[[Task], Piece],
    folder: Path,
    world: World,
    *,
    what: str,
    unit: str = "piece",
    for_all: bool = False,
) -> list[Piece]:
    """What `work` makes of every task, in their order: for the first process, where it is not for all.

    Each process takes the next task that nobody has taken, so that none waits while another still has several: put the
    long ones first. What is a task must not depend on the number of processes: then what comes of it does not either,
    bit for bit. Each piece is a file of the folder, written whole or not at all; one that is there already is not made
    again, so that a job that was killed goes on. The folder must be of these tasks alone, and the same for all
    processes. what, unit: of the progress bar.
    """
    missing, token = world.from_first(
        ([number for number in range(len(tasks)) if _held(folder, number) is None], uuid4().hex)
        if world.first else ([], "")
    )  # fmt: skip
    for number in track(missing, what, unit=unit, enabled=world.first and bool(missing)):
        if world.size > 1 and not _claim(folder, number, token):
            continue
        piece = work(tasks[number])
        with whole_file(_path(folder, number)) as file:
            np.savez(file, **{"figure": np.array(KIND), **piece})  # type: ignore[arg-type]
    world.wait()
    if world.size > 1 and world.first:
        for path in folder.glob(f"*{CLAIM}"):
            path.unlink()
    if not (world.first or for_all):
        return []
    return [load_arrays(_path(folder, number), KIND) for number in range(len(tasks))]


class Turns:
    """Tasks that several processes take, each by one alone, and leave when one of them is asked to stop.

    folder: all processes' own, for files that tell the others. What is made of a task is for the caller to keep. Put
    the long tasks first.
    """

    def __init__(self, folder: Path, world: World, stop: Callable[[], bool]) -> None:
        self._folder, self._world, self._stop = folder, world, stop
        self._token = world.from_first(uuid4().hex)

    def of(self, tasks: Sequence[Task]) -> Iterator[Task]:
        """Those that this process takes: the next that nobody has; none once any process has been asked to stop."""
        for number, task in enumerate(tasks):
            if self.stopped():
                return
            if self._world.size == 1 or _claim(self._folder, number, self._token):
                yield task

    def stopped(self) -> bool:
        """Whether any process has been asked to stop."""
        if self._world.size == 1:
            return self._stop()
        sign = self._folder / f"{self._token}.stopped"
        if self._stop():
            self._folder.mkdir(parents=True, exist_ok=True)
            sign.touch()
        return sign.exists()


def share_of(items: Sequence[Item], block: int, world: World) -> list[Item]:
    """A process's items where blocks of so many are dealt out, one after the other.

    Cut into blocks again they are the blocks that one process would have cut from all: a batch, whose size changes the
    last bits of what comes out of a network, is the same for any number of processes.
    """
    firsts = range(world.rank * block, len(items), world.size * block)
    return [item for first in firsts for item in items[first : first + block]]


def blocks_of(items: Sequence[Item], size: int) -> list[list[Item]]:
    """Items cut into blocks of so many, the last perhaps shorter."""
    return [list(items[first : first + size]) for first in range(0, len(items), size)]


def _claim(folder: Path, number: int, token: str) -> bool:
    """Take a task for this process, unless another has: of a file of that name there can be one alone.

    token: of this run of the processes, so that nothing that an earlier one left counts.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        (folder / f"{number:06d}-{token}{CLAIM}").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _path(folder: Path, number: int) -> Path:
    return folder / f"{number:06d}.npz"


def _held(folder: Path, number: int) -> Piece | None:
    """A piece that an earlier run made; None where there is none, or a damaged one, which is made again."""
    path = _path(folder, number)
    if not path.is_file():
        return None
    try:
        return load_arrays(path, KIND)
    except ValueError as error:
        log.warning("%s; it is made again", error)
        return None
