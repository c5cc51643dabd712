"""Leaving a model, and torch, as they were found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def evaluating(*models: nn.Module) -> Iterator[None]:
    """Every module in eval mode inside; afterwards each has the mode it had, also when modules differed."""
    before = [(module, module.training) for model in models for module in model.modules()]
    for model in models:
        model.eval()
    try:
        yield
    finally:
        for module, training in before:
            module.training = training


@contextmanager
def full_float32() -> Iterator[None]:
    """float32 with all its bits on GPUs, where convolutions otherwise round what they multiply to 10 bits (TF32).

    For small differences: a square that changes a probability by 2e-4 would be measured to one per cent.
    """
    places = torch.backends.cudnn.conv, torch.backends.cuda.matmul  # type: ignore[attr-defined]
    before = [place.fp32_precision for place in places]
    try:
        for place in places:
            place.fp32_precision = "ieee"
        yield
    finally:
        for place, precision in zip(places, before, strict=True):
            place.fp32_precision = precision
