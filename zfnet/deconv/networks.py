"""A network with the graphs of its passes, one for each size of image, and what its layers' names mean in them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from torch import Tensor, nn

from zfnet.forward import check_plain, fault_of, named_layers
from zfnet.forward.graph import Graph, own_graph, trace
from zfnet.models import undisturbed

SWITCHES = (bool, str)
PLAIN = (bool, str, int, float, tuple)


class TracedNetwork:
    """Traces a network when it must: on the images that it is given, or on its own size where nobody gave any.

    Raises ValueError for what is no network, and for compiled or scripted ones.
    """

    def __init__(self, model: nn.Module) -> None:
        check_plain(model)
        self.model, self.names, self._parts = model, named_layers(model), _parts_of(model)
        self._graphs: dict[tuple[int, ...], Graph] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Without the graphs in a pickle and a copy: they come anew."""
        return {**vars(self), "_graphs": {}}

    def look_again(self) -> None:
        """Forget what was learned, names too, where a module was replaced since, or set otherwise."""
        parts = _parts_of(self.model)
        if parts != self._parts:
            self.names, self._parts, self._graphs = named_layers(self.model), parts, {}

    def graph(self, images: Tensor) -> Graph:
        """That of a pass of images (B, 3, H, W) of this size. The network runs once on the first of them if need be.

        Of the network as it was when somebody looked last.
        """
        size, graphs = tuple(images.shape[1:]), self._graphs
        graph = graphs.get(size)
        if graph is None:
            with undisturbed(self.model):
                graph = trace(self.model, images[:1])
        # the last of the sizes now; another dictionary, as other threads may look into that one
        self._graphs = {**{other: one for other, one in graphs.items() if other != size}, size: graph}
        return graph

    def any_graph(self) -> Graph:
        """That of the last size, or of the network's own where it saw no images yet."""
        self.look_again()
        graphs = self._graphs
        if not graphs:
            graph = own_graph(self.model)
            graphs = self._graphs = {graph.nodes[0].shape: graph}
        return list(graphs.values())[-1]

    def node(self, layer: str) -> tuple[Graph, int | None]:
        """A graph and the node in it of a layer, with its maps as (C, H, W); None where it has none.

        Raises ValueError for a layer that is not there or cannot be asked for.
        """
        self.look_again()
        module = self.names.module_of(layer)
        graph = self.any_graph()
        if fault := fault_of(graph, module):
            raise ValueError(f"layer {layer!r} {fault}")
        return graph, graph.outputs[module][0]

    def modules(self, layers: Collection[str]) -> dict[str, str]:
        """layer -> dotted name of the module whose output it means."""
        return {layer: self.names.module_of(layer) for layer in layers}

    def layers(self) -> list[str]:
        """The convolutions and linear layers, without those that are known to give neither maps nor units."""
        try:
            graph = self.any_graph()
        except ValueError:  # it does not run on an image of its own size: images will tell
            return list(self.names.filters)
        return [layer for layer in self.names.filters if _gives_units(graph, self.names.modules[layer])]


def _parts_of(model: nn.Module) -> list[object]:
    """The modules of a network, and what each was set to, but for its mode.

    Numbers only of torch's own modules: others may count what they do.
    """
    found: list[object] = []
    for module in model.modules():
        found.append(module)
        kinds = PLAIN if type(module).__module__.startswith("torch.nn.") else SWITCHES
        for name, value in vars(module).items():
            if type(value) in kinds and name != "training":
                found.append(value)
    return found


def _gives_units(graph: Graph, module: str) -> bool:
    runs = graph.outputs.get(module, [])
    shapes = [graph.nodes[node].shape for node in runs if node is not None]
    return all(len(shape) in (1, 3) for shape in shapes) and "cannot be told" not in fault_of(graph, module)
