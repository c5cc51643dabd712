"""The deconvnet's reverse pass on whole maps, layer by layer: unpool, rectify, filter with the transposed filters.

Zeiler & Fergus 2013, section 2.1. No bias and no contrast normalisation on the way down; the pixels stay as they are.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zfnet.forward import AVERAGES, Chain, Record, flat_index, padding, sliding


def reverse(chain: Chain, record: Record, position: int, images: Tensor, signal: Tensor) -> Tensor:
    """Signals at the output of a step, (N, C, h, w) or (N, C), rectified already, as pixels (N, 3, H, W).

    images (N,): whose switches each signal follows.
    """
    for below in range(position, -1, -1):
        step = chain.steps[below]
        size = record.sizes[chain.steps[below - 1].name] if below else record.image_size
        signal = _undo(step.module, signal, size, record.switches.get(step.name), images)
    return signal


def _undo(module: nn.Module, signal: Tensor, size: tuple[int, ...], switches: Tensor | None, images: Tensor) -> Tensor:
    """One layer backwards: a signal of its output's size to one of its input's, (N, *size)."""
    match module:
        case nn.Conv2d():
            return filter_back(module, signal, (size[1], size[2]))  # (N, C, h, w): (N, *size)
        case nn.MaxPool2d():
            assert switches is not None
            return unpool(signal, flat_index(switches[images], module, size[2]), (size[1], size[2]))
        case nn.ReLU():
            return signal.clamp(min=0)
        case nn.Linear():
            return signal @ module.weight.to(signal.dtype)  # (N, units) @ (units, inputs): (N, inputs)
        case nn.Flatten():
            return signal.reshape(len(signal), *size)  # (N, C * h * w): (N, C, h, w)
        case nn.BatchNorm2d():
            return signal * scale_of(module).to(signal.dtype)[:, None, None]
        case nn.AvgPool2d() | nn.AdaptiveAvgPool2d():
            return _average_back(module, signal, size)
        case _:  # dropout in eval mode and contrast normalisation, which is passed through
            return signal


def unpool(values: Tensor, switches: Tensor, size: tuple[int, int]) -> Tensor:
    """Put each value where its switch points, adding where windows share a place.

    values, switches: (B, C, h, w); switches index the flattened (H, W) = size. Returns (B, C, H, W).
    Raises ValueError if a switch lies outside size. Zeiler & Fergus 2013, section 2.1.
    """
    maps = values.new_zeros((*values.shape[:2], size[0] * size[1]))  # (B, C, H * W)
    try:
        maps.scatter_add_(2, switches.flatten(2), values.flatten(2))  # of (B, C, h * w) each
    except RuntimeError as error:  # on a GPU it is a device-side assertion instead
        raise ValueError(f"a switch lies outside maps of {size[0]} x {size[1]} places: {error}") from error
    return maps.view(*values.shape[:2], *size)


def filter_back(conv: nn.Conv2d, signal: Tensor, size: tuple[int, int]) -> Tensor:
    """A convolution's transposed filters, without its bias: (N, maps, h, w) to (N, maps below, *size)."""
    windows = sliding(conv)
    assert windows is not None
    full = windows.size_below((signal.shape[2], signal.shape[3]))
    before = padding(conv)
    left_over = [size[i] + 2 * before[i] - full[i] for i in (0, 1)]  # rows and columns that no filter reached
    return F.conv_transpose2d(
        signal,
        conv.weight.to(signal.dtype),
        stride=windows.stride,
        padding=before,
        output_padding=left_over,
        groups=conv.groups,
        dilation=conv.dilation,
    )


def scale_of(norm: nn.BatchNorm2d) -> Tensor:
    """The factor (C,) of each map that batch normalisation is in eval mode."""
    assert norm.running_var is not None
    scale = torch.rsqrt(norm.running_var + norm.eps)
    return scale * norm.weight if norm.affine else scale


def _average_back(pool: nn.Module, signal: Tensor, size: tuple[int, ...]) -> Tensor:
    """The exact transpose of an average: the gradient of a linear map does not depend on where it is taken."""
    assert isinstance(pool, AVERAGES)
    with torch.enable_grad():
        below = signal.new_zeros((len(signal), *size)).requires_grad_()
        (back,) = torch.autograd.grad(pool(below), below, signal)
    return back
