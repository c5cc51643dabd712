"""Why a training run ends before it should."""

from __future__ import annotations

from zfnet.training.reports import Position


class NonFiniteLoss(RuntimeError):
    """The loss became infinite or not a number; nothing was saved after it."""

    @staticmethod
    def at(loss: float, position: Position, learning_rate: float) -> NonFiniteLoss:
        """Where it happened, and what may help."""
        return NonFiniteLoss(
            f"the training loss is {loss} in epoch {position.epoch + 1}, by step {position.step}, at a learning rate "
            f"of {learning_rate:g}. The last checkpoint stays: go on from it with hardware.precision=float32, or start "
            "a new run from its weights with a lower training.learning_rate (model.weights=CHECKPOINT "
            "training.init=keep)"
        )


class VanishedImages(OSError):
    """Images that could be read before can be read no more; nothing was saved after it."""
