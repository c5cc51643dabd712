"""A line that counts the epochs of a short training."""

from __future__ import annotations

from zfnet.progress import Progress
from zfnet.training import EpochReport, Observer, TrainingRun


class EpochLine(Observer):
    """Counts the epochs of a short training."""

    def __init__(self, title: str) -> None:
        self.title = title

    def on_start(self, trainer: TrainingRun) -> None:
        self._progress = Progress(self.title, trainer.recipe.epochs, "epoch")

    def on_epoch(self, trainer: TrainingRun, report: EpochReport) -> None:
        self._progress.advance(1, loss=f"{report.train_loss:.3f}")

    def on_end(self, trainer: TrainingRun, finished: bool) -> None:
        self._progress.close()
