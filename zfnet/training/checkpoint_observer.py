"""The observer that saves a run, so that a crash at any moment costs at most the work since the last checkpoint."""

from __future__ import annotations

import os
import re
import shutil
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from zfnet.files import flush
from zfnet.network import Network
from zfnet.training.checkpoint import load_checkpoint, save_checkpoint, step_checkpoints, step_of
from zfnet.training.failures import NonFiniteLoss
from zfnet.training.observer import Observer, TrainingRun
from zfnet.training.reports import EpochReport, Position, StepReport

PARTIAL = ".partial"
BEST, EPOCH = "best.pt", re.compile(r"epoch-\d{4,}\.pt")


class Checkpoints(Observer):
    """Saves a run: before every validation and after it, every `every_minutes`, and where it is stopped.

    step-00001234.pt is how far the run has come (the newest `keep` stay, so that a damaged one costs little); best.pt,
    the best by validation error, and epoch-0005.pt, the chosen epochs, stay. Nothing is saved once the loss or a weight
    is not finite or the images are gone. Where a run goes on from an earlier checkpoint than the newest, those beyond
    it are set aside (set-aside-step-00001234.pt), best.pt and chosen epochs too. Raises ValueError for keep below 1.

    Among a trainer's observers it stands after those whose state it saves and before those that only show: it must
    know what the former know of an epoch, and no broken terminal or full disk of the latter may keep it from saving.
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

    def on_start(self, trainer: TrainingRun) -> None:
        if not trainer.world.first:
            return
        for beyond in self._beyond(trainer.position):
            beyond.rename(beyond.with_name(f"set-aside-{beyond.name}"))
        for left in self.folder.glob(f"*.pt{PARTIAL}"):
            left.unlink()
        self._complete(trainer)

    def _beyond(self, position: Position) -> list[Path]:
        """What is kept of steps that the run has not come to, or has gone back behind."""
        steps = [path for path in step_checkpoints(self.folder) if (step_of(path) or 0) > position.step]
        if not steps:  # the others were written just before a kill and are about to be written again
            return []
        others = [path for path in self.folder.glob("*.pt") if path.name == BEST or EPOCH.fullmatch(path.name)]
        return steps + [path for path in others if (_position_of(path) or {"step": 0})["step"] > position.step]

    def _complete(self, trainer: TrainingRun) -> None:
        """Give the checkpoint that a run goes on from the names it should have, where an epoch ended with it."""
        if not trainer.history or trainer.position.batch:
            return
        *before, last = trainer.history
        best_before = min((report.val_top1_error for report in before), default=float("inf"))
        names = self._names(last, better=last.val_top1_error < best_before)
        here, newest = asdict(trainer.position), self.folder / newest_name(trainer)
        lacking = [name for name in names if _position_of(self.folder / name) != here]
        if lacking and _position_of(newest) == here:
            for name in lacking:
                also_as(newest, self.folder / name)

    def _names(self, report: EpochReport, *, better: bool) -> list[str]:
        """What the checkpoint of an epoch is kept as for good."""
        chosen = [f"epoch-{report.epoch:04d}.pt"] if report.epoch in self.epochs else []
        return [BEST, *chosen] if better else chosen

    def on_step(self, trainer: TrainingRun, report: StepReport) -> None:
        if trainer.agreed(lambda: time.monotonic() - self._saved_s >= self.every_s):
            self.save(trainer)

    def on_validation(self, trainer: TrainingRun) -> None:
        self.save(trainer)

    def on_epoch(self, trainer: TrainingRun, report: EpochReport) -> None:
        better = report.val_top1_error < self.best
        self.best = min(self.best, report.val_top1_error)
        self.save(trainer, *self._names(report, better=better))

    def on_end(self, trainer: TrainingRun, finished: bool) -> None:
        if not finished:
            self.save(trainer)

    def save(self, trainer: TrainingRun, *names: str) -> None:
        """Write the checkpoint once, under the other names first: the newest vouches for them. All processes call it.

        Raises NonFiniteLoss and VanishedImages instead where there is nothing worth saving.
        """
        if trainer.position.batch:
            trainer.train_scores()
        numbers = [tensor for tensor in trainer.model.state_dict().values() if tensor.is_floating_point()]
        if not all(bool(tensor.isfinite().all()) for tensor in numbers):
            raise NonFiniteLoss(f"a weight is not finite after step {trainer.position.step}; the last checkpoint stays")
        state = trainer.state()
        if trainer.world.first:
            weights = state.pop("model")
            content = {"network": self.network.state(), "model": weights, "trainer": state}
            first, *others = (self.folder / name for name in (*names, newest_name(trainer)))
            save_checkpoint(first, content)
            for other in others:
                also_as(first, other)
            for old in step_checkpoints(self.folder)[: -self.keep]:
                old.unlink()
        self._saved_s = time.monotonic()

    def state(self) -> dict[str, Any]:
        """The best validation error (top-1, 0..1) so far."""
        return {"best": self.best}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take up what `state` returned."""
        self.best = state["best"]


def newest_name(trainer: TrainingRun) -> str:
    """The file of how far a run has come."""
    return f"step-{trainer.position.step:08d}.pt"


def also_as(path: Path, other: Path) -> None:
    """Give a whole file a second name, in place of the file that has it: a crash leaves that one or this one.

    A hard link, which writes nothing; a copy where the file system has none.
    """
    partial = other.with_name(other.name + PARTIAL)
    partial.unlink(missing_ok=True)
    try:
        os.link(path, partial)
    except OSError:
        shutil.copyfile(path, partial)
        flush(partial)
    os.replace(partial, other)
    flush(other.parent)


def _position_of(path: Path) -> dict[str, int] | None:
    """Where the run of a checkpoint stood; None where there is no file, or not a whole one."""
    try:
        position: dict[str, int] = load_checkpoint(path)["trainer"]["position"]
    except (OSError, ValueError):
        return None
    return position
