"""Printing where nobody may be listening any more: a closed pipe or a terminal that hung up ends no run."""

from __future__ import annotations

import atexit
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def unheard() -> Iterator[None]:
    """Only for printing: what cannot be printed within goes nowhere, and all that follows on that stream with it."""
    try:
        yield
    except OSError:
        hush()


def say(text: str) -> None:
    """Print a line for whoever still listens."""
    with unheard():
        print(text, flush=True)


def hush() -> None:
    """Point stdout and stderr to nowhere where what was printed to them cannot be delivered."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        try:
            stream.flush()
        except OSError:
            _to_nowhere(name)


def _to_nowhere(name: str) -> None:
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), getattr(sys, name).fileno())  # what is still in its buffer goes there too
    except (OSError, ValueError, AttributeError):  # a stream without a file
        setattr(sys, name, io.StringIO())


atexit.register(hush)  # or Python would complain about the last lines, and end with another exit code
