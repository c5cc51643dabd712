"""A warning for the run that learns nothing."""

from __future__ import annotations

import logging
import math

from zfnet.training.observer import Observer, TrainingRun
from zfnet.training.reports import StepReport
from zfnet.training.scoring import Tally

log = logging.getLogger(__name__)


class StuckLoss(Observer):
    """Warns once when the loss has not left log(C), that of guessing, after `after_steps` steps.

    The paper's initialisation at 0.01 does this on reduced widths and small data: the signal shrinks on its way up
    and the first steps go by without a gradient.
    """

    def __init__(self, after_steps: int = 300, window: int = 100, margin: float = 0.01) -> None:
        self.after_steps, self.window, self.margin = after_steps, window, margin
        self._counted = Tally.of_none()
        self._warned = False

    def on_step(self, trainer: TrainingRun, report: StepReport) -> None:
        self._counted = self._counted + report.tally
        if report.step % self.window:
            return
        loss, self._counted = self._counted.means().loss, Tally.of_none()
        chance = math.log(len(trainer.train.wnids))
        if report.step >= self.after_steps and loss > chance - self.margin and not self._warned:
            self._warned = True
            log.warning(
                "the loss is %.4f after %d steps and has not left log(%d) = %.4f, that of guessing. Usual causes: "
                "training.init=paper (0.01) below full width or on small data, where training=modern starts; "
                "a learning rate far too high or too low (now %g); labels that do not belong to the images",
                loss, report.step, len(trainer.train.wnids), chance, trainer.learning_rate,
            )  # fmt: skip
