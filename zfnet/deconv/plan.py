"""What of every map below a layer the reverse pass must hold for a unit: a window, or the whole map."""

from __future__ import annotations

import math
from dataclasses import dataclass

from zfnet.forward import Field, Pair
from zfnet.forward.graph import BatchNorm, Graph


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The way down from a node.

    order: the nodes, the layer first and the images last. field: the layer's receptive field, None for the whole image.
    windows: of the nodes where a window is held which one, by the unit's place; of all others the whole output is held.
    folded: batch normalisations that are multiplied into the filters of the convolution below, by that convolution.
    """

    graph: Graph
    order: list[int]
    field: Field | None
    windows: dict[int, Field]
    folded: dict[int, BatchNorm]

    def size(self, position: int) -> tuple[int, ...]:
        """The shape of what is held of a node for each unit."""
        shape = self.graph.nodes[position].shape
        field = self.windows.get(position)
        return shape if field is None else (*shape[:-2], *field.size_px)

    def largest(self) -> int:
        """The most numbers that are held of a node for a unit."""
        return max(math.prod(self.size(position)) for position in self.order)

    def bounds(self, position: int) -> Pair:
        """Rows and columns of a node's maps."""
        shape = self.graph.nodes[position].shape
        return shape[-2], shape[-1]


def plan_of(graph: Graph, top: int, *, whole: bool) -> Plan:
    """The way down from a node that takes fewest products. whole: the seeds are whole maps, and so is all below.

    A transposed filter takes its products at each place of the signal above it, so a window pays as long as it has
    fewer places than the map. Where the signal of one user of a node is whole, so is the sum of them.
    """
    fields = graph.windows(top)
    order, windows, dense = graph.below(top), dict[int, Field](), set[int]()
    for position in order:
        node, field = graph.nodes[position], fields[position]
        local = node.operation.pointwise or node.operation.sliding is not None or position == 0
        many = whole or field is None or math.prod(field.size_px) >= math.prod(node.shape[-2:])
        if field is None or many or not local or position in dense:
            dense.update((position, *node.inputs))
        else:
            windows[position] = field
    folded = {conv: graph.nodes[norm].operation for conv, norm in graph.normalised(order).items()}
    norms = {conv: norm for conv, norm in folded.items() if isinstance(norm, BatchNorm)}
    return Plan(graph=graph, order=order, field=fields[0], windows=windows, folded=norms)
