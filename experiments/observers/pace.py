"""How fast a training goes: over all steps since one last looked, for a single one may be the one that waits."""

from __future__ import annotations

from dataclasses import dataclass

from zfnet.training import StepReport, TrainingRun


@dataclass
class Pace:
    """Images trained on in wall_s seconds, wait_s of which went by waiting for data."""

    images: int = 0
    wall_s: float = 0.0
    wait_s: float = 0.0

    def add(self, trainer: TrainingRun, report: StepReport) -> None:
        """Count a step of all processes."""
        self.images += trainer.recipe.batch_size
        self.wall_s += report.wall_s
        self.wait_s += report.wait_s

    def take(self) -> Pace:
        """What has been counted since the last time it was taken."""
        taken = Pace(self.images, self.wall_s, self.wait_s)
        self.images, self.wall_s, self.wait_s = 0, 0.0, 0.0
        return taken

    @property
    def images_per_s(self) -> float:
        """0 before the first step."""
        return self.images / self.wall_s if self.wall_s else 0.0

    @property
    def wait_share(self) -> float:
        """The part (0..1) of the time that was spent waiting for data."""
        return self.wait_s / self.wall_s if self.wall_s else 0.0
