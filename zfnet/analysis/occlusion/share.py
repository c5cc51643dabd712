"""How much of a network's arithmetic a square leaves to be done."""

from __future__ import annotations

import math

from torch import Tensor

from zfnet.analysis.occlusion.gathering import is_pointwise
from zfnet.analysis.occlusion.rects import Rects
from zfnet.forward.graph import Convolution, FullyConnected, Graph, Node, Operation


def share_of_products(graph: Graph, corners: Tensor, size_px: int) -> float:
    """The part of the convolutions' and linear layers' products whose places a square changes, over squares (N, 2).

    What has no places is done whole, and so is all above it. Raises ValueError where the graph's answer is not known.
    """
    if graph.answer is None:
        raise ValueError("the network's answer is not computed from the image by known operations alone")
    image = graph.nodes[0].shape
    rects: dict[int, Rects | None] = {0: Rects.of_squares(corners, size_px, (image[-2], image[-1]))}
    changed = total = 0.0
    for position in sorted(graph.below(graph.answer))[1:]:
        node = graph.nodes[position]
        rects[position] = _above(node, [rects[source] for source in node.inputs])
        products = _products(node.operation, node.shape)
        here = rects[position]
        share = 1.0 if here is None else float(here.areas.float().mean()) / math.prod(node.shape[-2:])
        changed, total = changed + share * products, total + products
    return changed / total


def _above(node: Node, below: list[Rects | None]) -> Rects | None:
    known = [rects for rects in below if rects is not None]
    if len(known) < len(below):
        return None
    if is_pointwise(node.operation):
        return Rects.around(known)
    sliding = node.operation.sliding
    return None if sliding is None else known[0].through(sliding, (node.shape[-2], node.shape[-1]))


def _products(operation: Operation, shape: tuple[int, ...]) -> int:
    """How many products with its weights an operation takes for an output of that shape, (C, h, w) or (C,)."""
    if isinstance(operation, Convolution):
        return operation.weight.numel() * math.prod(shape[-2:])
    return operation.weight.numel() if isinstance(operation, FullyConnected) else 0
