"""Which part of every map a square changes, and where its values lie in a table of clean and changed places."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from zfnet.forward import Pair, Sliding

NOWHERE = -(2**30)  # twice this still fits into int32


@dataclass(frozen=True, kw_only=True)
class Rects:
    """On maps of (H, W) = bounds, one rectangle for each of N squares: the places that may differ from the clean map.

    start, stop: (2, N) first rows and columns, and the first ones outside. first, pitch: (N,).

    The maps' values are rows of a table (places, channels): one for what lies beyond the border, then the H * W clean
    places, then the rectangles' places, one rectangle after the other, line by line. Rectangle n begins first[n] rows
    after the clean ones, its lines pitch[n] rows apart. All numbers are int32. memory: what was asked of them before.
    """

    start: Tensor
    stop: Tensor
    bounds: Pair
    first: Tensor
    pitch: Tensor
    memory: dict[Hashable, Any] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, start: Tensor, stop: Tensor, bounds: Pair) -> Rects:
        """Rectangles from start to stop, (2, N), with a row of the table for each place of each."""
        first = _before((stop - start).prod(0))
        return cls(start=start, stop=stop, bounds=bounds, first=first, pitch=stop[1] - start[1])

    @classmethod
    def of_squares(cls, corners: Tensor, size_px: int, bounds: Pair) -> Rects:
        """Squares at corners (N, 2) that show a canvas of the image's size, which the table holds whole."""
        start = corners.T.int()  # (2, N)
        first = start[0] * bounds[1] + start[1]  # (N,)
        pitch = torch.full_like(first, bounds[1])
        return cls(start=start, stop=start + size_px, bounds=bounds, first=first, pitch=pitch)

    @classmethod
    def around(cls, several: Sequence[Rects]) -> Rects:
        """What may change where maps of one size are joined: the smallest rectangles that hold those of each."""
        first = several[0]
        if all(rects is first or rects.same_as(first) for rects in several[1:]):
            return first
        start, stop = first.start, first.stop
        for rects in several[1:]:
            none, empty = (stop <= start).any(0), (rects.stop <= rects.start).any(0)  # (N,)
            smaller = torch.where(empty, start, torch.where(none, rects.start, start.minimum(rects.start)))
            stop = torch.where(empty, stop, torch.where(none, rects.stop, stop.maximum(rects.stop)))
            start = smaller
        return cls.of(start, stop, first.bounds)

    def same_as(self, other: Rects) -> bool:
        """Whether both are the same rectangles, one after the other in the table."""
        return torch.equal(self.start, other.start) and torch.equal(self.stop, other.stop)

    def __len__(self) -> int:
        return self.start.shape[1]

    @property
    def areas(self) -> Tensor:
        """How many places each rectangle has, (N,)."""
        return (self.stop - self.start).prod(0)

    def remembered(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """What `make` gives, made once: branches of a network ask the same of the same rectangles."""
        if key not in self.memory:
            self.memory[key] = make()
        return self.memory[key]

    def through(self, sliding: Sliding, bounds: Pair) -> Rects:
        """What may change above: the places of maps of (H, W) = bounds whose windows meet the rectangles."""
        found: Rects = self.remembered(("through", sliding, bounds), lambda: self._through(sliding, bounds))
        return found

    def _through(self, sliding: Sliding, bounds: Pair) -> Rects:
        extent, stride, padding = (
            self.start.new_tensor(pair)[:, None] for pair in (sliding.extent, sliding.stride, sliding.padding)
        )
        limit = self.start.new_tensor(bounds)[:, None]
        start = (self.start + padding - extent).div(stride, rounding_mode="floor") + 1
        stop = (self.stop - 1 + padding).div(stride, rounding_mode="floor") + 1
        start = start.clamp(min=0).minimum(limit)
        return Rects.of(start, stop.minimum(limit).maximum(start), bounds)

    def tiles(self, side: int) -> tuple[Tensor, Tensor, Tensor]:
        """The rectangles cut into squares of side x side places, of which the last ones may stick out.

        Returns the rectangle's number, the first row and the first column of each tile, (T,) each. With side 1: the
        rectangles' places in the table's order.
        """
        found: tuple[Tensor, Tensor, Tensor] = self.remembered(("tiles", side), lambda: self._tiles(side))
        return found

    def _tiles(self, side: int) -> tuple[Tensor, Tensor, Tensor]:
        across = _up(self.stop - self.start, side)  # (2, N)
        counts = across.prod(0)  # (N,)
        number = torch.arange(len(self), device=counts.device).repeat_interleave(counts)
        within = torch.arange(len(number), device=counts.device, dtype=torch.int32) - _before(counts)[number]
        line = within // across[1][number]
        along = within - line * across[1][number]
        return number, self.start[0][number] + line * side, self.start[1][number] + along * side

    def in_tiles(self, side: int) -> Tensor:
        """For each place (M,) of the rectangles its row in a table (side * side * T) of the tiles' places."""
        across = _up(self.stop - self.start, side)  # (2, N)
        counts = across.prod(0)  # (N,)
        number, rows, columns = self.tiles(1)
        rows, columns = rows - self.start[0][number], columns - self.start[1][number]
        tile = _before(counts)[number] + rows // side * across[1][number] + columns // side
        return (rows % side * side + columns % side) * counts.sum() + tile

    def everywhere(self) -> Tensor:
        """Rows of the table (N, H, W) for every place of each square's maps."""
        number = torch.arange(len(self), device=self.start.device)
        rows, columns = (
            torch.arange(bound, device=number.device, dtype=torch.int32)[:, None].expand(-1, len(self))
            for bound in self.bounds
        )
        return self.lookup(number, rows, columns).permute(2, 0, 1)  # (H, W, N) to (N, H, W)

    def lookup(self, number: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """Rows of the table (a, b, M) for the places rows (a, M) x columns (b, M) of squares number (M,)."""
        (top, left), (bottom, right) = self.start[:, number], self.stop[:, number]  # (M,) each
        height, width = self.bounds
        changed_from = self.first[number] + (height * width + 1)
        changed = _where(rows, top, bottom, (rows - top) * self.pitch[number] + changed_from)[:, None] + _where(
            columns, left, right, columns - left
        )
        clean = _where(rows, 0, height, rows * width + 1)[:, None] + _where(columns, 0, width, columns)  # (a, b, M)
        return torch.maximum(changed, clean, out=changed).clamp_(min=0)  # changed rows come after the clean ones


def _where(places: Tensor, start: Tensor | int, stop: Tensor | int, values: Tensor) -> Tensor:
    return torch.where((places >= start) & (places < stop), values, NOWHERE)


def _up(size: Tensor, side: int) -> Tensor:
    return (size + (side - 1)) // side


def _before(counts: Tensor) -> Tensor:
    """How many come before each."""
    return (counts.cumsum(0) - counts).int()
