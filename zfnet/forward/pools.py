"""Max pools that have found most of each map's maximum already, for those who look for it."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from zfnet.forward.graph import Graph, MaxPool, own_graph, pair
from zfnet.forward.layers import named_layers


def places_to_look(model: nn.Module, layers: Sequence[str]) -> dict[str, tuple[str, bool]]:
    """layer -> where to see its maps as a record keeps them: after a module, or (True) before a max pool.

    In our own networks the maps are the rectified ones. A pool that follows has found most of each maximum already.
    """
    names, graph = named_layers(model), own_graph(model)
    places = {}
    for layer in layers:
        module = names.module_of(layer)
        (node,) = graph.outputs.get(module) or [None]
        pool = None if node is None else _pool_after(node, graph, model)
        places[layer] = (module, False) if pool is None else (pool, True)
    return places


def _pool_after(node: int, graph: Graph, model: nn.Module) -> str | None:
    """The max pool that alone reads a node, and gives what it found and nothing else; None where there is none."""
    readers = [position for position, above in enumerate(graph.nodes) if node in above.inputs]
    if len(readers) != 1 or not isinstance(graph.nodes[readers[0]].operation, MaxPool):
        return None
    pool = graph.nodes[readers[0]].where
    gives = pool and graph.outputs[pool] == readers and type(model.get_submodule(pool)) is nn.MaxPool2d
    return pool if gives else None


def covers(pool: nn.Module, pooled: Tensor, maps: Tensor) -> bool:
    """Whether every place of the maps (B, C, H, W) lies in a window of the pool, which makes `pooled` of them."""
    assert isinstance(pool, nn.MaxPool2d)
    kernel, stride, padding, dilation = map(pair, (pool.kernel_size, pool.stride, pool.padding, pool.dilation))
    return all(
        stride[axis] <= kernel[axis]
        and (pooled.shape[2 + axis] - 1) * stride[axis] + kernel[axis] - padding[axis] >= maps.shape[2 + axis]
        and dilation[axis] == 1
        for axis in (0, 1)
    )
