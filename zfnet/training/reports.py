"""What the training loop says of a batch, a step and an epoch, and of where it stands."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from zfnet.data import Views
from zfnet.training.scoring import Scores, Tally


@dataclass
class Position:
    """Where a run stands: whole epochs, batches consumed in the epoch under way, and steps in all."""

    epoch: int = 0
    batch: int = 0
    step: int = 0


@dataclass(frozen=True)
class Seen:
    """What the network is about to see: images (B, 3, size, size) normalised, labels, indices (B,), views of each."""

    images: Tensor
    labels: Tensor
    indices: Tensor
    views: Views


@dataclass(frozen=True, kw_only=True)
class StepReport:
    """One optimiser step; the tally is of this process's part of the batch."""

    step: int
    tally: Tally
    learning_rate: float
    wall_s: float
    wait_s: float  # of it, waiting for data


@dataclass(frozen=True, kw_only=True)
class EpochReport:
    """One epoch: means over training batches as they went by, and over the whole validation set after it.

    Errors are rates (0..1); wait_share is the part of wall_s that was spent waiting for data.
    """

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

    @staticmethod
    def of_scores(
        *,
        position: Position,
        trained: Scores,
        validated: Scores,
        learning_rate: float,
        images: int,
        wall_s: float,
        wait_s: float,
    ) -> EpochReport:
        """The report of the epoch that ends at `position`; images: how many it trained on."""
        return EpochReport(
            epoch=position.epoch + 1,
            step=position.step,
            train_loss=trained.loss,
            train_top1_error=trained.top1_error,
            train_top5_error=trained.top5_error,
            val_loss=validated.loss,
            val_top1_error=validated.top1_error,
            val_top5_error=validated.top5_error,
            learning_rate=learning_rate,
            images_per_s=images / wall_s,
            wait_share=wait_s / wall_s,
            wall_s=wall_s,
        )
