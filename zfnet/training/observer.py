"""Those who watch a training run: what they are told and what they may read of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from torch import Tensor, nn

from zfnet.data import ImageSource, InputFrame
from zfnet.training.machine import World
from zfnet.training.recipe import Recipe
from zfnet.training.reports import EpochReport, Position, Seen, StepReport
from zfnet.training.scoring import Scores


class TrainingRun(Protocol):
    """What an observer may read of a run in training; it changes none of it."""

    @property
    def model(self) -> nn.Module:
        """The network on the world's device, without what spreads it over processes."""

    @property
    def frame(self) -> InputFrame:
        """What it sees, on the same device."""

    @property
    def recipe(self) -> Recipe:
        """What it is trained by."""

    @property
    def train(self) -> ImageSource:
        """The training images."""

    @property
    def val(self) -> ImageSource:
        """The validation images, of the same classes."""

    @property
    def world(self) -> World:
        """This process among all."""

    @property
    def seed(self) -> int:
        """What weights, order, views and dropout follow from."""

    @property
    def steps_per_epoch(self) -> int:
        """Whole batches of all processes together."""

    @property
    def position(self) -> Position:
        """Where it stands."""

    @property
    def history(self) -> Sequence[EpochReport]:
        """The reports of all whole epochs."""

    @property
    def learning_rate(self) -> float:
        """That of the next step."""

    def train_scores(self) -> Scores:
        """Means over the epoch so far, over all processes, which must all call it.

        Raises NonFiniteLoss, and VanishedImages where images can be read no more.
        """

    def agreed(self, wish: Callable[[], bool]) -> bool:
        """Whether any process wishes it; all must call it."""

    def state(self) -> dict[str, Any]:
        """What a checkpoint must hold to go on from here; all processes must call it."""


class Observer:
    """Watches a training run; every method may be left as it is. All processes call all of them.

    state and load_state carry what must survive a resume through the checkpoint: tensors and plain types.
    """

    name = ""

    def on_start(self, trainer: TrainingRun) -> None:
        """Before the first step, after any checkpoint was loaded."""

    def on_epoch_start(self, trainer: TrainingRun) -> None:
        """Before an epoch's first step, also where a resumed run enters it in the middle."""

    def on_batch(self, trainer: TrainingRun, seen: Seen) -> None:
        """Before a forward pass in training (once for each accumulated part)."""

    def on_step(self, trainer: TrainingRun, report: StepReport) -> None:
        """After an optimiser step."""

    def on_validation(self, trainer: TrainingRun) -> None:
        """Before the validation pass of an epoch."""

    def on_validation_batch(
        self, trainer: TrainingRun, indices: Tensor, labels: Tensor, log_probabilities: Tensor
    ) -> None:
        """This process's part of a validation batch: (B,), (B,), negative for images that could not be read, (B, C)."""

    def on_epoch(self, trainer: TrainingRun, report: EpochReport) -> None:
        """After an epoch and its validation."""

    def on_end(self, trainer: TrainingRun, finished: bool) -> None:
        """After the last epoch (finished) or when the run was asked to stop."""

    def state(self) -> dict[str, Any]:
        """What must survive a resume: tensors and plain types."""
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take up what `state` returned."""
