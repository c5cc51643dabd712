"""Layers on loose lists of places: each computes the places of its rectangles from a table of the maps below."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor

from zfnet.analysis.occlusion.rects import Rects
from zfnet.analysis.occlusion.winograd import ACROSS, SIDE, filter_tiles, spectra
from zfnet.forward import Pair, Sliding
from zfnet.forward.graph import (
    AveragePool,
    Concatenation,
    Convolution,
    MapSlice,
    MaxPool,
    Operation,
    Padding,
    Rectifier,
    Sum,
)

GATHERING = (Convolution, MaxPool, AveragePool, Padding)


def rows_of(maps: Tensor) -> Tensor:
    """The places of one image's maps (1, ..., H, W) as rows (H * W, C)."""
    return maps[0].flatten(0, -3).flatten(1).T  # (C, H * W) turned


def is_pointwise(operation: Operation) -> bool:
    """Whether an operation works on each place by itself: also a convolution that looks at one place alone."""
    if isinstance(operation, Convolution):
        return operation.kernel == operation.stride == (1, 1) and operation.before == operation.after == (0, 0)
    return operation.pointwise


def each_place(operation: Operation, inputs: list[Tensor], shapes: list[tuple[int, ...]], *, own: bool) -> Tensor:
    """A pointwise operation on the rows (M, C) of its inputs, whose shapes without the images are (..., H, W).

    own: whether nobody else looks at the rows of the first, so that they may be overwritten.
    """
    match operation:
        case Convolution() if operation.groups == 1:
            return F.linear(inputs[0], operation.weight.flatten(1), operation.bias)
        case Concatenation():
            return torch.cat(inputs, 1)
        case MapSlice():
            part = inputs[0][:, operation.start : operation.stop]
            return part if own else part.clone()
        case Rectifier():
            return inputs[0].clamp_(0, operation.cap) if own else operation(inputs[0])
        case Sum():
            return operation(*inputs)
    lines = [
        rows.T.reshape(1, *shape[:-2], 1, -1) if len(shape) > 3 else rows.T[None, :, None]
        for rows, shape in zip(inputs, shapes, strict=True)
    ]  # (1, ..., 1, M): one image of a single line, channels last
    rows = rows_of(operation(*lines))  # (M, C)
    shared = rows.untyped_storage().data_ptr() == inputs[0].untyped_storage().data_ptr()
    return rows.clone() if shared and not own else rows


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

    def seen(self, below: Rects, above: Rects, side: int, kernel: Pair) -> Tensor:
        """Rows of the table of `below` under kernels at the tiles of `above`: (kernel's rows, columns, T)."""
        key = ("seen", self.windows, self.dilation, side, kernel, id(above))
        return below.remembered(key, lambda: self._looked_up(below, above, side, kernel))

    def _looked_up(self, below: Rects, above: Rects, side: int, kernel: Pair) -> Tensor:
        (number, rows, columns), under = above.tiles(side), []
        for axis, places in enumerate((rows, columns)):
            taps = torch.arange(kernel[axis], device=places.device, dtype=torch.int32) * self.dilation[axis]
            under.append(places * self.windows.stride[axis] - self.windows.padding[axis] + taps[:, None])  # (taps, M)
        return below.lookup(number, *under)


class Filter(Gathering):
    """A convolution: what its filters see, side by side, in one product."""

    def __init__(self, conv: Convolution) -> None:
        super().__init__(conv.sliding, conv.kernel, conv.dilation)
        self.conv, self.flat = conv, conv.weight.permute(0, 2, 3, 1).flatten(1)  # (K, taps * C)

    def __call__(self, table: Tensor, below: Rects, above: Rects) -> Tensor:
        index = self.seen(below, above, 1, self.kernel).flatten(0, 1)  # (taps, M)
        if self.conv.groups == table.shape[1] == len(self.conv.weight):
            return self._each_map(table, index)
        seen = table.index_select(0, index.T.flatten())  # (M * taps, C)
        if self.conv.groups == 1:
            return F.linear(seen.view(index.shape[1], self.flat.shape[1]), self.flat, self.conv.bias)  # (M, K)
        patches = seen.view(index.shape[1], *self.kernel, table.shape[1]).permute(0, 3, 1, 2)  # (M, C, k, l)
        return F.conv2d(patches, self.conv.weight, self.conv.bias, groups=self.conv.groups).flatten(1)  # (M, K)

    def _each_map(self, table: Tensor, index: Tensor) -> Tensor:
        """Of one filter a map: (M, C) from the rows index (taps, M) of the table."""
        total = table.new_zeros((index.shape[1], table.shape[1]))
        for rows, weight in zip(index, self.conv.weight.flatten(1).T, strict=True):  # weight (C,)
            total.addcmul_(table.index_select(0, rows), weight)
        return total if self.conv.bias is None else total.add_(self.conv.bias)

    def holds(self, places: float, channels: int, maps: int) -> float:
        taps = self.kernel[0] * self.kernel[1]
        return places * (taps * (channels + 4) + maps)


