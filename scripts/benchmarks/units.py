"""What the benchmarks of projections share: images, units, and how far two results are apart."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

TOP, PX = 9, 224


def smooth_noise(count: int, seed: int) -> Tensor:
    """Images (count, 3, 224, 224) with structure at several scales, of unit variance."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.zeros(count, 3, PX, PX)
    for side in (7, 28, 112):
        noise = torch.randn(count, 3, side, side, generator=generator)
        images += F.interpolate(noise, size=(PX, PX), mode="bicubic", align_corners=False)
    return images / images.std()


def strongest(maps: Tensor) -> Tensor:
    """The strongest place of every map of (B, C, H, W) in its nine best images, as units (9 C, 4)."""
    value, place = maps.flatten(2).max(2)
    images = value.topk(min(TOP, len(maps)), 0).indices  # (9, C)
    numbers = torch.arange(maps.shape[1]).expand_as(images)
    places = place[images, numbers]
    rows, columns = places // maps.shape[3], places % maps.shape[3]
    return torch.stack([images, numbers, rows, columns], -1).flatten(0, 1)


def largest_difference(ours: Tensor, theirs: Tensor) -> float:
    """Of pixels (N, 3, H, W), relative to the largest pixel of each projection."""
    largest = theirs.abs().amax((1, 2, 3), keepdim=True)
    return float(((ours - theirs) / largest.clamp(min=1e-30)).abs().max())
