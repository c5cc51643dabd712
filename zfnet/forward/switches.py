"""Pooling switches: a byte each, the place of a maximum within its window."""

from __future__ import annotations

import torch
from torch import Tensor

from zfnet.forward.operations import MaxPool


def window_places(index: Tensor, pool: MaxPool, width: int) -> Tensor:
    """Flat indices (B, C, h, w) into maps of that width as places in each window: a byte a switch instead of eight."""
    windows = pool.sliding
    flat = index.to(torch.int32)  # a map has fewer than 2^31 places
    row = flat.div(width, rounding_mode="floor")  # (B, C, h, w) in the map below, as the column
    column = flat.sub_(row, alpha=width)
    for axis, position in enumerate((row, column)):
        start = torch.arange(index.shape[2 + axis], device=index.device, dtype=torch.int32)
        start = start * windows.stride[axis] - windows.padding[axis]  # (h,) of the windows, then (w,)
        position -= start[:, None] if axis == 0 else start
        if pool.dilation[axis] > 1:
            position.div_(pool.dilation[axis], rounding_mode="floor")
    places = row.mul_(pool.kernel[1]).add_(column)  # (B, C, h, w) in the window
    return places.to(torch.uint8) if pool.kernel[0] * pool.kernel[1] <= 256 else places


def within_window(pool: MaxPool, width: int, device: torch.device) -> Tensor:
    """The flat index of each of a window's k * l places, counted from its first, in a map of that width: (k * l,)."""
    rows, columns = (torch.arange(k, device=device) * d for k, d in zip(pool.kernel, pool.dilation, strict=True))
    return (rows[:, None] * width + columns).flatten()
