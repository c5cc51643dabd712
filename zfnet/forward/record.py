"""One forward pass kept as a value: maps, pooling switches and sizes."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zfnet.forward.chain import Chain, sliding


@dataclass(frozen=True, kw_only=True)
class Record:
    """What a forward pass of B images left behind.

    maps: layer -> (B, C, H, W) or (B, C).
    switches: max pool -> (B, C, h, w), the place of each maximum within its window, counted row by row.
    sizes: layer -> the shape of its output without B.
    image_size: (3, H, W). batch: B.
    scores: the layers whose values are the class scores.
    unit_bytes: about how much memory the reverse pass of one unit needs.
    images: (B, 3, H, W), kept only where the reverse pass runs the network again.
    """

    maps: Mapping[str, Tensor]
    switches: Mapping[str, Tensor]
    sizes: Mapping[str, tuple[int, ...]]
    image_size: tuple[int, ...]
    batch: int
    scores: frozenset[str]
    unit_bytes: int
    images: Tensor | None = None


def record_chain(chain: Chain, images: Tensor, layers: Collection[str], keep: Collection[str]) -> Record:
    """Run images (B, 3, H, W) up to the deepest of the layers, with the switches on the way and the maps of `keep`."""
    switches: dict[str, Tensor] = {}
    sizes: dict[str, tuple[int, ...]] = {}
    maps = walk(chain, images, layers, keep, switches=switches, sizes=sizes)
    largest = max((math.prod(size) for size in sizes.values()), default=0) + math.prod(images.shape[1:])
    return Record(
        maps=maps,
        switches=switches,
        sizes=sizes | {tap: sizes[name] for tap, at in chain.taps.items() if (name := chain.steps[at].name) in sizes},
        image_size=tuple(images.shape[1:]),
        batch=len(images),
        scores=frozenset(tap for tap, at in chain.taps.items() if chain.gives_scores(at)),
        unit_bytes=4 * largest * images.element_size(),  # a signal, the one below it, indices and a copy
    )


def walk(
    chain: Chain,
    images: Tensor,
    layers: Collection[str],
    keep: Collection[str],
    *,
    switches: dict[str, Tensor] | None = None,
    sizes: dict[str, tuple[int, ...]] | None = None,
) -> dict[str, Tensor]:
    """Run images (B, 3, H, W) up to the deepest of the layers and return the maps of `keep`, as `Record.maps` are.

    switches, sizes: filled where they are given, as those of a Record.
    """
    maps: dict[str, Tensor] = {}
    deepest = max((chain.taps[layer] for layer in layers), default=-1)
    x, ours = images, False  # ours: whether nobody else looks at x, so that a ReLU may overwrite it
    for position, step in enumerate(chain.steps[: deepest + 1]):
        below = x
        if isinstance(step.module, nn.ReLU):
            x = F.relu(x, inplace=ours)
        elif switches is not None and isinstance(step.module, nn.MaxPool2d):
            x, index = _pool(step.module, x)  # (B, C, h, w) both
            switches[step.name] = _places(index, step.module, below.shape[3])
        else:
            x = step.module(x)  # (B, C, h, w); from flattening on (B, n)
        if x.untyped_storage().data_ptr() != below.untyped_storage().data_ptr():
            ours = True
        if sizes is not None:
            sizes[step.name] = tuple(x.shape[1:])
        for layer in keep:
            if chain.taps[layer] == position:
                maps[layer], ours = x, False
    return maps


def _pool(pool: nn.MaxPool2d, maps: Tensor) -> tuple[Tensor, Tensor]:
    """Maps (B, C, H, W) pooled, (B, C, h, w), and for each place the flat index of its maximum in the map below."""
    options = (pool.kernel_size, pool.stride, pool.padding, pool.dilation, pool.ceil_mode)
    pooled, index = F.max_pool2d(maps, *options, return_indices=True)
    return pooled, index


def _places(index: Tensor, pool: nn.MaxPool2d, width: int) -> Tensor:
    """Flat indices (B, C, h, w) into maps of that width as places in each window: a byte a switch instead of eight."""
    windows, (kernel, dilation) = sliding(pool), kernel_of(pool)
    assert windows is not None
    flat = index.to(torch.int32)  # a map has fewer than 2^31 places
    row = flat.div(width, rounding_mode="floor")  # (B, C, h, w) in the map below, as the column
    column = flat.sub_(row, alpha=width)
    for axis, position in enumerate((row, column)):
        start = torch.arange(index.shape[2 + axis], device=index.device, dtype=torch.int32)
        start = start * windows.stride[axis] - windows.padding[axis]  # (h,) of the windows, then (w,)
        position -= start[:, None] if axis == 0 else start
        if dilation[axis] > 1:
            position.div_(dilation[axis], rounding_mode="floor")
    places = row.mul_(kernel[1]).add_(column)  # (B, C, h, w) in the window
    return places.to(torch.uint8) if kernel[0] * kernel[1] <= 256 else places


def kernel_of(pool: nn.MaxPool2d) -> tuple[tuple[int, int], tuple[int, int]]:
    """Kernel and dilation of a pool, each as rows and columns."""
    kernel, dilation = pool.kernel_size, pool.dilation
    return (
        (kernel, kernel) if isinstance(kernel, int) else (kernel[0], kernel[1]),
        (dilation, dilation) if isinstance(dilation, int) else (dilation[0], dilation[1]),
    )


def flat_index(places: Tensor, pool: nn.MaxPool2d, width: int) -> Tensor:
    """Places in windows (B, C, h, w) back to flat indices (B, C, h, w), int64, into maps of that width."""
    windows = sliding(pool)
    assert windows is not None
    top, left = (
        torch.arange(places.shape[axis + 2], device=places.device) * windows.stride[axis] - windows.padding[axis]
        for axis in (0, 1)
    )
    within = within_window(pool, width, places.device).index_select(0, places.flatten().int())  # (B * C * h * w,)
    return within.view(places.shape).add_(top[:, None] * width + left)


def within_window(pool: nn.MaxPool2d, width: int, device: torch.device) -> Tensor:
    """The flat index of each of a window's k * l places, counted from its first, in a map of that width: (k * l,)."""
    rows, columns = (torch.arange(k, device=device) * d for k, d in zip(*kernel_of(pool), strict=True))
    return (rows[:, None] * width + columns).flatten()
