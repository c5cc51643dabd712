"""Signals: as a question that a job asks itself, and as what tells that another process of it has died."""

from __future__ import annotations

import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode

from experiments.common.quiet import unheard

if TYPE_CHECKING:
    from zfnet.training import World

COLLECTIVE = re.compile(r"gloo|nccl|connection (was likely )?(closed|reset)|broken pipe", re.IGNORECASE)
GONE_S = 2.0  # how long a dead process is looked for


class Terminated(BaseException):
    """SIGTERM, which torchrun sends to the processes that are left when one has died."""


class _Ended:
    """The handler of SIGTERM in a job of several processes."""

    def __init__(self, world: World) -> None:
        self.world = world

    def __call__(self, number: int, frame: FrameType | None) -> None:
        raise Terminated


@contextmanager
def others_watched(world: World, advice: Callable[[], str]) -> Iterator[None]:
    """Let the death of another process of the job end this one by an error that names it; advice: how to go on.

    A collective that waits for the dead one fails, or torchrun ends this one first. After an error SIGTERM stays
    ignored: what went wrong is still to be told and written down, and torchrun is patient for half a minute.
    """
    if world.size == 1:
        yield
        return

    before = signal.signal(signal.SIGTERM, _Ended(world))
    try:
        yield
    except BaseException as error:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if not isinstance(error, RuntimeError | Terminated):
            raise
        from zfnet.training import LostProcess

        collective = isinstance(error, Terminated) or COLLECTIVE.search(str(error)) is not None
        lost = world.lost(wait_s=GONE_S) if collective else ""  # others may have ended well before an error of its own
        if lost:
            raise LostProcess(
                f"{lost} has ended, and process {world.rank} cannot go on without it. {advice()}"
            ) from error
        if isinstance(error, Terminated):
            raise SystemExit(128 + signal.SIGTERM) from None
        raise
    signal.signal(signal.SIGTERM, before)


class StopSignal:
    """Ctrl-C, SIGTERM or a terminal that hangs up asks for a clean end; another, at least ECHO_S later, ends at once.

    Under torchrun one Ctrl-C arrives twice: from the terminal, and a moment later from torchrun. A signal that was
    ignored before stays so, as SIGHUP is under nohup. Where another process of the job has died, SIGTERM is torchrun's,
    and nothing is left to be finished.
    """

    ECHO_S = 2.0
    SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))

    def __init__(self) -> None:
        self.asked, self._asked_s = False, 0.0
        self.exit_code = 128 + signal.SIGINT  # the shell's for a signal; this one where another process was asked
        self._before: dict[int, Any] = {}

    def __call__(self) -> bool:
        return self.asked

    def _ask(self, number: int, frame: FrameType | None) -> None:
        before = self._before.get(number)
        if isinstance(before, _Ended) and before.world.lost():
            before(number, frame)
        if not self.asked:
            self.asked, self._asked_s, self.exit_code = True, time.monotonic(), 128 + number
            with unheard():
                print("\nfinishing this step, then saving (once more: stop at once, nothing saved)", file=sys.stderr)
        elif time.monotonic() - self._asked_s > self.ECHO_S:
            raise KeyboardInterrupt

    def __enter__(self) -> StopSignal:
        for number in self.SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *error: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)


def end_what_follows(stop: StopSignal, world: World) -> None:
    """Whoever asks a job to stop means what comes after it too: Hydra's other jobs of a sweep, a script's next command.

    Bash goes on after a command that took Ctrl-C and then ended with 0. Of several processes the first says so.
    """
    hydra_config = HydraConfig.get()
    if hydra_config.mode == RunMode.RUN:
        if world.first:
            raise SystemExit(stop.exit_code)
    elif hydra_config.runtime.choices["hydra/launcher"] == "basic":  # others have a process for each job
        raise KeyboardInterrupt
