"""The same reverse pass on receptive fields only: exact, and many times less work for the lower layers.

A single activation reaches only its receptive field, so many units of many images go down together, each on its own
small window of every layer's maps.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from zfnet.deconv.chain import AVERAGES, Chain, sliding
from zfnet.deconv.geometry import cut, inside
from zfnet.deconv.project import scale_of, unpool
from zfnet.deconv.record import Record, flat_index


def has_windows(chain: Chain, position: int) -> bool:
    """Whether every layer up to the step works on windows: no fully connected ones, no averages."""
    whole = (nn.Linear, nn.Flatten, *AVERAGES)
    return not any(isinstance(step.module, whole) for step in chain.steps[: position + 1])


def reverse_windows(
    chain: Chain, record: Record, position: int, units: Tensor, values: Tensor
) -> tuple[Tensor, Tensor]:
    """The pixels (N, 3, h, w) under each unit's receptive field and their corners (N, 2).

    units (N, 4): image, map, row, column at the output of the step; values (N,): their seeds, rectified already.
    """
    images, corners = units[:, 0], units[:, 2:]
    signal = F.one_hot(units[:, 1], record.sizes[chain.steps[position].name][0]).to(values.dtype)
    signal = (signal * values[:, None])[:, :, None, None]
    for below in range(position, -1, -1):
        step = chain.steps[below]
        size = record.sizes[chain.steps[below - 1].name] if below else record.image_size
        window = (signal.shape[2], signal.shape[3])
        match step.module:
            case nn.Conv2d():
                signal = _filter_back(step.module, signal)
            case nn.MaxPool2d():
                places = cut(record.switches[step.name], images, corners, window)
                signal = _unpool(step.module, signal, places)
            case nn.ReLU():
                signal = signal.clamp_(min=0)
            case nn.BatchNorm2d():
                signal = signal * scale_of(step.module).to(signal.dtype)[:, None, None]
        if (windows := sliding(step.module)) is not None:
            corners = windows.corners_below(corners)
            # what falls on a convolution's padding does not go further down
            signal = signal * inside(corners, (signal.shape[2], signal.shape[3]), size[1:]).to(signal.device)
    return signal, corners


def _filter_back(conv: nn.Conv2d, signal: Tensor) -> Tensor:
    return F.conv_transpose2d(
        signal,
        conv.weight.to(signal.dtype),
        stride=conv.stride,
        groups=conv.groups,
        dilation=conv.dilation,
    )


def _unpool(pool: nn.MaxPool2d, signal: Tensor, places: Tensor) -> Tensor:
    windows = sliding(pool)
    assert windows is not None
    height, width = windows.size_below((signal.shape[2], signal.shape[3]))
    index = flat_index(places, pool, width) + windows.padding[0] * width + windows.padding[1]
    return unpool(signal, index, (height, width))
