"""Why a training run ends before it should."""

from __future__ import annotations


class NonFiniteLoss(RuntimeError):
    """The loss became infinite or not a number; nothing was saved after it."""


class VanishedImages(OSError):
    """Images that could be read before can be read no more; nothing was saved after it."""
