"""What a person sees of a training run: a live line, a table with a row an epoch, and metrics.csv."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path

from experiments.common.quiet import say, unheard
from experiments.observers.pace import Pace
from zfnet.progress import Progress
from zfnet.runs import write_csv
from zfnet.training import EpochReport, Observer, StepReport, Tally, TrainingRun

COLUMNS = ("epoch", "loss", "top-1", "top-5", "val loss", "top-1", "top-5", "rate", "images/s", "wait", "time")


class Console(Observer):
    """Prints the epoch table (errors in %) and draws the live line, and keeps metrics.csv in the run folder.

    Where nobody can read what it prints any more it goes quiet and the run goes on, metrics.csv with it.
    """

    def __init__(self, folder: Path) -> None:
        self.table = folder / "metrics.csv"
        self._progress: Progress | None = None
        self._counted, self._pace, self._shown_s = Tally.of_none(), Pace(), 0.0

    def on_start(self, trainer: TrainingRun) -> None:
        if not trainer.world.first:
            return
        say("  ".join(f"{name:>8}" for name in COLUMNS))
        for report in trainer.history:
            self._row(report)
        self._keep(trainer)  # a run killed just after it saved has not written its last row

    def on_epoch_start(self, trainer: TrainingRun) -> None:
        self._counted, self._pace = Tally.of_none(), Pace()
        title = f"epoch {trainer.position.epoch + 1}/{trainer.recipe.epochs}"
        total, done = trainer.steps_per_epoch, trainer.position.batch
        with unheard():
            self._progress = Progress(title, total, "step", initial=done, enabled=trainer.world.first)

    def on_step(self, trainer: TrainingRun, report: StepReport) -> None:
        self._counted = self._counted + report.tally
        self._pace.add(trainer, report)
        shown: dict[str, str] = {}
        if time.monotonic() - self._shown_s >= 1:
            means, images_per_s = self._counted.means(), self._pace.take().images_per_s
            shown = {"loss": f"{means.loss:.3f}", "error": f"{100 * means.top1_error:.1f}%"}
            shown["images/s"], self._shown_s = f"{images_per_s:.0f}", time.monotonic()
        if self._progress is not None:
            with unheard():
                self._progress.advance(1, **shown)

    def on_validation(self, trainer: TrainingRun) -> None:
        self._close()

    def on_epoch(self, trainer: TrainingRun, report: EpochReport) -> None:
        if trainer.world.first:
            self._keep(trainer)
            self._row(report)

    def on_end(self, trainer: TrainingRun, finished: bool) -> None:
        self._close()

    def _keep(self, trainer: TrainingRun) -> None:
        write_csv(self.table, [asdict(row) for row in trainer.history])

    def _close(self) -> None:
        if self._progress is not None:
            with unheard():
                self._progress.close()
            self._progress = None

    def _row(self, report: EpochReport) -> None:
        values = (
            f"{report.epoch}", f"{report.train_loss:.3f}", f"{100 * report.train_top1_error:.1f}",
            f"{100 * report.train_top5_error:.1f}", f"{report.val_loss:.3f}", f"{100 * report.val_top1_error:.1f}",
            f"{100 * report.val_top5_error:.1f}", f"{report.learning_rate:.2g}", f"{report.images_per_s:.0f}",
            f"{100 * report.wait_share:.0f}%", f"{report.wall_s:.0f} s",
        )  # fmt: skip
        say("  ".join(f"{value:>8}" for value in values))
