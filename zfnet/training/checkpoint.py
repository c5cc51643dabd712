"""Checkpoints: written whole or not at all, checked when read, the newest whole one found again.

A checkpoint is one torch.save file of tensors and plain types: {"format", "network", "trainer"}. "network" rebuilds
the model and its input frame (network.py); "trainer" is Trainer.state(), without the weights, which stand once under
"model". The zip's own checksums tell a damaged file.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch

from zfnet.files import whole_file
from zfnet.models import did_you_mean, read_file
from zfnet.network import FORMAT, check_version

PARTS = ("network", "model", "trainer")
STATE = (  # what a run goes on from
    "optimizer", "schedule", "scaler", "position", "sums", "clock", "random", "history", "settings", "observers",
)  # fmt: skip
log = logging.getLogger(__name__)


class DamagedCheckpoint(ValueError):
    """A checkpoint file that is cut short, changed or not one."""


def save_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write beside the path, flush to disk, and rename: a crash leaves the old file or the new one."""
    with whole_file(path, durable=True) as file:
        torch.save({"format": FORMAT, **content}, file)


def load_checkpoint(path: str | Path, *, to_resume: bool = False) -> dict[str, Any]:
    """A whole checkpoint of ours; DamagedCheckpoint names the file and what is wrong with it.

    to_resume: it must hold all that a run goes on from. Raises ValueError for a format that came after this program.
    """
    path = Path(path)
    if not path.is_file():
        newest_first = ("step-*.pt", "best.pt")  # it is read to go on from
        raise FileNotFoundError(f"no checkpoint at {path}{did_you_mean(path, newest_first)}")
    try:
        content = read_file(path)
    except ValueError as error:
        raise DamagedCheckpoint(str(error)) from error
    if isinstance(content, dict):
        check_version(content, path)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        found = content.get("format") if isinstance(content, dict) else type(content).__name__
        raise DamagedCheckpoint(f"{path} is not a checkpoint of ours (format {found!r}, expected {FORMAT!r})")
    lacking = [name for name in PARTS if not isinstance(content.get(name), dict)]
    lacking = lacking or [f"trainer.{name}" for name in STATE if to_resume and name not in content["trainer"]]
    if lacking:
        raise DamagedCheckpoint(f"{path} lacks {', '.join(lacking)}: was it made by hand, or by another program?")
    return content


def newest_checkpoint(folder: str | Path) -> tuple[Path, dict[str, Any]] | None:
    """The whole checkpoint of a run that has come furthest; damaged ones are named in the log and passed over.

    None if the folder has no checkpoint; DamagedCheckpoint if it has some and none is whole, ValueError where one is
    of a newer format, which must not be passed over for an older one.
    """
    paths = step_checkpoints(folder)[::-1]
    for path in paths:
        try:
            return path, load_checkpoint(path, to_resume=True)
        except DamagedCheckpoint as error:
            log.warning("%s; trying the one before", error)
    if paths:
        raise DamagedCheckpoint(
            f"none of the {len(paths)} checkpoints in {folder} is whole: {', '.join(map(str, paths))}"
        )
    return None


def step_checkpoints(folder: str | Path) -> list[Path]:
    """The files step-00001234.pt of a folder, by step; whatever else is called step-something is none of ours."""
    found = (path for path in Path(folder).glob("step-*.pt") if step_of(path) is not None)
    return sorted(found, key=lambda path: step_of(path) or 0)


def step_of(path: Path) -> int | None:
    """The step that a checkpoint's name tells; None for other names."""
    digits = path.stem.removeprefix("step-")
    return int(digits) if digits.isdecimal() else None
