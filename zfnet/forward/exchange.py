"""Switches that are not the record's own: another image's, or drawn at random. What a picture owes to them shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from zfnet.forward.graph import Graph, MaxPool

Switches = Mapping[int, Tensor]


def taken_from(own: Switches, other: Switches, images: Sequence[int]) -> Switches:
    """The switches (B, C, h, w) of every node, of the other record's images number (B,).

    Raises ValueError where there are none, where the two are not of the same operations and sizes, and for images that
    the other has not.
    """
    _check(own)
    shapes, others = ({node: tuple(one.shape[1:]) for node, one in switches.items()} for switches in (own, other))
    if shapes != others:
        raise ValueError(
            f"the records differ in their pools: {shapes} and {others}, by node. Record images of one size, with one "
            "network and the same layers"
        )
    count, batch = (len(next(iter(switches.values()))) for switches in (other, own))
    if len(images) != batch or not all(0 <= image < count for image in images):
        raise ValueError(f"images={list(images)}: expected {batch} numbers from 0 to {count - 1}, one for each image")
    chosen = torch.as_tensor(images)
    return {node: one[chosen.to(one.device)] for node, one in other.items()}


def drawn_at_random(own: Switches, graph: Graph, generator: torch.Generator) -> Switches:
    """Switches (B, C, h, w) of every node that point anywhere in their windows with equal chance, never beyond the map.

    Raises ValueError where there are none.
    """
    _check(own)
    return {node: _draw(one, graph, node, generator) for node, one in own.items()}


def _draw(like: Tensor, graph: Graph, position: int, generator: torch.Generator) -> Tensor:
    node = graph.nodes[position]
    height, width = graph.nodes[node.inputs[0]].shape[-2:]
    pool = node.operation
    if not isinstance(pool, MaxPool):  # a global one: a place in the map
        return torch.randint(height * width, like.shape, generator=generator).to(like)
    rows, columns = (_first(length, pool, axis) for axis, length in enumerate(like.shape[2:]))
    places = torch.randint(pool.kernel[0] * pool.kernel[1], like.shape, generator=generator)
    while True:  # a window at the border has places outside the map: those are drawn again
        row = rows[:, None] + places.div(pool.kernel[1], rounding_mode="floor") * pool.dilation[0]
        column = columns + places % pool.kernel[1] * pool.dilation[1]
        beyond = (row < 0) | (row >= height) | (column < 0) | (column >= width)
        if not beyond.any():
            return places.to(like)
        places[beyond] = torch.randint(pool.kernel[0] * pool.kernel[1], (int(beyond.sum()),), generator=generator)


def _first(length: int, pool: MaxPool, axis: int) -> Tensor:
    """The first place of each of the windows along an axis, (length,)."""
    return torch.arange(length) * pool.stride[axis] - pool.padding[axis]


def _check(own: Switches) -> None:
    if not own:
        raise ValueError(
            "the record holds no switches: only those of Deconvnet(model), rule='deconvnet', have them, of layers that "
            "go down explicitly and have a max pool below"
        )
