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

    def below(self, sliding: Sliding) -> Field:
        """Where the same units look in the maps below, when this is where they look in maps that slide over those."""
        return Field(
            sliding.size_below(self.size_px),
            _pair(self.step_px[i] * sliding.stride[i] for i in (0, 1)),
            _pair(self.offset_px[i] * sliding.stride[i] - sliding.padding[i] for i in (0, 1)),
        )

    def joined(self, other: Field) -> Field | None:
        """The smallest field that holds both; None where their steps differ."""
        if self.step_px != other.step_px:
            return None
        starts = _pair(min(self.offset_px[i], other.offset_px[i]) for i in (0, 1))
        ends = [max(field.offset_px[i] + field.size_px[i] for field in (self, other)) for i in (0, 1)]
        return Field(_pair(ends[i] - starts[i] for i in (0, 1)), self.step_px, starts)

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
    if maps.device.type != "cpu":
        index, within = _flat_places(corners.to(maps.device), size, maps.shape[2:])  # (N, h, w)
        index += images.to(maps.device)[:, None, None] * (maps.shape[2] * maps.shape[3])
        lines = maps.permute(0, 2, 3, 1).flatten(0, 2).index_select(0, index.flatten())  # (N * h * w, C)
        return lines.view(*index.shape, -1).permute(0, 3, 1, 2) * within[:, None]
    windows = maps.new_zeros((len(corners), maps.shape[1], *size))  # (N, C, h, w)
    overlaps = _overlaps(corners, size, maps)
    for window, image, (on_map, on_window) in zip(windows, images.tolist(), overlaps, strict=True):
        window[:, *on_window] = maps[image][:, *on_map]
    return windows


def paste_windows(windows: Tensor, corners: Tensor, bounds: Sequence[int]) -> Tensor:
    """Maps (N, C, H, W) of size (H, W) = bounds that are zero but for windows (N, C, h, w) put at corners (N, 2)."""
    maps = windows.new_zeros((*windows.shape[:2], *bounds))  # (N, C, H, W)
    size = (windows.shape[2], windows.shape[3])
    if maps.device.type != "cpu":
        index, within = _flat_places(corners.to(maps.device), size, bounds)  # (N, h, w)
        index = index.flatten(1)[:, None].expand(-1, maps.shape[1], -1)  # (N, C, h * w)
        maps.flatten(2).scatter_add_(2, index, (windows * within[:, None]).flatten(2))
        return maps
    for pasted, window, (on_map, on_window) in zip(maps, windows, _overlaps(corners, size, maps), strict=True):
        pasted[:, *on_map] = window[:, *on_window]
    return maps


def _flat_places(corners: Tensor, size: Pair, bounds: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Of windows at corners (N, 2) the flat places in maps of (H, W) = bounds, and which are there: (N, h, w) both."""
    rows, columns = (corners[:, axis, None] + torch.arange(size[axis], device=corners.device) for axis in (0, 1))
    rows, columns = rows.clamp(0, bounds[0] - 1), columns.clamp(0, bounds[1] - 1)  # (N, h) and (N, w)
    return rows[:, :, None] * bounds[1] + columns[:, None, :], inside(corners, size, bounds)[:, 0]


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
