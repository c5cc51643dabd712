"""Layers on loose lists of places: each computes the places of its rectangles from a table of the maps below."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zfnet.analysis.occlusion.rects import Rects
from zfnet.analysis.occlusion.winograd import ACROSS, SIDE, filter_tiles, spectra
from zfnet.forward import IDENTITIES, NORMS, Pair, Sliding, kernel_of

POINTWISE = (nn.ReLU, nn.BatchNorm2d, *NORMS, *IDENTITIES)
GATHERING = (nn.Conv2d, nn.MaxPool2d)


def rows_of(maps: Tensor) -> Tensor:
    """The places of one image's maps (1, C, H, W) as rows (H * W, C)."""
    return maps[0].flatten(1).T  # (C, H * W) turned


def each_place(module: nn.Module, rows: Tensor) -> Tensor:
    """A layer that works on each place by itself, on rows (M, C)."""
    if isinstance(module, nn.ReLU):
        return rows.relu()  # never in place: the rows may be the caller's
    line = rows.T[None, :, None]  # (1, C, 1, M): one image of a single line, channels last
    return module(line)[0, :, 0].T  # (M, C)


class Gathering(ABC):
    """A layer whose windows slide over the maps below."""

    beyond = 0.0  # what its windows see beyond the border

    def __init__(self, windows: Sliding, kernel: Pair, dilation: Pair) -> None:
        self.windows, self.kernel, self.dilation = windows, kernel, dilation

    @abstractmethod
    def __call__(self, table: Tensor, below: Rects, above: Rects) -> Tensor:
        """The values (M, K) of the places of the rectangles `above`, from the table (rows, C) of `below`."""

    @abstractmethod
    def holds(self, places: float, channels: int, maps: int) -> float:
        """About how many numbers it holds at once for so many places above."""

    def seen(self, below: Rects, number: Tensor, rows: Tensor, columns: Tensor, kernel: Pair) -> Tensor:
        """Rows of the table under kernels at places (M,) above, of squares number (M,): (kernel's rows, columns, M)."""
        under = []
        for axis, places in enumerate((rows, columns)):
            taps = torch.arange(kernel[axis], device=places.device, dtype=torch.int32) * self.dilation[axis]
            under.append(places * self.windows.stride[axis] - self.windows.padding[axis] + taps[:, None])  # (taps, M)
        return below.lookup(number, *under)


class Filter(Gathering):
    """A convolution: what its filters see, side by side, in one product."""

    def __init__(self, conv: nn.Conv2d, windows: Sliding) -> None:
        super().__init__(windows, _pair(conv.kernel_size), _pair(conv.dilation))
        self.conv, self.flat = conv, conv.weight.permute(0, 2, 3, 1).flatten(1)  # (K, taps * C)

    def __call__(self, table: Tensor, below: Rects, above: Rects) -> Tensor:
        index = self.seen(below, *above.tiles(1), self.kernel).flatten(0, 1)  # (taps, M)
        seen = table.index_select(0, index.T.flatten())  # (M * taps, C)
        if self.conv.groups == 1:
            return F.linear(seen.view(index.shape[1], self.flat.shape[1]), self.flat, self.conv.bias)  # (M, K)
        patches = seen.view(index.shape[1], *self.kernel, table.shape[1]).permute(0, 3, 1, 2)  # (M, C, k, l)
        return F.conv2d(patches, self.conv.weight, self.conv.bias, groups=self.conv.groups).flatten(1)  # (M, K)

    def holds(self, places: float, channels: int, maps: int) -> float:
        taps = self.kernel[0] * self.kernel[1]
        return places * (taps * (channels + 4) + maps)


class TileFilter(Gathering):
    """The same on tiles."""

    def __init__(self, conv: nn.Conv2d, windows: Sliding) -> None:
        super().__init__(windows, _pair(conv.kernel_size), (1, 1))
        self.bias, self.step = conv.bias, conv.stride[0]
        self.filters = spectra(conv.weight, self.step)

    def __call__(self, table: Tensor, below: Rects, above: Rects) -> Tensor:
        number, rows, columns = above.tiles(SIDE)
        index = self.seen(below, number, rows, columns, (ACROSS * self.step, ACROSS * self.step))
        blocks = index.view(ACROSS, self.step, ACROSS, self.step, -1)
        blocks = blocks.permute(0, 2, 4, 1, 3)  # (ACROSS, ACROSS, T, step, step)
        channels = self.step**2 * table.shape[1]
        seen = table.index_select(0, blocks.flatten()).view(ACROSS**2, len(number), channels)  # (16, T, step^2 * C)
        tiles = filter_tiles(seen, self.filters)  # (SIDE^2, T, K)
        values = tiles.flatten(0, 1).index_select(0, above.in_tiles(SIDE))  # (M, K)
        return values if self.bias is None else values.add_(self.bias)

    def holds(self, places: float, channels: int, maps: int) -> float:
        return places * 2 * (ACROSS / SIDE) ** 2 * 2 * (self.step**2 * channels + maps)  # as if tiles were half full

    @staticmethod
    def pays(conv: nn.Conv2d) -> bool:
        """Whether tiles need far fewer products than taps, and lose nothing else."""
        step, (height, width) = conv.stride[0], conv.kernel_size
        alike = conv.stride == (step, step) and conv.dilation == (1, 1) and conv.groups == 1
        exact = conv.weight.dtype in (torch.float32, torch.float64)
        fewer = max(height, width) <= 3 * step and 1.5 * (ACROSS / SIDE) ** 2 * step**2 <= height * width
        return alike and exact and fewer and min(conv.weight.shape[:2]) >= 16


class Maximum(Gathering):
    """A max pool."""

    beyond = -torch.inf

    def __init__(self, pool: nn.MaxPool2d, windows: Sliding) -> None:
        super().__init__(windows, *kernel_of(pool))

    def __call__(self, table: Tensor, below: Rects, above: Rects) -> Tensor:
        index = self.seen(below, *above.tiles(1), self.kernel).flatten(0, 1)  # (taps, M)
        largest = table.index_select(0, index[0])  # (M, C)
        for tap in index[1:]:
            torch.maximum(largest, table.index_select(0, tap), out=largest)
        return largest

    def holds(self, places: float, channels: int, maps: int) -> float:
        return places * (4 * self.kernel[0] * self.kernel[1] + 2 * maps)


def gathering(module: nn.Module, windows: Sliding) -> Gathering:
    """A layer of one of the kinds GATHERING on loose lists."""
    if isinstance(module, nn.MaxPool2d):
        return Maximum(module, windows)
    assert isinstance(module, nn.Conv2d)
    return TileFilter(module, windows) if TileFilter.pays(module) else Filter(module, windows)


def _pair(values: tuple[int, ...]) -> Pair:
    return values[0], values[1]
