"""Ctrl-C and SIGTERM as a question that a job asks itself."""

from __future__ import annotations

import signal
import sys
import time
from types import FrameType
from typing import Any


class StopSignal:
    """Ctrl-C or SIGTERM asks for a clean end; another one, at least ECHO_S later, ends at once.

    Under torchrun one Ctrl-C arrives twice: from the terminal, and a moment later from torchrun.
    """

    ECHO_S = 2.0

    def __init__(self) -> None:
        self.asked, self._asked_s = False, 0.0
        self._before: dict[int, Any] = {}

    def __call__(self) -> bool:
        return self.asked

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if not self.asked:
            self.asked, self._asked_s = True, time.monotonic()
            print("\nfinishing this step, then saving (once more: stop at once, nothing saved)", file=sys.stderr)
        elif time.monotonic() - self._asked_s > self.ECHO_S:
            raise KeyboardInterrupt

    def __enter__(self) -> StopSignal:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *error: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