class TileFilter(Gathering):
    """The same on tiles."""

    def __init__(self, conv: Convolution) -> None:
        super().__init__(conv.sliding, conv.kernel, (1, 1))
        self.bias, self.step = conv.bias, conv.stride[0]
        self.filters = spectra(conv.weight, self.step)

    def __call__(self, table: Tensor, below: Rects, above: Rects) -> Tensor:
        index = self.seen(below, above, SIDE, (ACROSS * self.step, ACROSS * self.step))
        number, _, _ = above.tiles(SIDE)
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
    def pays(conv: Convolution) -> bool:
        """Whether tiles need far fewer products than taps, and lose nothing else."""
        step, (height, width) = conv.stride[0], conv.kernel
        alike = conv.stride == (step, step) and conv.dilation == (1, 1) and conv.groups == 1
        exact = conv.weight.dtype in (torch.float32, torch.float64)
        fewer = max(height, width) <= 3 * step and 1.5 * (ACROSS / SIDE) ** 2 * step**2 <= height * width
        return alike and exact and fewer and min(conv.weight.shape[:2]) >= 16


class Maximum(Gathering):
    """A max pool."""

    beyond = -torch.inf

    def __init__(self, pool: MaxPool) -> None:
        super().__init__(pool.sliding, pool.kernel, pool.dilation)

    def __call__(self, table: Tensor, below: Rects, above: Rects) -> Tensor:
        index = self.seen(below, above, 1, self.kernel).flatten(0, 1)  # (taps, M)
        largest = table.index_select(0, index[0])  # (M, C)
        for tap in index[1:]:
            torch.maximum(largest, table.index_select(0, tap), out=largest)
        return largest

    def holds(self, places: float, channels: int, maps: int) -> float:
        return places * (4 * self.kernel[0] * self.kernel[1] + 2 * maps)


class Mean(Gathering):
    """An average pool. size: (H, W) of the maps below; above: of its own."""

    def __init__(self, pool: AveragePool, size: Pair, above: Pair, like: Tensor) -> None:
        super().__init__(pool.sliding, pool.kernel, (1, 1))
        self._shares, self._across = pool.shares(size, above, like).flatten(), above[1]

    def __call__(self, table: Tensor, below: Rects, above: Rects) -> Tensor:
        _, rows, columns = above.tiles(1)
        index = self.seen(below, above, 1, self.kernel).flatten(0, 1)  # (taps, M)
        total = table.index_select(0, index[0])  # (M, C)
        for tap in index[1:]:
            total += table.index_select(0, tap)
        return total.mul_(self._shares[rows * self._across + columns][:, None])

    def holds(self, places: float, channels: int, maps: int) -> float:
        return places * (4 * self.kernel[0] * self.kernel[1] + 2 * maps)


class Moved(Gathering):
    """Maps with zeros around them, or cut off."""

    def __init__(self, padding: Padding) -> None:
        super().__init__(padding.sliding, (1, 1), (1, 1))

    def __call__(self, table: Tensor, below: Rects, above: Rects) -> Tensor:
        return table.index_select(0, self.seen(below, above, 1, (1, 1)).flatten())

    def holds(self, places: float, channels: int, maps: int) -> float:
        return places * (4 + maps)


def gathering(operation: Operation, below: Tensor, above: Tensor) -> Gathering:
    """An operation of one of the kinds GATHERING on loose lists. below, above: its clean maps (1, C, H, W)."""
    match operation:
        case MaxPool():
            return Maximum(operation)
        case AveragePool():
            return Mean(operation, (below.shape[2], below.shape[3]), (above.shape[2], above.shape[3]), below)
        case Padding():
            return Moved(operation)
        case Convolution():
            return TileFilter(operation) if TileFilter.pays(operation) else Filter(operation)
        case _:
            raise AssertionError(operation)
