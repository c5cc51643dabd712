"""The input frame of a new network, measured on its training images."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from zfnet.data.source import UNREADABLE, ImageSource
from zfnet.data.views import InputFrame, torchvision_frame

SCALE_IMAGES = 512
FRAME_KINDS = ("paper", "unit", "torchvision")


def make_frame(kind: str, train: ImageSource, size_px: int) -> InputFrame:
    """How a network will see the images of `train`.

    kind: "paper" subtracts the per-pixel mean over the training set and leaves the scale, about [-128, 128];
    "unit" also divides by each channel's deviation, measured on SCALE_IMAGES evenly spaced images;
    "torchvision" uses torchvision's own numbers.
    """
    if kind == "torchvision":
        return torchvision_frame(size_px, train.side_px)
    if kind not in FRAME_KINDS:
        raise ValueError(f"input_scale {kind!r} is not one of {', '.join(FRAME_KINDS)}")
    mean = torch.from_numpy(train.mean())
    scale = torch.ones(len(mean), 1, 1) if kind == "paper" else _deviation(train, mean)
    return InputFrame(train.side_px, size_px, mean, scale)


def _deviation(train: ImageSource, mean: Tensor) -> Tensor:
    """Standard deviation of each channel around the mean image: (C, 1, 1), in grey levels."""
    sample = np.unique(np.linspace(0, len(train) - 1, min(len(train), SCALE_IMAGES)).round().astype(np.int64))
    squares, count = torch.zeros(len(mean), dtype=torch.float64), 0
    for index in sample.tolist():
        images, labels = train.read([index])
        if labels[0] != UNREADABLE:
            squares += (images[0] - mean).square().double().mean((1, 2))
            count += 1
    return (squares / max(count, 1)).sqrt().clamp(min=1.0).float().reshape(-1, 1, 1)
