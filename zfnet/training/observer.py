"""What the training loop tells those who watch it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor

from zfnet.data import Views

if TYPE_CHECKING:
    from zfnet.training.loop import Trainer


@dataclass(frozen=True)
class Seen:
    """What the network is about to see: images (B, 3, size, size) normalised, labels, indices (B,), views of each."""

    images: Tensor
    labels: Tensor
    indices: Tensor
    views: Views


@dataclass(frozen=True)
class StepReport:
    """One optimiser step; sums is this process's tally of the batch (loss, top-1 errors, top-5 errors, images)."""

    step: int
    sums: Tensor
    learning_rate: float
    wall_s: float
    wait_s: float  # of it, waiting for data


@dataclass(frozen=True)
class EpochReport:
    """One epoch: means over training batches as they went by, and over the whole validation set after it."""

    epoch: int  # counted from 1
    step: int
    train_loss: float
    train_top1_error: float
    train_top5_error: float
    val_loss: float
    val_top1_error: float
    val_top5_error: float
    learning_rate: float
    images_per_s: float
    wait_share: float
    wall_s: float


class Observer:
    """Watches a training run; every method may be left as it is. All processes call all of them.

    state and load_state carry what must survive a resume through the checkpoint: tensors and plain types.
    """

    name = ""

    def on_start(self, trainer: Trainer) -> None:
        """Before the first step, after any checkpoint was loaded."""

    def on_epoch_start(self, trainer: Trainer) -> None:
        """Before an epoch's first step, also where a resumed run enters it in the middle."""

    def on_batch(self, trainer: Trainer, seen: Seen) -> None:
        """Before a forward pass in training (once for each accumulated part)."""

    def on_step(self, trainer: Trainer, report: StepReport) -> None:
        """After an optimiser step."""

    def on_validation(self, trainer: Trainer) -> None:
        """Before the validation pass of an epoch."""

    def on_epoch(self, trainer: Trainer, report: EpochReport) -> None:
        """After an epoch and its validation."""

    def on_end(self, trainer: Trainer, finished: bool) -> None:
        """After the last epoch (finished) or when the run was asked to stop."""

    def state(self) -> dict[str, Any]:
        return {}

    def load_state(self, state: dict[str, Any]) -> None: ...
