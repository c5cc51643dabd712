"""A step of a reproduction: a command, what it needs and leaves behind, and the mark that says that it is done."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zfnet.files import write_text

STOPPED = "it was stopped"


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a step costs, for an estimate: epochs of training, passes over the validation images, seconds besides.

    model: the network that is trained or shown; pack_px: the side of the squares that are packed, 0 for none.
    """

    model: str | None = None
    trains: bool = False
    passes: float = 0.0
    seconds: float = 0.0
    pack_px: int = 0


@dataclass(frozen=True, kw_only=True)
class Step:
    """One command of the plan.

    words: the command line, from the project's folder; "python" stands for the Python that runs the plan.
    folder: the run folder of a job, whose manifest must say that it finished; None for other commands.
    outputs: files that must be there at the end. needs: steps that must be done before; after: steps that must have
    been tried before, whatever became of them.
    """

    name: str
    title: str
    words: tuple[str, ...]
    outputs: tuple[Path, ...]
    folder: Path | None = None
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    work: Work = field(default_factory=Work)

    @property
    def digest(self) -> str:
        """What tells this command from another one of the same name."""
        return hashlib.sha256("\0".join(self.words).encode()).hexdigest()[:16]


def check_order(steps: Sequence[Step]) -> None:
    """Raise ValueError for two steps of one name, and for one that stands before what it waits for."""
    seen: set[str] = set()
    for step in steps:
        if step.name in seen:
            raise ValueError(f"step {step.name!r} is in the plan twice")
        for other in (*step.needs, *step.after):
            if other not in seen:
                raise ValueError(f"step {step.name!r} waits for {other!r}, which does not stand before it")
        seen.add(step.name)


@dataclass(frozen=True)
class Marks:
    """The marks of finished steps, a file each in `folder`, written whole or not at all."""

    folder: Path

    def path(self, step: Step) -> Path:
        """The mark of a step."""
        return self.folder / f"{step.name}.json"

    def note(self, step: Step, *, begun_s: float) -> None:
        """Note that a step is done. begun_s: when it began, in seconds of time.time()."""
        facts = {
            "command": list(step.words), "digest": step.digest, "begun": begun_s, "finished": time.time(),
            "wall_s": round(time.time() - begun_s, 1),
        }  # fmt: skip
        write_text(self.path(step), json.dumps(facts, indent=2) + "\n")

    def read(self, step: Step) -> dict[str, Any] | None:
        """What a mark says; None where there is none, or it is of another command, or an output is gone."""
        try:
            facts: dict[str, Any] = json.loads(self.path(step).read_text())
            held = facts["digest"] == step.digest and isinstance(facts["begun"] + facts["finished"], float)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return facts if held and not missing_outputs(step) else None

    def done(self, steps: Sequence[Step]) -> set[str]:
        """Names of the steps that need not be carried out: marked, and begun after all they need was finished.

        And no step that they come after was finished since: a report lacks a table that failed when it was written.
        """
        finished_s: dict[str, float] = {}
        for step in steps:
            facts = self.read(step)
            if facts is None:
                continue
            needed = all(finished_s.get(need, float("inf")) <= facts["begun"] for need in step.needs)
            if needed and all(finished_s.get(other, 0.0) <= facts["begun"] for other in step.after):
                finished_s[step.name] = facts["finished"]
        return set(finished_s)


def missing_outputs(step: Step) -> list[Path]:
    """Those outputs of a step that are not there."""
    return [path for path in step.outputs if not path.exists()]


def why_not_done(step: Step) -> str | None:
    """Why a step whose command has ended well is not done after all; None if it is."""
    if step.folder is not None:
        try:
            outcome = json.loads((step.folder / "manifest.json").read_text()).get("outcome")
        except (OSError, ValueError, AttributeError):
            return f"{step.folder}/manifest.json cannot be read"
        if outcome != "finished":
            return STOPPED if outcome == "stopped" else f"{step.folder}/manifest.json says {outcome!r}"
    gone = missing_outputs(step)
    return f"{gone[0]} is not there" if gone else None
