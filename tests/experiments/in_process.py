"""A whole job in this process, which saves starting Python and torch."""

from __future__ import annotations

import logging
import runpy
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import pytest
from hydra.core.global_hydra import GlobalHydra
from hydra.core.singleton import Singleton

from zfnet.training.machine import dealing

ROOT = Path(__file__).parents[2]


def run_here(job: str, *overrides: str) -> int:
    """The exit code of experiments/<job>.py with these words.

    Its log file is let go of: it may be opened only at the first line, when the folder of a test has long gone.
    """
    before = list(logging.getLogger().handlers)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [f"{job}.py", *overrides])
        try:
            runpy.run_path(str(ROOT / "experiments" / f"{job}.py"), run_name="__main__")
        except SystemExit as end:
            return end.code if isinstance(end.code, int) else 1
        except Exception:  # a bug, of which Python prints the traceback
            traceback.print_exc()
            return 1
        finally:
            for handler in set(logging.getLogger().handlers) - set(before):
                if isinstance(handler, logging.FileHandler):
                    logging.getLogger().removeHandler(handler)
                    handler.close()
    return 0


def each_takes_its_turn(patch: pytest.MonkeyPatch) -> None:
    """A process waits a moment with a piece that it took, so that the other takes one, however short they are."""
    claim = dealing._claim

    def and_wait(*given: Any) -> bool:
        taken = claim(*given)
        time.sleep(0.1 if taken else 0)
        return taken

    patch.setattr(dealing, "_claim", and_wait)


def run_within(job: str, *overrides: str) -> int:
    """The same from within another job, which finds Hydra as it left it."""
    outer = Singleton.get_state()
    GlobalHydra.instance().clear()
    try:
        return run_here(job, *overrides)
    finally:
        Singleton.set_state(outer)
