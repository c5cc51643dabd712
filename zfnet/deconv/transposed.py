"""Transposed filters on many small windows: the same numbers as conv_transpose2d, in the order of work that is fastest.

Measured on one core of a CPU, ZFNet's layers, ms a window: the last step to the pixels (96 maps to 3, 67x67 windows)
6.3 as a transposed convolution, 2.4 as one convolution to 12 maps and a pixel shuffle; its second layer (256 maps to
96, 15x15, stride 2) 3.0, and 2.5 as one convolution for each of the four parities of output places.
"""

from __future__ import annotations

from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from zfnet.forward import Convolution, Pair

FEW_MAPS = 64  # up to so many maps, all parities together, one convolution with some zero taps beats several without
SMALL_WINDOW = 256  # places


class TransposedFilters:
    """A convolution's transposed filters without its bias: windows (N, maps, h, w) to (N, maps below, h', w').

    h' = (h - 1) * stride + extent: what falls on the convolution's padding is still there. scale (maps,): what each map
    is multiplied by first, as batch normalisation after the convolution has it.
    """

    def __init__(self, conv: Convolution, dtype: torch.dtype, scale: Tensor | None = None) -> None:
        weight = conv.weight if scale is None else conv.weight * scale[:, None, None, None]
        self.conv, self.weight = conv, weight.to(dtype)
        self._windows, self._stride = conv.sliding, conv.stride
        self._simple = conv.groups == 1 and conv.dilation == (1, 1)
        rows, columns = self._stride
        self._shuffles = rows == columns > 1 and self.weight.shape[1] * rows * columns <= FEW_MAPS

    @cached_property
    def _parts(self) -> dict[Pair, Tensor]:
        """The filters as convolutions for each parity of output places, or one for all; the top layer needs none."""
        rows, columns = self._stride
        if self._shuffles:
            return {(0, 0): _all_parities(self.weight, rows)}
        firsts = [(row, column) for row in range(rows) for column in range(columns)]
        taps = {first: self.weight[:, :, first[0] :: rows, first[1] :: columns] for first in firsts}
        return {first: _as_convolution(filters) for first, filters in taps.items() if filters.numel()}

    def of_one_place(self, maps: Tensor, values: Tensor) -> Tensor:
        """What single values (N,) in maps number (N,) become: each is its map's filter, nothing to convolve.

        Returns (N, maps below, kernel's rows, columns).
        """
        if self._simple:
            filters = self.weight[maps.to(self.weight.device)]  # (N, maps below, k, l)
            return filters * values.to(self.weight.dtype)[:, None, None, None]
        signal = F.one_hot(maps.to(values.device), len(self.weight)) * values[:, None]  # (N, maps)
        return self(signal.to(self.weight.dtype)[:, :, None, None])  # of (N, maps, 1, 1)

    def __call__(self, signal: Tensor) -> Tensor:
        """The windows (N, maps below, h', w') that a signal (N, maps, h, w) becomes."""
        size = self._windows.size_below((signal.shape[2], signal.shape[3]))
        if not self._simple:
            conv = self.conv
            return F.conv_transpose2d(
                signal, self.weight, stride=conv.stride, groups=conv.groups, dilation=conv.dilation
            )
        if self._stride == (1, 1) and signal.shape[2] * signal.shape[3] <= SMALL_WINDOW:
            return F.conv_transpose2d(signal.contiguous(), self.weight)
        signal = signal.contiguous(memory_format=torch.channels_last)
        if self._shuffles:
            blocks = _convolve(signal, self._parts[0, 0])  # (N, maps below * stride^2, h + k' - 1, w + l' - 1)
            return F.pixel_shuffle(blocks, self._stride[0])[:, :, : size[0], : size[1]]
        if self._stride == (1, 1):
            return _convolve(signal, self._parts[0, 0])
        below = torch.empty(
            (len(signal), self.weight.shape[1], *size),  # (N, maps below, h', w')
            dtype=signal.dtype,
            device=signal.device,
            memory_format=torch.channels_last,
        ).zero_()  # where the stride is wider than the kernel some places get nothing
        for (row, column), part in self._parts.items():
            below[:, :, row :: self._stride[0], column :: self._stride[1]] = _convolve(signal, part)
        return below


def _as_convolution(taps: Tensor) -> Tensor:
    """Filters (maps, maps below, k, l) as those of a convolution, (maps below, maps, k, l), that does the same.

    The same as the transposed convolution at stride 1.
    """
    return taps.flip(2, 3).transpose(0, 1).contiguous(memory_format=torch.channels_last)


def _all_parities(weight: Tensor, stride: int) -> Tensor:
    """The filters of every parity as more maps below, (maps below * stride^2, maps, k', l'), for a pixel shuffle."""
    maps, below, *kernel = weight.shape
    blocks = [-(-taps // stride) for taps in kernel]
    padded = F.pad(weight, (0, blocks[1] * stride - kernel[1], 0, blocks[0] * stride - kernel[0]))
    split = padded.view(maps, below, blocks[0], stride, blocks[1], stride)  # (maps, maps below, k', stride, l', stride)
    split = split.permute(0, 1, 3, 5, 2, 4)  # (maps, maps below, stride, stride, k', l')
    return _as_convolution(split.reshape(maps, below * stride * stride, *blocks))


def _convolve(signal: Tensor, filters: Tensor) -> Tensor:
    """A signal (N, maps, h, w) under filters (K, maps, k, l) at all places they reach: (N, K, h + k - 1, w + l - 1)."""
    return F.conv2d(signal, filters, padding=(filters.shape[2] - 1, filters.shape[3] - 1))
