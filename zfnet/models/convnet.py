"""One network class, built from a layer table."""

from __future__ import annotations

import math
from collections import OrderedDict
from numbers import Integral

from torch import nn

from zfnet.models.norm import ContrastNorm
from zfnet.models.table import Conv, Drop, Full, Norm, Pool, Table


def check_counts(**counts: int) -> None:
    """Raise ValueError, which names it, for what is no whole number above 0."""
    for name, count in counts.items():
        if not isinstance(count, Integral) or count < 1:
            raise ValueError(f"{name} is {count!r}, expected a whole number, 1 or more")


class ConvNet(nn.Sequential):
    """A chain of layers named as the paper names them: conv1, relu1, pool1, norm1, conv2 ... fc8.

    Takes normalised images (B, channels, input_px, input_px) and returns class scores (B, num_classes); the softmax is
    in the loss. There is no adaptive pooling: the first fully connected layer follows from `input_px`.

    Raises ValueError for numbers that are not whole or below 1, and if the input is too small for the table.
    """

    def __init__(self, table: Table, num_classes: int, input_px: int, channels: int = 3) -> None:
        check_counts(num_classes=num_classes, input_px=input_px, channels=channels)
        super().__init__(_modules(table, num_classes, input_px, channels))
        self.table, self.num_classes, self.input_px = table, num_classes, input_px


def _modules(table: Table, num_classes: int, input_px: int, channels: int) -> OrderedDict[str, nn.Module]:
    modules: OrderedDict[str, nn.Module] = OrderedDict()
    maps, side = channels, input_px
    units = 0  # how many numbers enter the next fully connected layer; 0 while still in maps
    for layer in table:
        number = layer.name[-1]
        match layer:
            case Conv(name, out_maps, kernel, stride, padding):
                modules[name] = nn.Conv2d(maps, out_maps, kernel, stride, padding)
                modules[f"relu{number}"] = nn.ReLU(inplace=True)
                maps, side = out_maps, (side + 2 * padding - kernel) // stride + 1
            case Pool(name, kernel, stride, ceil):
                modules[name] = nn.MaxPool2d(kernel, stride, ceil_mode=ceil)
                side = _pooled(side, kernel, stride, ceil)
            case Norm(name, alpha):
                modules[name] = ContrastNorm(alpha=alpha)
            case Drop(name):
                modules[name] = nn.Dropout(0.5)
            case Full(name, hidden, dropout):
                if units == 0:
                    modules["flatten"] = nn.Flatten()
                    units = maps * side * side
                modules[name] = nn.Linear(units, hidden or num_classes)
                if hidden is not None:
                    modules[f"relu{number}"] = nn.ReLU(inplace=True)
                    if dropout:
                        modules[f"drop{number}"] = nn.Dropout(0.5)
                    units = hidden
        if side < 1:
            raise ValueError(
                f"input_px={input_px} leaves nothing at {layer.name}; this network needs at least {_least(table)}"
            )
    return modules


def _pooled(side: int, kernel: int, stride: int, ceil: bool) -> int:
    if side < 1 or (side < kernel and not ceil):
        return 0
    steps = (side - kernel) / stride
    pooled = (math.ceil(steps) if ceil else math.floor(steps)) + 1
    return pooled - 1 if ceil and (pooled - 1) * stride >= side else pooled  # torch: no window starts in the padding


def _least(table: Table) -> int:
    """The smallest input that gets through the table."""
    for input_px in range(1, 512):
        side = input_px
        for layer in table:
            if isinstance(layer, Conv):
                side = (side + 2 * layer.padding - layer.kernel_px) // layer.stride + 1
            elif isinstance(layer, Pool):
                side = _pooled(side, layer.kernel_px, layer.stride, layer.ceil)
            if side < 1:
                break
        else:
            return input_px
    raise AssertionError(table)
