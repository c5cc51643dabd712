"""The same reverse pass on receptive fields only: exact, and many times less work for the lower layers.

A single activation reaches only its receptive field, so many units of many images go down together, each on its own
small window of every layer's maps. Windows are held channels-last.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from zfnet.deconv.reverse import scale_of
from zfnet.deconv.transposed import TransposedFilters
from zfnet.forward import (
    AVERAGES,
    WINDOW_BYTES,
    Chain,
    Pair,
    Record,
    Step,
    cut_windows,
    inside,
    slices_that_fit,
    sliding,
    within_window,
)


def is_worth_windows(chain: Chain, position: int, record: Record) -> bool:
    """Whether every layer up to the step works on windows, and the receptive field is smaller than the image."""
    field, whole = chain.fields()[position], (nn.Linear, nn.Flatten, *AVERAGES)
    if field is None or any(isinstance(step.module, whole) for step in chain.steps[: position + 1]):
        return False
    return field.size_px[0] * field.size_px[1] < record.image_size[1] * record.image_size[2]


def reverse_windows(
    chain: Chain, record: Record, position: int, *, units: Tensor, values: Tensor, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """The pixels (N, 3, h, w) under each unit's receptive field, in the type of the values, and their corners (N, 2).

    units (N, 4): image, map, row, column at the output of the step; values (N,): their seeds, rectified already;
    dtype: what the signals and filters are on the way.
    """
    steps, field = chain.steps[: position + 1], chain.fields()[position]
    assert field is not None
    filters = {s.name: TransposedFilters(s.module, dtype) for s in steps if isinstance(s.module, nn.Conv2d)}
    pixels = values.new_empty((len(units), record.image_size[0], *field.size_px))  # (N, 3, h, w)
    unit_bytes = _largest(record, steps) * torch.finfo(dtype).bits // 8
    for part in slices_that_fit(len(units), unit_bytes, values.device, WINDOW_BYTES):
        pixels[part] = _down(record, steps, filters, units[part], values[part].to(dtype))
    return pixels, field.corners(units[:, 2:])  # (N, 3, h, w) and (N, 2)


def _down(
    record: Record, steps: list[Step], filters: dict[str, TransposedFilters], units: Tensor, values: Tensor
) -> Tensor:
    """The pixels (N, 3, h, w) of units (N, 4) whose seeds are values (N,), through the steps from the last down."""
    images, maps, corners = units[:, 0], units[:, 1], units[:, 2:]  # (N,), (N,), (N, 2)
    signal: Tensor | None = None  # until the first layer that spreads: a single place a unit
    for below in range(len(steps) - 1, -1, -1):
        module, name = steps[below].module, steps[below].name
        size = record.sizes[steps[below - 1].name] if below else record.image_size
        windows = sliding(module)
        if isinstance(module, nn.Conv2d):
            # (N, maps, h, w) to (N, maps below, h', w')
            signal = filters[name].of_one_place(maps, values) if signal is None else filters[name](signal)
        elif isinstance(module, nn.MaxPool2d):
            signal = _one_place(maps, values, size[0]) if signal is None else signal
            window = (signal.shape[2], signal.shape[3])
            places = cut_windows(record.switches[name], images, corners, window)  # (N, maps, h, w)
            signal = unpool_windows(module, signal, places)  # (N, maps, h', w')
        elif isinstance(module, nn.ReLU) and signal is not None:
            signal = signal.clamp_(min=0)
        elif isinstance(module, nn.BatchNorm2d):
            signal = _one_place(maps, values, size[0]) if signal is None else signal
            signal = signal * scale_of(module).to(signal.dtype)[:, None, None]
        if windows is not None:
            assert signal is not None
            corners = windows.corners_below(corners)
            window = (signal.shape[2], signal.shape[3])
            # what falls outside the map below, on a convolution's padding, does not go further down
            signal *= inside(corners, window, size[1:]).to(signal.device)
    return _one_place(maps, values, record.image_size[0]) if signal is None else signal


def _one_place(maps: Tensor, values: Tensor, count: int) -> Tensor:
    """Windows (N, count, 1, 1) that are zero but for the values (N,), each in its map of maps (N,)."""
    signal = values.new_zeros((len(values), count, 1, 1))
    signal[torch.arange(len(values)), maps, 0, 0] = values
    return signal


def unpool_windows(pool: nn.MaxPool2d, values: Tensor, places: Tensor) -> Tensor:
    """Put each value where its switch points, adding where windows share a place, as `unpool` does for whole maps.

    values, places: (N, C, h, w). Returns the windows (N, C, H, W) of the map below that these windows see.
    """
    windows = sliding(pool)
    assert windows is not None
    count, maps, height, width = values.shape
    rows, columns = windows.size_below((height, width))
    top, left = (
        torch.arange(n, device=values.device) * s for n, s in zip((height, width), windows.stride, strict=True)
    )
    first = (top[:, None] * columns + left)[:, :, None] * maps + torch.arange(maps, device=values.device)  # (h, w, C)
    offsets = within_window(pool, columns, values.device) * maps
    index = offsets.index_select(0, places.permute(0, 2, 3, 1).flatten().int())  # (N * h * w * C,), channels last
    index = index.view(count, -1).add_(first.flatten())  # (N, h * w * C), where in the flattened (H, W, C)
    below = values.new_zeros((count, rows * columns * maps))
    below.scatter_add_(1, index, values.permute(0, 2, 3, 1).reshape(count, -1))
    return below.view(count, rows, columns, maps).permute(0, 3, 1, 2)  # (N, C, H, W)


def _largest(record: Record, steps: list[Step]) -> int:
    """The most numbers that a unit's windows hold on the way down, with the map or layer below them."""
    size: Pair = (1, 1)
    largest = 0
    for below in range(len(steps) - 1, -1, -1):
        windows = sliding(steps[below].module)
        if windows is not None:
            size = windows.size_below(size)
            maps = (record.sizes[steps[below - 1].name] if below else record.image_size)[0]
            largest = max(largest, maps * size[0] * size[1])
    return largest
