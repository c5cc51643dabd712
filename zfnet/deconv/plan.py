"""What of every map below a layer the reverse pass must hold for a unit: a window, or the whole map."""

from __future__ import annotations

import math
from dataclasses import dataclass

from zfnet.forward import BatchNorm, Convolution, Field, Graph, Pair


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The way down from a node.

    order: the nodes, the layer first and the images last. windows: of the nodes where a window is held which one, by
    the unit's place; of all others the whole output is held. folded: batch normalisations that are multiplied into the
    filters of the convolution below, by that convolution. largest: the most numbers held for a unit at once.
    """

    graph: Graph
    order: list[int]
    windows: dict[int, Field]
    folded: dict[int, BatchNorm]
    largest: int

    def size(self, position: int) -> tuple[int, ...]:
        """The shape of what is held of a node for each unit."""
        shape = self.graph.nodes[position].shape
        field = self.windows.get(position)
        return shape if field is None else (*shape[:-2], *field.size_px)

    def bounds(self, position: int) -> Pair:
        """Rows and columns of a node's maps."""
        shape = self.graph.nodes[position].shape
        return shape[-2], shape[-1]


def plan_of(graph: Graph, top: int, *, whole: bool) -> Plan:
    """The way down from a node that takes fewest products. whole: the seeds are whole maps, and so is all below.

    A transposed filter takes its products at each place of the signal above it, so a window pays as long as it has
    fewer places than the map. Where the signal of one user of a node is whole, so is the sum of them.
    """
    fields = {} if whole else graph.windows(top)
    order, windows, dense = graph.below(top), dict[int, Field](), set[int]()
    for position in order:
        node, field = graph.nodes[position], fields.get(position)
        local = node.operation.pointwise or node.operation.sliding is not None or position == 0
        many = field is None or math.prod(field.size_px) >= math.prod(node.shape[-2:])
        if field is None or many or not local or position in dense:
            dense.update((position, *node.inputs))
        else:
            windows[position] = field
    plan = Plan(graph=graph, order=order, windows=windows, folded=_folded(graph, order), largest=0)
    largest = max(math.prod(plan.size(position)) for position in order)
    return Plan(graph=graph, order=order, windows=windows, folded=plan.folded, largest=largest)


def _folded(graph: Graph, order: list[int]) -> dict[int, BatchNorm]:
    users: dict[int, list[int]] = {}
    for position in order:
        for source in graph.nodes[position].inputs:
            users.setdefault(source, []).append(position)
    folded = {}
    for position, above in users.items():
        norm = graph.nodes[above[0]].operation
        if len(above) == 1 and isinstance(graph.nodes[position].operation, Convolution) and isinstance(norm, BatchNorm):
            folded[position] = norm
    return folded
