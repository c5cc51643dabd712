"""What a network is made of, as values: each operation says which places it looks at and can be run again.

How each of them goes backwards is deconv's business.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from zfnet.forward import Pair, Sliding


@dataclass(frozen=True, kw_only=True, eq=False)
class Operation:
    """One operation on signals (B, ...), computed from the image.

    name: as torch calls it. pointwise: each place of the output, in its last two dimensions, comes from the same place
    of each input alone, so that any part of the maps may be given.
    """

    name: str
    pointwise: bool = False

    @property
    def sliding(self) -> Sliding | None:
        """The windows of an operation that slides over maps; None for others."""
        return None

    def __call__(self, *signals: Tensor) -> Tensor:
        """Run it again on other signals, of any number of images. The images and what is unknown cannot be."""
        raise NotImplementedError(self.name)


@dataclass(frozen=True, kw_only=True, eq=False)
class Image(Operation):
    """The images (B, C, H, W) themselves."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Unknown(Operation):
    """An operation that nobody here knows: it has no reverse and is not run again. reason: one more word about it."""

    reason: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Convolution(Operation):
    """Filters (K, C / groups, k, l) at every place, between zeros; before, after: rows and columns of zeros."""

    weight: Tensor
    bias: Tensor | None
    stride: Pair
    before: Pair
    after: Pair
    dilation: Pair
    groups: int

    @property
    def sliding(self) -> Sliding:
        return Sliding(_extent(self.kernel, self.dilation), self.stride, self.before)

    @property
    def kernel(self) -> Pair:
        return self.weight.shape[2], self.weight.shape[3]

    def __call__(self, *signals: Tensor) -> Tensor:
        (maps,) = signals
        padding = self.before
        if self.before != self.after:
            maps = F.pad(maps, (self.before[1], self.after[1], self.before[0], self.after[0]))
            padding = (0, 0)
        return F.conv2d(maps, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


@dataclass(frozen=True, kw_only=True, eq=False)
class FullyConnected(Operation):
    """Weights (K, C) over the last dimension."""

    weight: Tensor
    bias: Tensor | None

    def __call__(self, *signals: Tensor) -> Tensor:
        return F.linear(signals[0], self.weight, self.bias)


@dataclass(frozen=True, kw_only=True, eq=False)
class MaxPool(Operation):
    """The largest value of each window."""

    kernel: Pair
    stride: Pair
    padding: Pair
    dilation: Pair
    ceil: bool

    @property
    def sliding(self) -> Sliding:
        return Sliding(_extent(self.kernel, self.dilation), self.stride, self.padding)

    def __call__(self, *signals: Tensor) -> Tensor:
        return F.max_pool2d(signals[0], self.kernel, self.stride, self.padding, self.dilation, self.ceil)


@dataclass(frozen=True, kw_only=True, eq=False)
class AveragePool(Operation):
    """The mean of each window. count_pad: whether padding counts; divisor: what a sum is divided by instead."""

    kernel: Pair
    stride: Pair
    padding: Pair
    ceil: bool
    count_pad: bool
    divisor: int | None

    @property
    def sliding(self) -> Sliding:
        return Sliding(self.kernel, self.stride, self.padding)

    def __call__(self, *signals: Tensor) -> Tensor:
        return F.avg_pool2d(signals[0], self.kernel, self.stride, self.padding, self.ceil, self.count_pad, self.divisor)

    def shares(self, size: Pair, above: Pair, like: Tensor) -> Tensor:
        """What one place of maps of (H, W) = size gives to each window over it, by window: (h, w) = above."""
        ones = like.new_ones((1, 1, *size))
        if self.divisor is not None:
            return like.new_full(above, 1 / self.divisor)
        if self.count_pad:
            rows, columns = (self._counted(axis, size[axis], above[axis], like) for axis in (0, 1))
            return 1 / (rows[:, None] * columns)
        summed = F.avg_pool2d(ones, self.kernel, self.stride, self.padding, self.ceil, True, 1)
        return 1 / summed[0, 0]

    def _counted(self, axis: int, size: int, above: int, like: Tensor) -> Tensor:
        """How many places each window counts along an axis, those of the padding too: (above,)."""
        start = torch.arange(above, device=like.device) * self.stride[axis] - self.padding[axis]
        stop = (start + self.kernel[axis]).clamp(max=size + self.padding[axis])
        return (stop - start).to(like.dtype)


@dataclass(frozen=True, kw_only=True, eq=False)
class GlobalMax(Operation):
    """The largest value of each map, (B, C, 1, 1) or, unless kept, (B, C)."""

    keep_dims: bool

    def __call__(self, *signals: Tensor) -> Tensor:
        return signals[0].amax((2, 3), keepdim=self.keep_dims)


@dataclass(frozen=True, kw_only=True, eq=False)
class Padding(Operation):
    """One number around maps: rows and columns before and after; negative ones cut off."""

    before: Pair
    after: Pair
    value: float = 0.0

    @property
    def sliding(self) -> Sliding:
        return Sliding((1, 1), (1, 1), self.before)

    def __call__(self, *signals: Tensor) -> Tensor:
        sides = (self.before[1], self.after[1], self.before[0], self.after[0])
        return F.pad(signals[0], sides, value=self.value)


@dataclass(frozen=True, kw_only=True)
class Node:
    """One operation of a graph: the positions of its inputs, its output's shape without the batch, and where it ran.

    where: the dotted name of the innermost module; empty for the network itself.
    """

    operation: Operation
    inputs: tuple[int, ...]
    shape: tuple[int, ...]
    where: str = ""


def _extent(kernel: Pair, dilation: Pair) -> Pair:
    return dilation[0] * (kernel[0] - 1) + 1, dilation[1] * (kernel[1] - 1) + 1
