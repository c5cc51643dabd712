"""Which layer's strongest map occlusion watches where nobody names one."""

from __future__ import annotations

from collections.abc import Mapping

from zfnet.forward import Convolution, FullyConnected, Graph, Sum, fault_of


def last_convolution(graph: Graph, kind: str) -> str:
    """The last convolution on every path to the scores, by its module's name.

    That is not one branch of several, nor one whose maps are the classes. Of a sum the shortcut is no path: the inputs
    with fewer convolutions under them are left out. Where there is none, the last convolution that runs.
    Raises ValueError for networks without a convolution that runs as a module.
    """
    named = {
        runs[0]: module
        for module, runs in graph.outputs.items()
        if runs[0] is not None
        and isinstance(graph.nodes[runs[0]].operation, Convolution)
        and graph.nodes[runs[0]].where == module
        and not fault_of(graph, module)
    }
    if not named:
        raise ValueError(f"{kind} has no convolution that runs: name a layer")
    if graph.answer is None:
        return named[max(named)]
    edges = _without_shortcuts(graph, graph.answer)
    on_all = [position for position in named if position in edges and not _is_passed_by(position, edges)]
    candidates = [position for position in on_all if not _gives_classes(graph, position, edges)]
    return named[max(candidates or on_all or named)]


def _without_shortcuts(graph: Graph, answer: int) -> dict[int, list[int]]:
    """Of every node on the way to the answer its inputs, of sums only those with most convolutions under them."""
    depth: list[int] = []
    inputs: list[list[int]] = []
    for node in graph.nodes:
        sources = list(node.inputs)
        if isinstance(node.operation, Sum):
            sources = [source for source in sources if depth[source] == max(depth[other] for other in sources)]
        inputs.append(sources)
        depth.append(max((depth[source] for source in sources), default=0) + isinstance(node.operation, Convolution))
    kept, waiting = dict[int, list[int]](), [answer]
    while waiting:
        position = waiting.pop()
        if position not in kept:
            kept[position] = inputs[position]
            waiting += inputs[position]
    return kept


def _is_passed_by(position: int, edges: Mapping[int, list[int]]) -> bool:
    """Whether some path leads from below a node to above it, past it: nodes are in the order they ran."""
    return any(source < position < user for user, sources in edges.items() for source in sources)


def _gives_classes(graph: Graph, position: int, edges: Mapping[int, list[int]]) -> bool:
    """Whether a convolution's maps are the classes: as many, and no weights after it."""
    assert graph.answer is not None
    weights = (Convolution, FullyConnected)
    after = any(isinstance(graph.nodes[other].operation, weights) for other in edges if other > position)
    return not after and graph.nodes[position].shape[0] == graph.nodes[graph.answer].shape[0]
