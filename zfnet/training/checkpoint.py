"""Checkpoints: written whole or not at all, checked when read, the newest whole one found again.

A checkpoint is one torch.save file of tensors and plain types: {"format", "network", "trainer"}. "network" rebuilds
the model and its input frame (network.py); "trainer" is Trainer.state(), without the weights, which stand once under
"model". The zip's own checksums tell a damaged file.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import torch

from zfnet.models.weights import did_you_mean, read_file

FORMAT = "zfnet-checkpoint-1"
log = logging.getLogger(__name__)


class DamagedCheckpoint(ValueError):
    """A checkpoint file that is cut short, changed or not one."""


def save_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write beside the path, flush to disk, and rename: a crash leaves the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    with open(partial, "wb") as file:
        torch.save({"format": FORMAT, **content}, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def load_checkpoint(path: str | Path) -> dict[str, Any]:
    """A whole checkpoint of ours; DamagedCheckpoint names the file and what is wrong with it."""
    path = Path(path)
    if not path.is_file():
        newest_first = ("step-*.pt", "best.pt")  # it is read to go on from
        raise FileNotFoundError(f"no checkpoint at {path}{did_you_mean(path, newest_first)}")
    try:
        content = read_file(path)
    except ValueError as error:
        raise DamagedCheckpoint(str(error)) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        found = content.get("format") if isinstance(content, dict) else type(content).__name__
        raise DamagedCheckpoint(f"{path} is not a checkpoint of ours (format {found!r}, expected {FORMAT!r})")
    return content


def newest_checkpoint(folder: str | Path) -> tuple[Path, dict[str, Any]] | None:
    """The whole checkpoint of a run that has come furthest; damaged ones are named in the log and passed over.

    None if the folder has no checkpoint; DamagedCheckpoint if it has some and none is whole.
    """
    paths = step_checkpoints(folder)[::-1]
    for path in paths:
        try:
            return path, load_checkpoint(path)
        except ValueError as error:
            log.warning("%s; trying the one before", error)
    if paths:
        raise DamagedCheckpoint(
            f"none of the {len(paths)} checkpoints in {folder} is whole: {', '.join(map(str, paths))}"
        )
    return None


def step_checkpoints(folder: str | Path) -> list[Path]:
    """The files step-00001234.pt of a folder, by step; whatever else is called step-something is none of ours."""
    found = (path for path in Path(folder).glob("step-*.pt") if _digits(path).isdecimal())
    return sorted(found, key=lambda path: int(_digits(path)))


def _digits(path: Path) -> str:
    return path.stem.removeprefix("step-")
