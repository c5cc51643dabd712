"""Batch normalisation multiplied into the convolution below it, for passes that run often and need no switches."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from torch import Tensor

from zfnet.forward.graph import BatchNorm, Convolution, Graph, Operation, Pointwise

SAME = Pointwise(name="the same", call=lambda signal: signal)


def fused(graph: Graph, order: Iterable[int], apart: Collection[int]) -> tuple[dict[int, Operation], dict[int, int]]:
    """The operations of a graph with such convolutions in place of their own, and SAME in place of the normalisation.

    Also which convolution was fused with which normalisation: both then give what the latter gave. apart: nodes whose
    own output is asked for.
    """
    operations = {position: graph.nodes[position].operation for position in order}
    users: dict[int, list[int]] = {}
    for position in operations:
        for source in graph.nodes[position].inputs:
            users.setdefault(source, []).append(position)
    pairs = {}
    for position, above in users.items():
        conv, norm = operations[position], operations[above[0]]
        if len(above) == 1 and isinstance(conv, Convolution) and isinstance(norm, BatchNorm) and position not in apart:
            pairs[position] = above[0]
            operations[position], operations[above[0]] = _fuse(conv, norm), SAME
    return operations, pairs


def _fuse(conv: Convolution, norm: BatchNorm) -> Convolution:
    factor = norm.factor()  # (K,)
    shift = -norm.mean * factor if norm.bias is None else norm.bias - norm.mean * factor
    bias: Tensor = shift if conv.bias is None else shift + conv.bias * factor
    return replace(conv, weight=conv.weight * factor[:, None, None, None], bias=bias)
