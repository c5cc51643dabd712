"""One forward pass kept as a value: maps, pooling switches and sizes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zfnet.deconv.chain import Chain, sliding


@dataclass(frozen=True)
class Record:
    """What a forward pass of B images left behind.

    maps: layer -> (B, C, H, W) or (B, C).
    switches: max pool -> (B, C, h, w), the place of each maximum within its window, counted row by row.
    sizes: layer -> the shape of its output without B.
    image_size: (3, H, W).
    images: (B, 3, H, W), kept only where the reverse pass needs a second forward pass (networks that are no chain).
    scores: the layers whose values are the class scores.
    """

    maps: Mapping[str, Tensor]
    switches: Mapping[str, Tensor]
    sizes: Mapping[str, tuple[int, ...]]
    image_size: tuple[int, ...]
    batch: int
    images: Tensor | None = None
    scores: frozenset[str] = frozenset()


@dataclass
class Trace:
    """What a walk up a chain collects."""

    maps: dict[str, Tensor] = field(default_factory=dict)
    switches: dict[str, Tensor] = field(default_factory=dict)
    sizes: dict[str, tuple[int, ...]] = field(default_factory=dict)


def walk(chain: Chain, images: Tensor, keep: Collection[str], deepest: int, with_switches: bool) -> Trace:
    """Run the chain on images (B, 3, H, W) up to the step `deepest`, keeping the maps of the named layers."""
    trace, x = Trace(), images
    kept_at: dict[int, list[str]] = {}
    for name in keep:
        kept_at.setdefault(chain.taps[name], []).append(name)
    ours = False  # whether x is memory that nobody else looks at, so that a ReLU may overwrite it
    for position, step in enumerate(chain.steps[: deepest + 1]):
        before = x
        if isinstance(step.module, nn.ReLU):
            x = F.relu(x, inplace=ours)
        elif with_switches and isinstance(step.module, nn.MaxPool2d):
            x, index = _pool(step.module, x)
            trace.switches[step.name] = _places(index, step.module, before.shape[3])
        else:
            x = step.module(x)
        if x.untyped_storage().data_ptr() != before.untyped_storage().data_ptr():
            ours = True
        trace.sizes[step.name] = tuple(x.shape[1:])
        for name in kept_at.get(position, ()):
            trace.maps[name] = x
            ours = False
    return trace


def _pool(pool: nn.MaxPool2d, maps: Tensor) -> tuple[Tensor, Tensor]:
    """The pooled maps and, for each, the flat index of its maximum in the map below."""
    options = (pool.kernel_size, pool.stride, pool.padding, pool.dilation, pool.ceil_mode)
    pooled, index = F.max_pool2d(maps, *options, return_indices=True)
    return pooled, index


def _places(index: Tensor, pool: nn.MaxPool2d, width: int) -> Tensor:
    """Flat indices (B, C, h, w) into maps of that width as places in each window: a byte a switch instead of eight."""
    windows, (kernel, dilation) = sliding(pool), kernel_of(pool)
    assert windows is not None
    flat = index.to(torch.int32)  # a map has fewer than 2^31 places
    row = flat.div(width, rounding_mode="floor")
    column = flat.sub_(row, alpha=width)
    for axis, position in enumerate((row, column)):
        start = torch.arange(index.shape[2 + axis], device=index.device, dtype=torch.int32)
        start = start * windows.stride[axis] - windows.padding[axis]
        position -= start[:, None] if axis == 0 else start
        if dilation[axis] > 1:
            position.div_(dilation[axis], rounding_mode="floor")
    places = row.mul_(kernel[1]).add_(column)
    return places.to(torch.uint8) if kernel[0] * kernel[1] <= 256 else places


def kernel_of(pool: nn.MaxPool2d) -> tuple[tuple[int, int], tuple[int, int]]:
    """Kernel and dilation of a pool, each as rows and columns."""
    kernel, dilation = pool.kernel_size, pool.dilation
    return (
        (kernel, kernel) if isinstance(kernel, int) else (kernel[0], kernel[1]),
        (dilation, dilation) if isinstance(dilation, int) else (dilation[0], dilation[1]),
    )


def flat_index(places: Tensor, pool: nn.MaxPool2d, width: int) -> Tensor:
    """Places in windows (..., h, w) back to flat indices, int64, into maps of that width; windows start at (0, 0)."""
    windows, (kernel, dilation) = sliding(pool), kernel_of(pool)
    assert windows is not None
    rows, columns = (torch.arange(k, device=places.device) * d for k, d in zip(kernel, dilation, strict=True))
    within = (rows[:, None] * width + columns).flatten()
    top, left = (
        torch.arange(places.shape[axis - 2], device=places.device) * windows.stride[axis] - windows.padding[axis]
        for axis in (0, 1)
    )
    return within[places.int()].add_(top[:, None] * width + left)
