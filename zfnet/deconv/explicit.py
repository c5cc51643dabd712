"""The explicit way down: plans and transposed filters that are kept between calls, and pieces that fit the caches."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from zfnet.deconv.descent import Descent, Filters
from zfnet.deconv.plan import Plan, plan_of
from zfnet.forward import WINDOW_BYTES, Record, slices_that_fit
from zfnet.forward.graph import Graph

Seeds = Callable[[slice | Tensor], Tensor]  # which of N -> signals (n, C, h, w) or (n, C)


class ExplicitReverse:
    """Reverse passes on the graphs of records of one network."""

    def __init__(self) -> None:
        self._filters: tuple[weakref.ref[Graph], Filters] | None = None
        self._last: tuple[weakref.ref[Record], int, Plan] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Nothing of what is kept between calls, in a pickle and a copy."""
        return vars(ExplicitReverse())

    def units(
        self, record: Record, layer: str, units: Tensor, values: Tensor, *, dtype: torch.dtype
    ) -> tuple[Tensor, Plan]:
        """Pixels (N, 3, h, w) in the type of the values, of what the plan holds of the images; and the plan.

        units (N, 4): image, map, row, column; values (N,): their seeds, rectified already; dtype: what signals and
        filters are on the way.
        """
        plan, filters = self._plan(record, layer), self._filters_of(record)
        pixels = values.new_empty((len(units), *plan.size(0)))
        for part in self._pieces(plan, len(units), values.device, dtype):
            images, maps = units[part, 0], units[part, 1]
            descent = Descent(plan, record, filters, images, units[part, 2:])
            pixels[part] = descent.from_units(maps, values[part].to(dtype))
        return pixels, plan

    def signals(self, record: Record, layer: str, images: Tensor, seeds: Seeds, *, like: Tensor) -> Tensor:
        """Pixels (N, 3, H, W), in the type of `like`, of seeds (slice -> (n, C, h, w) or (n, C)) of images (N,)."""
        plan, filters = plan_of(record.graph, record.nodes[layer], whole=True), self._filters_of(record)
        pixels = like.new_empty((len(images), *record.image_size))
        for part in self._pieces(plan, len(images), like.device, like.dtype):
            nowhere = torch.zeros((len(images[part]), 2), dtype=torch.int64)
            pixels[part] = Descent(plan, record, filters, images[part], nowhere).from_signal(seeds(part))
        return pixels

    def explain(self, graph: Graph, top: int | None) -> str:
        """The way that units of a node go down, and why."""
        if top is None:
            return "autograd: what leads to it is not calls of torch's functions alone"
        fault = graph.fault(top)
        if fault is not None:
            return f"autograd: {fault} has no explicit reverse"
        plan = plan_of(graph, top, whole=False)
        share = sum(position in plan.windows for position in plan.order) / len(plan.order)
        if 0 in plan.windows:
            rows, columns = plan.windows[0].size_px
            return f"windows: a unit sees {rows} x {columns} pixels"
        if share > 0:
            return f"explicit: a unit sees the whole image; windows on the upper {share:.0%} of the way"
        return "explicit: a unit sees the whole of every map below"

    def _pieces(self, plan: Plan, count: int, device: torch.device, dtype: torch.dtype) -> list[slice]:
        return list(slices_that_fit(count, plan.largest() * dtype.itemsize, device, WINDOW_BYTES))

    def _plan(self, record: Record, layer: str) -> Plan:
        node, last = record.nodes[layer], self._last  # read once: other threads may change it
        if last is None or last[0]() is not record or last[1] != node:
            last = self._last = weakref.ref(record), node, plan_of(record.graph, node, whole=False)
        return last[2]

    def _filters_of(self, record: Record) -> Filters:
        """Those of the pass that the record keeps, and no other's: its weights may have changed out of sight."""
        filters = self._filters
        if filters is None or filters[0]() is not record.graph:
            filters = self._filters = weakref.ref(record.graph), Filters()
        return filters[1]
