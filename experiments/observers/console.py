"""What a person sees of a training run: a live line, a table with a row an epoch, and metrics.csv."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path

from zfnet.progress import Progress
from zfnet.runs import write_csv
from zfnet.training import EpochReport, Observer, StepReport, Tally, TrainingRun

COLUMNS = ("epoch", "loss", "top-1", "top-5", "val loss", "top-1", "top-5", "rate", "images/s", "wait", "time")


class Console(Observer):
    """Prints the epoch table (errors in %) and draws the live line, and keeps metrics.csv in the run folder."""

    def __init__(self, folder: Path) -> None:
        self.table = folder / "metrics.csv"
        self._progress: Progress | None = None
        self._counted = Tally.of_none()
        self._shown_s = 0.0

    def on_start(self, trainer: TrainingRun) -> None:
        if trainer.world.first:
            print("  ".join(f"{name:>8}" for name in COLUMNS))
            for report in trainer.history:
                self._row(report)

    def on_epoch_start(self, trainer: TrainingRun) -> None:
        self._counted = Tally.of_none()
        title = f"epoch {trainer.position.epoch + 1}/{trainer.recipe.epochs}"
        total, done = trainer.steps_per_epoch, trainer.position.batch
        self._progress = Progress(title, total, "step", initial=done, enabled=trainer.world.first)

    def on_step(self, trainer: TrainingRun, report: StepReport) -> None:
        assert self._progress is not None
        self._counted = self._counted + report.tally
        if time.monotonic() - self._shown_s < 1:
            self._progress.advance()
            return
        self._shown_s = time.monotonic()
        means = self._counted.means()
        rate = trainer.recipe.batch_size / report.wall_s
        shown = {"loss": f"{means.loss:.3f}", "error": f"{100 * means.top1_error:.1f}%"}
        self._progress.advance(1, **shown, **{"images/s": f"{rate:.0f}"})

    def on_validation(self, trainer: TrainingRun) -> None:
        self._close()

    def on_epoch(self, trainer: TrainingRun, report: EpochReport) -> None:
        if trainer.world.first:
            self._row(report)
            write_csv(self.table, [asdict(row) for row in trainer.history])

    def on_end(self, trainer: TrainingRun, finished: bool) -> None:
        self._close()

    def _close(self) -> None:
        if self._progress is not None:
            self._progress.close()
            self._progress = None

    def _row(self, report: EpochReport) -> None:
        values = (
            f"{report.epoch}", f"{report.train_loss:.3f}", f"{100 * report.train_top1_error:.1f}",
            f"{100 * report.train_top5_error:.1f}", f"{report.val_loss:.3f}", f"{100 * report.val_top1_error:.1f}",
            f"{100 * report.val_top5_error:.1f}", f"{report.learning_rate:.2g}", f"{report.images_per_s:.0f}",
            f"{100 * report.wait_share:.0f}%", f"{report.wall_s:.0f} s",
        )  # fmt: skip
        print("  ".join(f"{value:>8}" for value in values), flush=True)
