"""Carry out the steps that are not done yet, one after another; a step that fails holds up only those that need it."""

from __future__ import annotations

import ctypes
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from experiments.common.run_folder import LOCK
from experiments.reproduction.step import STOPPED, Marks, Step, why_not_done

HOME = Path(__file__).resolve().parents[2]
PR_SET_PDEATHSIG = 1  # of Linux's prctl
FREE_WITHIN_S = 60.0  # how long a job that outlived the last try may take to save and end


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of the steps, by name: done now, done before, failed with the reason, held up by one that failed."""

    done: tuple[str, ...]
    before: tuple[str, ...]
    failed: dict[str, str]
    held_up: dict[str, str]


def carry_out(steps: Sequence[Step], out: Path, *, tell: Callable[[str], object] = print) -> Outcome:
    """Carry out what is not done yet; a later call goes on where this one was stopped or killed.

    A step is done once its mark lies in out/steps; a half-done training goes on from its newest checkpoint. Each
    step's output goes to out/logs. Raises ValueError where another process carries out the same plan, and
    KeyboardInterrupt at Ctrl-C once the job under way has saved and ended.
    """
    marks = Marks(out / "steps")
    marks.folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(out / "reproduce.lock", timeout=0):
            return _carried_out(steps, out, marks, tell)
    except Timeout:
        raise ValueError(f"{out} is being worked on by another process: wait for it, or give another --out") from None


def _carried_out(steps: Sequence[Step], out: Path, marks: Marks, tell: Callable[[str], object]) -> Outcome:
    done: list[str] = []
    before: list[str] = []
    failed: dict[str, str] = {}
    held_up: dict[str, str] = {}
    for number, step in enumerate(steps):
        head = f"{number + 1}/{len(steps)} {step.title}"
        lacking = [need for need in step.needs if need in failed or need in held_up]
        if lacking:
            held_up[step.name] = lacking[0]
            tell(f"{head}: held up, needs {', '.join(lacking)}")
        elif step.name in marks.done(steps):
            before.append(step.name)
            tell(f"{head}: done before")
        else:
            log = log_of(step, out)
            tell(f"{head}: begun {time.strftime('%H:%M')}, log {log}")
            begun_s = time.time()
            why = carry_out_one(step, out)
            if why is None:
                done.append(step.name)
                tell(f"{head}: done in {time.time() - begun_s:.0f} s")
            else:
                failed[step.name] = why
                tell(f"{head}: failed, {why}; see {log}")
    return Outcome(done=tuple(done), before=tuple(before), failed=failed, held_up=held_up)


def carry_out_one(step: Step, out: Path) -> str | None:
    """Run a step's command and mark it as done; returns why it is not done after all, None if it is.

    Raises KeyboardInterrupt at Ctrl-C, once the command has ended.
    """
    if not free_again(step):
        return f"{step.folder} is in use by another process: wait for it, or end it"
    log, begun_s = log_of(step, out), time.time()
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "ab") as file:
        file.write(f"\n$ {shlex.join(step.words)}\n".encode())
        file.flush()
        code = _run(step, file.fileno())
    why = why_not_done(step)
    if code and why != STOPPED:
        why = f"it ended with code {code}"
    if why is None:
        Marks(out / "steps").note(step, begun_s=begun_s)
    return why


def log_of(step: Step, out: Path) -> Path:
    """Where a step's output goes."""
    return out / "logs" / f"{step.name}.log"


def free_again(step: Step, within_s: float = FREE_WITHIN_S) -> bool:
    """Wait until no job that outlived its plan holds the step's run folder any more; False if one still does.

    Where this process was killed the system ends the job under way too (see _run), but a training saves first.
    """
    if step.folder is None or not (step.folder / LOCK).exists():
        return True
    try:
        with FileLock(step.folder / LOCK, timeout=within_s):
            return True
    except Timeout:
        return False


def command_of(step: Step) -> list[str]:
    """The command line with this Python in place of "python"."""
    return [sys.executable if word == "python" else word for word in step.words]


def _run(step: Step, output: int) -> int:
    """Run the command in the project's folder and return its exit code; Ctrl-C reaches it too, and it may save."""
    path = os.pathsep.join(filter(None, [str(HOME), os.environ.get("PYTHONPATH")]))
    process = subprocess.Popen(
        command_of(step), cwd=HOME, env={**os.environ, "PYTHONPATH": path}, stdin=subprocess.DEVNULL, stdout=output,
        stderr=output, preexec_fn=_end_with_parent if sys.platform == "linux" else None,
    )  # fmt: skip
    try:
        return process.wait()
    except BaseException:
        if sys.exc_info()[0] is not KeyboardInterrupt:  # the terminal has told the job of Ctrl-C itself
            process.terminate()
        process.wait()
        raise


def _end_with_parent() -> None:
    """Have the system ask this process to end when its parent is gone, however that came about."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
