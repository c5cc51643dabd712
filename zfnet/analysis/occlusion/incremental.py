"""Occlusion on chains of layers: only what the square changes is computed anew, on top of the clean maps.

A square changes a small rectangle of each lower layer's maps. The rectangles of many squares form one loose list of
places, without a batch's common shape, so that each layer computes what may have changed and no more: the values its
windows see are gathered from a table of clean and changed places.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from zfnet.analysis.occlusion.gathering import GATHERING, POINTWISE, Gathering, each_place, gathering, rows_of
from zfnet.analysis.occlusion.method import map_sums
from zfnet.analysis.occlusion.rects import Rects
from zfnet.forward import Chain, check_scores, slices_that_fit, sliding, walk

DENSE_FROM = 0.95  # where a larger share of the maps changes, whole maps cost no more
SHORTER = 4  # lists are so many times shorter than memory allows: on a CPU they then stay in its caches
LEAST_BYTES = 2**20  # what a square is taken to need on whole maps, so that a long sweep shows its progress


class IncrementalOcclusion:
    """The OcclusionMethod of a chain of layers."""

    def __init__(self, chain: Chain, layer: str) -> None:
        self.layer, self._tap, self._steps = layer, chain.taps[layer], chain.steps
        self._last = len(chain.steps) - 1
        self._layers: dict[int, Gathering] = {}
        self._clean: dict[int, Tensor] = {}

    def clean(self, image: Tensor) -> tuple[Tensor, Tensor]:
        self._clean = {-1: image[None]} | self._run(image[None], 0, range(len(self._steps)))
        scores = check_scores(self._clean[self._last])
        return scores[0], map_sums(self.layer, self._clean[self._tap])[0]

    def covered(self, canvas: Tensor, corners: Tensor, size_px: int, map_: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        corners, bounds = corners.to(canvas.device), (canvas.shape[1], canvas.shape[2])
        whole_from, list_bytes = self._plan(Rects.of_squares(corners, size_px, bounds))
        for part in slices_that_fit(len(corners), max(self._whole_bytes(whole_from), LEAST_BYTES), canvas.device):
            lists = [
                self._changed(canvas, Rects.of_squares(corners[part][short], size_px, bounds), whole_from, map_)
                for short in slices_that_fit(len(corners[part]), SHORTER * list_bytes, canvas.device)
            ]
            maps = torch.cat([whole for whole, _ in lists])  # (N, C, H, W)
            outputs = self._run(maps, whole_from, {self._last, self._tap} - set(range(whole_from)))
            if self._tap in outputs:
                activity = map_sums(self.layer, outputs[self._tap][:, map_[None]])[:, 0]  # (N, 1, h, w) to (N,)
            else:
                activity = torch.cat([sums for _, sums in lists])  # (N,)
            yield outputs[self._last], activity

    def _plan(self, squares: Rects) -> tuple[int, int]:
        """The first step that runs on whole maps, and about how many bytes one square's lists take before it."""
        rects, most = squares, 0
        for position, step in enumerate(self._steps):
            if isinstance(step.module, POINTWISE):
                continue
            windows = sliding(step.module)
            if windows is None or not isinstance(step.module, GATHERING):
                return position, most
            above = rects.through(windows, self._bounds(position))
            if above.areas.float().mean() > DENSE_FROM * above.bounds[0] * above.bounds[1]:
                return position, most
            if position not in self._layers:
                self._layers[position] = gathering(step.module, windows)
            layer = self._layers[position]
            channels, maps = self._clean[position - 1].shape[1], self._clean[position].shape[1]
            numbers = layer.holds(int(above.areas.max()), channels, maps) + 2 * int(rects.areas.max()) * channels
            most = max(most, int(numbers) * self._clean[-1].element_size())
            rects = above
        raise AssertionError("class scores have no places")

    def _changed(self, canvas: Tensor, squares: Rects, whole_from: int, map_: Tensor) -> tuple[Tensor, Tensor]:
        """The whole maps (N, C, H, W) that enter step `whole_from`; and the layer's activity (N,) if it came before."""
        rects, rows, sums = squares, rows_of(canvas[None]), canvas.new_empty(0)
        for position, step in enumerate(self._steps[:whole_from]):
            if position in self._layers:
                layer = self._layers[position]
                above = rects.through(layer.windows, self._bounds(position))
                rows = layer(self._table(position - 1, rows, layer.beyond), rects, above)  # (places, maps above)
                rects = above
            else:
                rows = each_place(step.module, rows)
            if position == self._tap:
                table = self._table(position, rows)[:, map_[None]]  # (rows, 1)
                sums = map_sums(self.layer, table[rects.everywhere()].permute(0, 3, 1, 2))[:, 0]  # (N, 1, h, w) to (N,)
        whole = self._table(whole_from - 1, rows)[rects.everywhere()]  # (N, H, W, C)
        return whole.permute(0, 3, 1, 2), sums

    def _table(self, position: int, changed: Tensor, beyond: float = 0.0) -> Tensor:
        """The table (rows, C) of Rects for the output of a step, whose changed places are `changed` (places, C)."""
        clean = rows_of(self._clean[position])
        return torch.cat([clean.new_full((1, clean.shape[1]), beyond), clean, changed])  # (1 + H * W + places, C)

    def _bounds(self, position: int) -> tuple[int, int]:
        return self._clean[position].shape[2], self._clean[position].shape[3]

    def _whole_bytes(self, start: int) -> int:
        """About how much memory an image takes from step `start` on."""
        largest = max(self._clean[position].numel() for position in range(start - 1, len(self._steps)))
        return 4 * largest * self._clean[-1].element_size()

    def _run(self, maps: Tensor, start: int, wanted: Iterable[int]) -> dict[int, Tensor]:
        """The outputs of the wanted steps for maps (N, C, H, W) that enter step `start`."""
        chain = Chain(self._steps[start:], {str(position): position - start for position in wanted})
        return {int(name): output for name, output in walk(chain, maps, chain.taps, chain.taps).items()}
