"""Batch normalisation multiplied into the convolution below it, for passes that run often and need no switches."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from torch import Tensor

from zfnet.forward.graph import BatchNorm, Convolution, Graph, Operation, Pointwise

SAME = Pointwise(name="the same", call=lambda signal: signal)


def fused(graph: Graph, order: Collection[int], apart: Collection[int]) -> tuple[dict[int, Operation], dict[int, int]]:
    """The operations of a graph with such convolutions in place of their own, and SAME in place of the normalisation.

    Also which convolution was fused with which normalisation: both then give what the latter gave. apart: nodes whose
    own output is asked for.
    """
    operations = {position: graph.nodes[position].operation for position in order}
    pairs = {conv: norm for conv, norm in graph.normalised(order).items() if conv not in apart}
    for conv, norm in pairs.items():
        operations[conv], operations[norm] = _fuse(operations[conv], operations[norm]), SAME
    return operations, pairs


def _fuse(conv: Operation, norm: Operation) -> Convolution:
    assert isinstance(conv, Convolution)
    assert isinstance(norm, BatchNorm)
    factor = norm.factor()  # (K,)
    shift = -norm.mean * factor if norm.bias is None else norm.bias - norm.mean * factor
    bias: Tensor = shift if conv.bias is None else shift + conv.bias * factor
    return replace(conv, weight=conv.weight * factor[:, None, None, None], bias=bias)
