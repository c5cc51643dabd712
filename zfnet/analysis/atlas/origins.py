"""Which maps of which layers a convolution or linear layer reads, channel by channel, by the graph of the network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from zfnet.forward.graph import (
    Concatenation,
    Convolution,
    FullyConnected,
    Graph,
    Linear,
    MapSlice,
    Node,
    Permutation,
    Reshape,
    Sum,
    Unknown,
    own_graph,
)

Channels = list[tuple[str, int]] | str  # of each channel its layer and map; or why that cannot be said
SUM = "it reads a sum of several layers, in which no channel is one map's"
PIXELS = "it reads the pixels"


@dataclass(frozen=True)
class Origin:
    """What a layer reads. layers: those below. source (C, 2): for each input channel the layer's place and its map.

    why: in words, where that is not known; source is empty then.
    """

    layers: tuple[str, ...] = ()
    source: tuple[tuple[int, int], ...] = ()
    why: str = ""


def origins_of(model: nn.Module, layers: Sequence[str]) -> dict[str, Origin]:
    """For each of the layers that is a Conv2d or Linear what it reads; only `layers` count as such, and no others.

    Raises ValueError where the network does not run on an image of its own size.
    """
    graph = own_graph(model)
    channels: list[Channels] = [PIXELS]
    found: dict[str, Origin] = {}
    for node in graph.nodes[1:]:
        below = [channels[source] for source in node.inputs]
        if isinstance(node.operation, Convolution | FullyConnected):
            if node.where in layers:
                found[node.where] = _origin(model.get_submodule(node.where), below[0])
            channels.append(_of_filters(node, layers))
        else:
            channels.append(_through(graph, node, below))
    return {layer: found.get(layer, Origin(why="it does not run as a convolution or linear layer")) for layer in layers}


def _of_filters(node: Node, layers: Sequence[str]) -> Channels:
    if node.where not in layers:
        return f"between them lies {node.where or node.operation.name}, which the atlas does not show"
    count = node.shape[0] if isinstance(node.operation, Convolution) else node.shape[-1]
    return [(node.where, number) for number in range(count)]


def _through(graph: Graph, node: Node, below: list[Channels]) -> Channels:
    """What each output channel of an operation is that has no filters."""
    words = [channels for channels in below if isinstance(channels, str)]
    known = [channels for channels in below if not isinstance(channels, str)]
    operation, shape = node.operation, graph.nodes[node.inputs[0]].shape
    if isinstance(operation, Sum):
        return SUM
    if words:
        return words[0]
    if isinstance(operation, Concatenation):
        return [channel for channels in known for channel in channels]
    if isinstance(operation, MapSlice):
        return known[0][operation.start : operation.stop]
    flattened = isinstance(operation, Reshape) and len(shape) == 3 and len(node.shape) == 1  # map by map
    kept = node.shape[0] == shape[0] and not isinstance(operation, Unknown | Permutation)
    places = operation.pointwise or operation.sliding is not None or isinstance(operation, Linear)
    if len(known) == 1 and (flattened or (kept and places) or node.shape == shape[:1]):
        return known[0]
    return f"it reads the output of {operation.name}"


def _origin(module: nn.Module, channels: Channels) -> Origin:
    assert isinstance(module, nn.Conv2d | nn.Linear)
    if isinstance(channels, str):
        return Origin(why=channels)
    if isinstance(module, nn.Conv2d) and module.padding_mode != "zeros":
        return Origin(why=f"its padding is {module.padding_mode}")
    wanted = module.in_channels if isinstance(module, nn.Conv2d) else module.in_features
    if wanted % len(channels) or (wanted != len(channels) and isinstance(module, nn.Conv2d)):
        return Origin(why=f"it reads {wanted} numbers of {len(channels)} maps")
    names = tuple(dict.fromkeys(layer for layer, _ in channels))
    return Origin(layers=names, source=tuple((names.index(layer), number) for layer, number in channels))
