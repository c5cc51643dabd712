"""Where the units of a layer look: receptive fields, and the windows of maps and pixels that belong to them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

Pair = tuple[int, int]  # rows, columns


@dataclass(frozen=True)
class Sliding:
    """The windows of a convolution or a pool: output place (r, c) sees `extent` places from r * stride - padding."""

    extent: Pair
    stride: Pair
    padding: Pair

    def size_below(self, size: Pair) -> Pair:
        """How many input places a window of `size` output places sees."""
        return _pair((size[i] - 1) * self.stride[i] + self.extent[i] for i in (0, 1))

    def corners_below(self, corners: Tensor) -> Tensor:
        """The first input place (N, 2) seen by windows that start at output places (N, 2)."""
        return corners * corners.new_tensor(self.stride) - corners.new_tensor(self.padding)


@dataclass(frozen=True)
class Field:
    """A layer's receptive field: unit (r, c) sees `size_px` pixels from offset_px + step_px * (r, c).

    ZFNet's conv5: size 139, step 16, offset -49. Parts of it may lie outside the image.
    """

    size_px: Pair = (1, 1)
    step_px: Pair = (1, 1)
    offset_px: Pair = (0, 0)

    def through(self, sliding: Sliding) -> Field:
        """The field of the layer above, whose windows slide over this one."""
        return Field(
            _pair(self.size_px[i] + (sliding.extent[i] - 1) * self.step_px[i] for i in (0, 1)),
            _pair(self.step_px[i] * sliding.stride[i] for i in (0, 1)),
            _pair(self.offset_px[i] - sliding.padding[i] * self.step_px[i] for i in (0, 1)),
        )

    def corners(self, places: Tensor) -> Tensor:
        """The first pixel (N, 2) that the units at places (N, 2) see: row, column, may be negative."""
        return places * places.new_tensor(self.step_px) + places.new_tensor(self.offset_px)


def _pair(values: Iterable[int]) -> Pair:
    first, second = values
    return first, second


def inside(corners: Tensor, size: Pair, bounds: Sequence[int]) -> Tensor:
    """Which places of windows at corners (N, 2) lie on a map of (H, W) = bounds: (N, 1, h, w), True inside."""
    within = []
    for axis in (0, 1):
        places = corners[:, axis, None] + torch.arange(size[axis], device=corners.device)  # (N, h), then (N, w)
        within.append((places >= 0) & (places < bounds[axis]))
    return (within[0][:, :, None] & within[1][:, None, :])[:, None]  # (N, 1, h, w)


def cut_windows(maps: Tensor, images: Tensor, corners: Tensor, size: Pair) -> Tensor:
    """Windows (N, C, h, w) of maps (B, C, H, W), of (h, w) = size; zero outside the maps.

    images (N,), corners (N, 2): window n is of maps[images[n]], its first row and column at corners[n].
    """
    windows = maps.new_zeros((len(corners), maps.shape[1], *size))  # (N, C, h, w)
    overlaps = _overlaps(corners, size, maps)
    for window, image, (on_map, on_window) in zip(windows, images.tolist(), overlaps, strict=True):
        window[:, *on_window] = maps[image][:, *on_map]
    return windows


def paste_windows(windows: Tensor, corners: Tensor, bounds: Sequence[int]) -> Tensor:
    """Maps (N, C, H, W) of size (H, W) = bounds that are zero but for windows (N, C, h, w) put at corners (N, 2)."""
    maps = windows.new_zeros((*windows.shape[:2], *bounds))  # (N, C, H, W)
    size = (windows.shape[2], windows.shape[3])
    for pasted, window, (on_map, on_window) in zip(maps, windows, _overlaps(corners, size, maps), strict=True):
        pasted[:, *on_map] = window[:, *on_window]
    return maps


def _overlaps(corners: Tensor, size: Pair, maps: Tensor) -> list[tuple[tuple[slice, slice], tuple[slice, slice]]]:
    """For each window, the places of the map under it and the places of the window over the map."""
    overlaps = []
    for corner in corners.tolist():
        on_map, on_window = [], []
        for start, length, bound in zip(corner, size, maps.shape[2:], strict=True):
            first, last = max(start, 0), max(min(start + length, bound), 0)
            first = min(first, last)
            on_map.append(slice(first, last))
            on_window.append(slice(first - start, last - start))
        overlaps.append(((on_map[0], on_map[1]), (on_window[0], on_window[1])))
    return overlaps
