"""Every operation backwards: unpool, rectify, filter with the transposed filters (Zeiler & Fergus 2013, section 2.1).

No bias and no contrast normalisation on the way down; the pixels stay as they are. A signal is (N, C, h, w), of whole
maps or of windows of them: what slides gives back all places below that the windows see, also beyond the border.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from zfnet.forward import (
    Affine,
    AveragePool,
    BatchNorm,
    Concatenation,
    FullyConnected,
    Linear,
    MaxPool,
    Node,
    Normalisation,
    Operation,
    Padding,
    Permutation,
    Rectifier,
    Reshape,
    Sum,
    within_window,
)


def undo(operation: Operation, signal: Tensor, below: Sequence[tuple[int, ...]]) -> list[Tensor]:
    """A signal (N, ...) at an operation's output as one at each of its inputs, whose shapes (without N) are `below`.

    Of all but convolutions, pools and slices, which need more than the signal.
    """
    match operation:
        case Rectifier():
            return [signal.clamp(min=0)]
        case Normalisation() | Padding():
            return [signal]
        case BatchNorm():
            factor = operation.factor().to(signal.dtype)
            return [signal * factor.view(-1, *[1] * (signal.ndim - 2))]
        case Affine():
            by = operation.factor
            return [signal * (by.to(signal.dtype) if isinstance(by, Tensor) else by)]
        case Sum():
            return [signal if sign == 1 else signal * sign for sign in operation.signs]
        case Concatenation():
            return list(signal.split([shape[0] for shape in below], 1))
        case FullyConnected():
            return [signal @ operation.weight.to(signal.dtype)]  # (N, ..., K) @ (K, C): (N, ..., C)
        case Reshape():
            return [signal.reshape(len(signal), *below[0])]
        case Permutation():
            return [signal.permute([operation.order.index(axis) for axis in range(signal.ndim)])]
        case Linear():
            return [gradient(operation, signal, below[0])]
        case _:
            raise AssertionError(operation)


def gradient(operation: Linear, signal: Tensor, below: tuple[int, ...]) -> Tensor:
    """The exact transpose of a linear operation: its gradient does not depend on where it is taken."""
    with torch.enable_grad():
        zero = signal.new_zeros((len(signal), *below)).requires_grad_()
        (back,) = torch.autograd.grad(operation(zero), zero, signal)
    return back.contiguous()  # that of a mean is one number at many places


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


def unpool_windows(pool: MaxPool, values: Tensor, places: Tensor) -> Tensor:
    """Put each value where its switch points, adding where windows share a place, as `unpool` does for whole maps.

    values, places: (N, C, h, w). Returns the windows (N, C, H, W) of the map below that these windows see.
    """
    count, maps, height, width = values.shape
    rows, columns = pool.sliding.size_below((height, width))
    top, left = (torch.arange(n, device=values.device) * s for n, s in zip((height, width), pool.stride, strict=True))
    first = (top[:, None] * columns + left)[:, :, None] * maps + torch.arange(maps, device=values.device)  # (h, w, C)
    offsets = within_window(pool, columns, values.device) * maps
    index = offsets.index_select(0, places.permute(0, 2, 3, 1).flatten().int())  # (N * h * w * C,), channels last
    index = index.view(count, -1).add_(first.flatten())  # (N, h * w * C), where in the flattened (H, W, C)
    below = values.new_zeros((count, rows * columns * maps))
    below.scatter_add_(1, index, values.permute(0, 2, 3, 1).reshape(count, -1))
    return below.view(count, rows, columns, maps).permute(0, 3, 1, 2)  # (N, C, H, W)


def spread(pool: AveragePool, values: Tensor) -> Tensor:
    """Values (N, C, h, w), each already divided, at every place of its window: (N, C, H, W), all that windows see."""
    size = pool.sliding.size_below((values.shape[2], values.shape[3]))
    below = torch.empty(
        (*values.shape[:2], *size), dtype=values.dtype, device=values.device, memory_format=torch.channels_last
    ).zero_()
    for row in range(pool.kernel[0]):
        for column in range(pool.kernel[1]):
            stops = [
                at + (n - 1) * s + 1 for at, n, s in zip((row, column), values.shape[2:], pool.stride, strict=True)
            ]
            below[:, :, row : stops[0] : pool.stride[0], column : stops[1] : pool.stride[1]] += values
    return below


def shapes_below(node: Node, nodes: Sequence[Node], window: tuple[int, ...] | None) -> list[tuple[int, ...]]:
    """The shapes of a node's inputs, of (h, w) = window in place of whole maps where it is given."""
    shapes = [nodes[source].shape for source in node.inputs]
    return shapes if window is None else [(*shape[:-2], *window) for shape in shapes]
