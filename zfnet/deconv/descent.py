"""The reverse pass on the graph that a record holds, from the seeds of many units down to their pixels.

A single activation reaches only its receptive field, so many units of many images go down together, each on its own
small window of every map: exact, and many times less work for the lower layers. Where the windows have grown as large
as the maps, whole maps go on. Windows are held channels-last.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from zfnet.deconv.plan import Plan
from zfnet.deconv.reverse import shapes_below, spread, undo, unpool, unpool_windows
from zfnet.deconv.transposed import TransposedFilters
from zfnet.forward import Field, Pair, Record, cut_windows, inside, paste_windows
from zfnet.forward.graph import (
    AveragePool,
    BatchNorm,
    Convolution,
    GlobalMax,
    MapSlice,
    MaxPool,
    Normalisation,
    Rectifier,
)


@dataclass
class Arrived:
    """The signal that has come to a node so far. own: whether it may be changed in place."""

    values: Tensor
    own: bool


class Filters:
    """The transposed filters of the convolutions of one pass, made when they are first wanted."""

    def __init__(self) -> None:
        self._made: dict[tuple[object, ...], TransposedFilters] = {}

    def of(self, conv: Convolution, norm: BatchNorm | None, dtype: torch.dtype) -> TransposedFilters:
        """Those of a convolution, times the factors of the batch normalisation after it, if one is given."""
        factor = () if norm is None else (norm.eps, *_memory(norm.variance, norm.weight))
        key = (*_memory(conv.weight), *factor, conv.stride, conv.dilation, conv.groups, dtype)
        if key not in self._made:
            self._made[key] = TransposedFilters(conv, dtype, None if norm is None else norm.factor())
        return self._made[key]


class Descent:
    """The way of N units down. images (N,): whose switches each follows; places (N, 2): row and column of each unit."""

    def __init__(self, plan: Plan, record: Record, filters: Filters, images: Tensor, places: Tensor) -> None:
        self.plan, self.record, self.filters = plan, record, filters
        self.images, self.places = images, places
        self._lowest, self._highest = places.amin(0).tolist(), places.amax(0).tolist()
        self._arrived: dict[int, Arrived] = {}
        self._beyond: set[int] = set()  # nodes whose windows may hold something beyond the border of the maps

    def from_units(self, maps: Tensor, values: Tensor) -> Tensor:
        """Pixels (N, 3, h, w) of seeds values (N,), rectified already, in maps number (N,)."""
        nodes, top = self.plan.graph.nodes, self.plan.order[0]
        position = top
        while position in self.plan.windows:  # a single place a unit: nothing to hold yet
            operation = nodes[position].operation
            if isinstance(operation, Rectifier):
                values = values.clamp(min=0)
            elif isinstance(operation, BatchNorm) and nodes[position].inputs[0] not in self.plan.folded:
                values = values * operation.factor()[maps.to(values.device)].to(values.dtype)
            elif isinstance(operation, Convolution):
                norm = self.plan.folded.get(position)
                signal = self.filters.of(operation, norm, values.dtype).of_one_place(maps, values)
                self._deliver(position, 0, signal)
                return self._down(position)
            elif not isinstance(operation, Normalisation | BatchNorm):
                break
            position = nodes[position].inputs[0]
        signal = values.new_zeros((len(values), *self.plan.size(position)))  # (N, C, 1, 1), (N, C, h, w) or (N, C)
        order, (rows, columns) = torch.arange(len(values)), self.places.unbind(1)
        if position in self.plan.windows:
            rows = columns = torch.zeros_like(rows)
        signal[(order, maps, rows, columns)[: signal.ndim]] = values
        return self.from_signal(signal, position)

    def from_signal(self, signal: Tensor, position: int | None = None) -> Tensor:
        """Pixels (N, 3, h, w) of a signal (N, ...) at a node, the layer's own if none is given."""
        position = self.plan.order[0] if position is None else position
        self._arrived[position] = Arrived(signal, own=True)
        return self._down(position + 1)

    def _down(self, above: int) -> Tensor:
        """Through all nodes below the position `above`, to the pixels."""
        for position in self.plan.order:
            if position >= above:
                continue
            arrived = self._arrived.pop(position)
            if position in self._beyond and position in self.plan.windows:
                self._cut_off(position, arrived)
            if position == 0:
                return arrived.values
            self._undo(position, arrived)
        raise AssertionError("the images are below every layer")

    def _cut_off(self, position: int, arrived: Arrived) -> None:
        """Zeros beyond the border: what falls on a convolution's padding does not go further down."""
        field, bounds = self.plan.windows[position], self.plan.bounds(position)
        first, last = (
            [at[i] * field.step_px[i] + field.offset_px[i] for i in (0, 1)] for at in (self._lowest, self._highest)
        )
        if min(first) >= 0 and all(last[i] + field.size_px[i] <= bounds[i] for i in (0, 1)):
            return
        mask = inside(field.corners(self.places), field.size_px, bounds).to(arrived.values.device)
        arrived.values = arrived.values.mul_(mask) if arrived.own else arrived.values * mask
        arrived.own = True

    def _undo(self, position: int, arrived: Arrived) -> None:
        node, signal = self.plan.graph.nodes[position], arrived.values
        operation = node.operation
        match operation:
            case Convolution():
                filters = self.filters.of(operation, self.plan.folded.get(position), signal.dtype)
                self._deliver(position, 0, filters(signal))
            case MaxPool():
                self._deliver(position, 0, unpool_windows(operation, signal, self._switches(position)))
            case AveragePool():
                self._deliver(position, 0, spread(operation, signal * self._shares(operation, position, signal)))
            case GlobalMax():
                switches = self.record.switches[position].to(signal.device)[self.images.to(signal.device)]
                bounds = self.plan.bounds(node.inputs[0])
                self._deliver(position, 0, unpool(signal.reshape(switches.shape), switches, bounds))
            case MapSlice():
                self._deliver(position, 0, signal, maps=slice(operation.start, operation.stop), own=False)
            case BatchNorm() if node.inputs[0] in self.plan.folded:
                self._deliver(position, 0, signal, own=arrived.own)
            case Rectifier() if arrived.own:
                self._deliver(position, 0, signal.clamp_(min=0))
            case _:
                window = self.plan.windows.get(position)
                below = shapes_below(node, self.plan.graph.nodes, None if window is None else window.size_px)
                for number, values in enumerate(undo(operation, signal, below)):
                    own = values.untyped_storage().data_ptr() != signal.untyped_storage().data_ptr()
                    self._deliver(position, number, values, own=own or (arrived.own and len(below) == 1))

    def _switches(self, position: int) -> Tensor:
        """Of each unit's image and window, (N, C, h, w)."""
        switches, field = self.record.switches[position], self.plan.windows.get(position)
        if field is None:
            return switches[self.images.to(switches.device)]
        return cut_windows(switches, self.images, field.corners(self.places), field.size_px)

    def _shares(self, pool: AveragePool, position: int, like: Tensor) -> Tensor:
        """What each window's places get of its value, (h, w) or (N, 1, h, w)."""
        source = self.plan.graph.nodes[position].inputs[0]
        shares = pool.shares(self.plan.bounds(source), self.plan.bounds(position), like)  # (h, w)
        field = self.plan.windows.get(position)
        if field is None:
            return shares
        return cut_windows(shares[None, None], torch.zeros_like(self.images), field.corners(self.places), field.size_px)

    def _deliver(
        self, position: int, number: int, values: Tensor, *, maps: slice | None = None, own: bool = True
    ) -> None:
        """Add what a node gives to one of its inputs. maps: which maps of that input it is for."""
        node, field = self.plan.graph.nodes[position], self.plan.windows.get(position)
        source, sliding = node.inputs[number], node.operation.sliding
        if sliding is not None:
            self._beyond.add(source)
            whole = self.plan.bounds(position)
            field = (field or Field(whole, (0, 0), (0, 0))).below(sliding)
        target = self.plan.windows.get(source)
        if target is None:
            values, own = self._whole(values, field, source, own=own)
            within = (slice(None), slice(None))
        else:
            assert field is not None
            within = _part(target, field)
        self._add(source, values, own=own, maps=maps, within=within)

    def _whole(self, values: Tensor, field: Field | None, source: int, *, own: bool) -> tuple[Tensor, bool]:
        """Whole maps of a node from windows of them, or from more than them."""
        if field is None:
            return values, own
        bounds = self.plan.bounds(source)
        if field.step_px == (0, 0):
            if field == Field(bounds, (0, 0), (0, 0)):
                return values, own
            corner, size = field.offset_px, field.size_px
            if all(corner[i] <= 0 and corner[i] + size[i] >= bounds[i] for i in (0, 1)):
                return values[..., -corner[0] : bounds[0] - corner[0], -corner[1] : bounds[1] - corner[1]], own
        return paste_windows(values, field.corners(self.places), bounds), True

    def _add(self, source: int, values: Tensor, *, own: bool, maps: slice | None, within: tuple[slice, slice]) -> None:
        before = self._arrived.get(source)
        if before is None and maps is None and values.shape[1:] == self.plan.size(source):
            self._arrived[source] = Arrived(values, own)
            return
        if before is None:
            before = Arrived(self._zeros(source, values), own=True)
        elif not before.own:
            before = Arrived(before.values.clone(), own=True)
        self._arrived[source] = before
        part = before.values if maps is None else before.values[:, maps]
        if values.ndim >= 4:
            part = part[..., within[0], within[1]]
        part += values

    def _zeros(self, source: int, like: Tensor) -> Tensor:
        shape = (len(like), *self.plan.size(source))
        if len(shape) != 4:
            return like.new_zeros(shape)
        return torch.empty(shape, dtype=like.dtype, device=like.device, memory_format=torch.channels_last).zero_()


def _memory(*tensors: Tensor | None) -> tuple[object, ...]:
    """What tells numbers from others: a part of a tensor, and it transposed, begin at the same place in memory."""
    return tuple(one if one is None else (one.data_ptr(), one.shape, one.stride()) for one in tensors)


def _part(target: Field, field: Field) -> tuple[slice, slice]:
    """Where in a node's windows smaller ones lie."""
    starts: Pair = (field.offset_px[0] - target.offset_px[0], field.offset_px[1] - target.offset_px[1])
    return slice(starts[0], starts[0] + field.size_px[0]), slice(starts[1], starts[1] + field.size_px[1])
