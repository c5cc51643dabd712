"""A network as a graph of operations, as one pass recorded it: what lies below a layer, and where its units look."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from zfnet.forward import Field
from zfnet.forward.graph.arrangements import IRREVERSIBLE, BatchNorm, Permutation, Reshape, Softmax
from zfnet.forward.graph.operations import Convolution, FullyConnected, Node, Operation, Unknown

FIRST, LAST = "maps first", "maps last"  # (B, C, H, W), or (B, H, W, C)


@dataclass(frozen=True, kw_only=True)
class Graph:
    """The operations from the images up, in the order they ran.

    outputs: dotted name of a module -> the node of its output, for each time that it ran; None where that is not one
    tensor that came from the images by calls of torch's functions.
    returned: for each module that gave something else than a tensor the name of its type.
    overwritten: modules whose output something changed in place afterwards.
    answer: the node of what the network returned; None where nobody knows.
    reads: whether the network read numbers that it computed from the images, so that others may make it do otherwise.
    """

    nodes: Sequence[Node]
    outputs: Mapping[str, Sequence[int | None]]
    returned: Mapping[str, str]
    overwritten: frozenset[str]
    answer: int | None
    reads: bool = False

    def numbers(self) -> int:
        """How many numbers the outputs of all operations hold together for one image."""
        return sum(math.prod(node.shape) for node in self.nodes)

    def below(self, top: int) -> list[int]:
        """The nodes from which that of a layer is computed, itself the first and the images the last."""
        met, found = {top}, []
        for position in range(top, -1, -1):
            if position in met:
                found.append(position)
                met.update(self.nodes[position].inputs)
        return found

    def users(self, positions: Collection[int]) -> dict[int, list[int]]:
        """Of every node that one of some nodes reads those that do."""
        found: dict[int, list[int]] = {}
        for position in positions:
            for source in self.nodes[position].inputs:
                found.setdefault(source, []).append(position)
        return found

    def normalised(self, positions: Collection[int]) -> dict[int, int]:
        """Of the convolutions among some nodes that one batch normalisation alone reads, which one."""
        return {
            conv: above[0]
            for conv, above in self.users(positions).items()
            if len(above) == 1
            and isinstance(self.nodes[conv].operation, Convolution)
            and isinstance(self.nodes[above[0]].operation, BatchNorm)
        }

    def windows(self, top: int) -> dict[int, Field | None]:
        """Of every node below: which places of it a unit of the node `top` sees, in place of pixels.

        None where that is every place, or might be, or where it is not the same for every unit.
        """
        fields: dict[int, Field | None] = {top: Field() if len(self.nodes[top].shape) == 3 else None}
        for position in self.below(top):
            node = self.nodes[position]
            for source in node.inputs:
                field = _through(node.operation, fields[position])
                before = fields.get(source, field)
                fields[source] = before.joined(field) if before is not None and field is not None else None
        return fields

    def fault(self, top: int) -> str | None:
        """The first operation on the way to a node that has no reverse, by name and module; None where each has one."""
        for position in reversed(self.below(top)):
            node = self.nodes[position]
            if isinstance(node.operation, IRREVERSIBLE):
                return described(node)
        return None

    def without_fault(self, nodes: Mapping[str, int | None]) -> frozenset[str]:
        """Of layers and their nodes those below which every operation has a reverse."""
        return frozenset(layer for layer, node in nodes.items() if node is not None and self.fault(node) is None)

    def scores(self) -> list[int]:
        """The nodes whose values are the class scores, in some shape: what is returned, or what a softmax got."""
        found: list[int] = []
        position = self.answer if self.answer is not None and len(self.nodes[self.answer].shape) == 1 else None
        while position is not None:
            node = self.nodes[position]
            if isinstance(node.operation, Softmax):
                found.clear()
            else:
                found.append(position)
            if not isinstance(node.operation, Softmax | Reshape):
                break
            position = node.inputs[0]
        return found

    def gives_probabilities(self) -> bool:
        """Whether the network ends in a softmax, so that it returns probabilities in place of scores."""
        position = self.answer
        while position is not None and isinstance(operation := self.nodes[position].operation, Softmax | Reshape):
            if isinstance(operation, Softmax):
                return not operation.log
            position = self.nodes[position].inputs[0]
        return False

    def layout(self, top: int) -> str | None:
        """Which dimension of a node's (B, ..., ..., ...) counts its maps: FIRST, LAST or, if nobody can tell, None."""
        layouts: dict[int, str | None] = {0: FIRST}
        for position in reversed(self.below(top)):
            if position:
                node = self.nodes[position]
                layouts[position] = _layout(node, [(self.nodes[i], layouts[i]) for i in node.inputs])
        return layouts[top]

    def turned(self, top: int) -> tuple[Graph, int]:
        """The graph with a node that gives a node's maps (B, H, W, C) as (B, C, H, W), and that node."""
        height, width, maps = self.nodes[top].shape
        turn = Permutation(name="permute", order=(0, 3, 1, 2))
        node = Node(operation=turn, inputs=(top,), shape=(maps, height, width), where=self.nodes[top].where)
        return replace(self, nodes=[*self.nodes, node]), len(self.nodes)


def described(node: Node) -> str:
    """An operation for a message: its name, what is odd about it, and its module."""
    reason = f" {node.operation.reason}" if isinstance(node.operation, Unknown) and node.operation.reason else ""
    return f"{node.operation.name}{reason}" + (f" in layer {node.where!r}" if node.where else "")


def _through(operation: Operation, field: Field | None) -> Field | None:
    if field is None or operation.pointwise:
        return field
    return None if operation.sliding is None else field.below(operation.sliding)


def _layout(node: Node, inputs: list[tuple[Node, str | None]]) -> str | None:
    operation = node.operation
    if operation.pointwise and inputs[0][1] == FIRST and isinstance(operation, Reshape | Permutation):
        return FIRST  # a channel shuffle: rows and columns stay last
    if len(node.shape) != 3:
        return None
    if isinstance(operation, FullyConnected):
        return LAST
    if isinstance(operation, Convolution) or operation.sliding is not None:
        return FIRST
    if isinstance(operation, Permutation):
        turns: dict[tuple[tuple[int, ...], str], str] = {((0, 2, 3, 1), FIRST): LAST, ((0, 3, 1, 2), LAST): FIRST}
        return turns.get((operation.order, inputs[0][1] or ""))
    alike = [layout for source, layout in inputs if layout is not None and source.shape == node.shape]
    if alike:
        return alike[0]
    known = [layout for source, layout in inputs if len(source.shape) == 3]
    if known:
        return known[0] if len(set(known)) == 1 else None
    return FIRST if all(len(source.shape) == 1 for source, _ in inputs) else None
