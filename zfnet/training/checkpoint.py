"""Checkpoints: written whole or not at all, checked when read, the newest whole one found again.

A checkpoint is one torch.save file of tensors and plain types: {"format", "network", "trainer"}. "network" rebuilds
the model and its input frame (network.py); "trainer" is Trainer.state(), without the weights, which stand once under
"model". The zip's own checksums tell a damaged file.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

import torch

from zfnet.files import whole_file
from zfnet.models.weights import did_you_mean, read_file
from zfnet.training.loop import NonFiniteLoss, Trainer
from zfnet.training.network import FORMAT, Network, check_version
from zfnet.training.observer import EpochReport, Observer, StepReport

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
    found = (path for path in Path(folder).glob("step-*.pt") if _digits(path).isdecimal())
    return sorted(found, key=lambda path: int(_digits(path)))


def _digits(path: Path) -> str:
    return path.stem.removeprefix("step-")


class Checkpoints(Observer):
    """Saves a run: after every epoch and every `every_minutes`, the best by validation error, and chosen epochs.

    step-00001234.pt is how far the run has come (the newest `keep` stay, so that a damaged one costs little),
    best.pt and epoch-0005.pt stay. Nothing is saved once the loss or a weight is not finite. Where a run goes on from
    an earlier checkpoint than the newest, those beyond it are set aside (set-aside-step-00001234.pt).
    """

    name = "checkpoints"

    def __init__(
        self, folder: Path, network: Network, every_minutes: float = 10.0, epochs: tuple[int, ...] = (), keep: int = 2
    ) -> None:
        if keep < 1:
            raise ValueError(f"checkpoints.keep={keep}, expected 1 or more")
        self.folder, self.network, self.epochs, self.keep = folder, network, epochs, keep
        self.every_s = every_minutes * 60
        self.best = float("inf")
        self._saved_s = time.monotonic()

    def on_start(self, trainer: Trainer) -> None:
        if trainer.world.first:
            for beyond in step_checkpoints(self.folder):
                if int(_digits(beyond)) > trainer.position.step:
                    beyond.rename(beyond.with_name(f"set-aside-{beyond.name}"))

    def on_step(self, trainer: Trainer, report: StepReport) -> None:
        if trainer.agreed(lambda: time.monotonic() - self._saved_s >= self.every_s):
            self.save(trainer)

    def on_epoch(self, trainer: Trainer, report: EpochReport) -> None:
        better = report.val_top1_error < self.best
        self.best = min(self.best, report.val_top1_error)
        extra = ["best.pt"] if better else []
        extra += [f"epoch-{report.epoch:04d}.pt"] if report.epoch in self.epochs else []
        self.save(trainer, *extra)

    def on_end(self, trainer: Trainer, finished: bool) -> None:
        if not finished:
            self.save(trainer)

    def save(self, trainer: Trainer, *names: str) -> None:
        """Write the newest checkpoint, and the same under other names."""
        if trainer.position.batch:
            trainer.train_scores()
        numbers = [tensor for tensor in trainer.model.state_dict().values() if tensor.is_floating_point()]
        if not all(bool(tensor.isfinite().all()) for tensor in numbers):
            raise NonFiniteLoss(f"a weight is not finite after step {trainer.position.step}; the last checkpoint stays")
        state = trainer.state()
        if trainer.world.first:
            weights = state.pop("model")
            content = {"network": self.network.state(), "model": weights, "trainer": state}
            for name in (f"step-{trainer.position.step:08d}.pt", *names):
                save_checkpoint(self.folder / name, content)
            for old in step_checkpoints(self.folder)[: -self.keep]:
                old.unlink()
        self._saved_s = time.monotonic()

    def state(self) -> dict[str, Any]:
        return {"best": self.best}

    def load_state(self, state: dict[str, Any]) -> None:
        self.best = state["best"]
