"""Why a training run ends before it should."""

from __future__ import annotations


class NonFiniteLoss(RuntimeError):
    """The loss became infinite or not a number; nothing was saved after it."""
