"""Leaving a model, and torch, as they were found."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Modes = list[tuple[nn.Module, bool]]
CHANGING = threading.RLock()  # not Lock: what is collected meanwhile may leave
PRECISE: list[list[str]] = []  # who is inside full_float32, each with what was set before the first
INSIDE: dict[nn.Module, list[list[Modes]]] = {}  # who evaluates a model, the last to come last: the modes to leave


@contextmanager
def evaluating(*models: nn.Module) -> Iterator[None]:
    """Every module in eval mode inside; afterwards each has the mode it had, also when modules differed.

    Where several threads are inside with one model, it stays in eval mode until the last of them is out.
    """
    entered = [_enter(model) for model in models]
    try:
        yield
    finally:
        for model, own in zip(models, entered, strict=True):
            _leave(model, own)


def _enter(model: nn.Module) -> list[Modes]:
    with CHANGING:
        own = [[(module, module.training) for module in model.modules()]]
        model.eval()
        INSIDE.setdefault(model, []).append(own)
    return own


def _leave(model: nn.Module, own: list[Modes]) -> None:
    with CHANGING:
        inside = INSIDE[model]
        (place,) = (at for at, one in enumerate(inside) if one is own)
        if own is inside[-1]:
            for module, training in own[0]:
                module.training = training
        else:
            inside[place + 1][0] = own[0]  # whoever came next leaves the model so in this one's place
        del inside[place]
        if not inside:
            del INSIDE[model]


@contextmanager
def undisturbed(model: nn.Module, dtype: torch.dtype | None = None) -> Iterator[None]:
    """The model in eval mode without gradients inside, whatever the caller had set; afterwards all is as it was.

    dtype: torch.bfloat16 or torch.float16 computes in mixed precision, by autocast; None turns autocast off.
    """
    device = like_parameters(model, torch.empty(0)).device
    autocast = torch.autocast(device.type, dtype, enabled=dtype is not None)
    with torch.inference_mode(False), torch.no_grad(), autocast, evaluating(model):
        yield


def like_parameters(model: nn.Module, values: Tensor | NDArray[Any]) -> Tensor:
    """Values of any shape in the type and on the device of the model's parameters; as they are if it has none."""
    values = torch.as_tensor(values)
    like = next((parameter for parameter in model.parameters() if parameter.is_floating_point()), values)
    return values.to(like)


@contextmanager
def full_float32() -> Iterator[None]:
    """float32 with all its bits on GPUs, where convolutions otherwise round what they multiply to 10 bits (TF32).

    For small differences: a square that changes a probability by 2e-4 would be measured to one per cent.
    """
    backends = torch.backends.cudnn.conv, torch.backends.cuda.matmul  # type: ignore[attr-defined]
    with CHANGING:
        before = PRECISE[0] if PRECISE else [backend.fp32_precision for backend in backends]
        PRECISE.append(before)
        for backend in backends:
            backend.fp32_precision = "ieee"
    try:
        yield
    finally:
        with CHANGING:
            PRECISE.pop()
            if not PRECISE:  # the last thread that is out
                for backend, precision in zip(backends, before, strict=True):
                    backend.fp32_precision = precision
