"""Ctrl-C, SIGTERM and a terminal that hangs up as a question that a job asks itself."""

from __future__ import annotations

import signal
import sys
import time
from types import FrameType
from typing import Any

from experiments.common.quiet import unheard


class StopSignal:
    """Ctrl-C, SIGTERM or a terminal that hangs up asks for a clean end; another, at least ECHO_S later, ends at once.

    Under torchrun one Ctrl-C arrives twice: from the terminal, and a moment later from torchrun. A signal that was
    ignored before stays so, as SIGHUP is under nohup.
    """

    ECHO_S = 2.0
    SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))

    def __init__(self) -> None:
        self.asked, self._asked_s = False, 0.0
        self._before: dict[int, Any] = {}

    def __call__(self) -> bool:
        return self.asked

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if not self.asked:
            self.asked, self._asked_s = True, time.monotonic()
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
