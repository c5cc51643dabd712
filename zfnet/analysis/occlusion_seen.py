"""What is read off a forward pass during occlusion."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Seen:
    """Of N images: scores (N, classes) and the sum over each map of the layer, (N, maps)."""

    scores: Tensor
    sums: Tensor


def seen_in(layer: str, maps: Tensor, scores: Tensor) -> Seen:
    """Read off maps (N, maps, h, w), or units (N, units) as maps of one place, and scores (N, classes).

    Raises ValueError for other shapes.
    """
    if scores.ndim != 2:
        raise ValueError(f"the network returns {tuple(scores.shape)}; expected class scores (images, classes)")
    if maps.ndim not in (2, 4):
        raise ValueError(
            f"layer {layer!r} gives {tuple(maps.shape)}; expected maps (images, maps, rows, columns) or units "
            "(images, units)"
        )
    return Seen(scores, maps.sum((2, 3)) if maps.ndim == 4 else maps)
