"""What a way of computing occlusion must offer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import torch
from torch import Tensor


class OcclusionMethod(Protocol):
    """Runs a network on one image, first as it is and then with a square at many places."""

    layer: str

    def clean(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Of the image (3, H, W) itself: scores (classes,) and the sum over each of the layer's maps, (maps,).

        Raises ValueError unless the network returns scores (N, classes) and the layer maps or units.
        """
        ...

    def covered(self, canvas: Tensor, corners: Tensor, size_px: int, map_: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Of the same image with a square at corners (P, 2), in batches: scores (N, classes) and one map's sum (N,).

        canvas (3, H, W): what the square, of size_px, shows at each pixel. map_: the number of the layer's map, ().
        """
        ...


def map_sums(layer: str, maps: Tensor) -> Tensor:
    """Sums (N, maps) over the places of maps (N, maps, h, w), at least in float32; units (N, units) are themselves.

    Raises ValueError for other shapes.
    """
    wide = torch.promote_types(maps.dtype, torch.float32)
    if maps.ndim == 2:
        return maps.to(wide)
    if maps.ndim != 4:
        raise ValueError(
            f"layer {layer!r} gives {tuple(maps.shape)}; expected maps (images, maps, rows, columns) or units "
            "(images, units)"
        )
    return maps.sum((2, 3), dtype=wide)  # (N, maps)
