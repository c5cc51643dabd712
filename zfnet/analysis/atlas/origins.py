"""Which maps of which layers a convolution or linear layer reads, channel by channel, as torch.fx records it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch.nn.functional as F
from torch import fx, nn

from zfnet.models import ContrastNorm, evaluating

KEEPS = (  # modules whose channel c is made of channel c alone, or (contrast normalisation) mostly
    nn.ReLU, nn.ReLU6, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.Dropout, nn.Dropout2d,
    nn.Identity, nn.BatchNorm2d, nn.LocalResponseNorm, ContrastNorm, nn.Flatten, nn.Hardswish, nn.SiLU, nn.GELU,
)  # fmt: skip
KEEPING = ("relu", "relu_", "relu6", "max_pool2d", "avg_pool2d", "adaptive_avg_pool2d", "flatten", "dropout",
           "contiguous", "boolean_dispatch", "local_response_norm")  # fmt: skip
SUM = "it reads a sum of several layers, in which no channel is one map's"
PIXELS = "it reads the pixels"


class _Tracer(fx.Tracer):
    """Looks into no module whose channels are known."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, KEEPS) or super().is_leaf_module(m, module_qualified_name)


@dataclass(frozen=True)
class Origin:
    """What a layer reads. layers: those below. source (C, 2): for each input channel the layer's place and its map.

    why: in words, where that is not known; source is empty then.
    """

    layers: tuple[str, ...] = ()
    source: tuple[tuple[int, int], ...] = ()
    why: str = ""


def origins_of(model: nn.Module, layers: Sequence[str]) -> dict[str, Origin]:
    """For each of the layers that is a Conv2d or Linear what it reads; only `layers` count as such, and no others."""
    with evaluating(model):
        try:
            graph = _Tracer().trace(model)
        except Exception as error:  # the network's own code runs on placeholders, and may do anything with them
            why = f"torch.fx cannot follow the network ({type(error).__name__})"
            return {layer: Origin(why=why) for layer in layers}
    channels: dict[fx.Node, list[tuple[str, int]] | str] = {}
    found: dict[str, Origin] = {}
    for node in graph.nodes:
        if node.op == "placeholder":
            channels[node] = PIXELS
        elif node.op in ("call_module", "call_function", "call_method"):
            channels[node] = _through(model, node, channels, layers, found)
    return {layer: found.get(layer, Origin(why="torch.fx does not come by it")) for layer in layers}


def _through(
    model: nn.Module, node: fx.Node, channels: dict[fx.Node, Any], layers: Sequence[str], found: dict[str, Origin]
) -> list[tuple[str, int]] | str:
    """What each output channel of an operation is; a word where that cannot be said."""
    inputs = [channels[one] for one in node.all_input_nodes if one in channels]
    module = model.get_submodule(str(node.target)) if node.op == "call_module" else None
    name = getattr(node.target, "__name__", str(node.target))
    if isinstance(module, nn.Conv2d | nn.Linear):
        layer = str(node.target)
        if layer not in layers:
            return f"between them lies {layer}, which the atlas does not show"
        found[layer] = _origin(module, inputs[0] if inputs else "its input is unknown")
        count = module.out_channels if isinstance(module, nn.Conv2d) else module.out_features
        return [(layer, number) for number in range(count)]
    if not inputs:
        return "it reads what no layer made"
    if isinstance(module, KEEPS) or (module is None and (name in KEEPING or node.target is F.max_pool2d)):
        return inputs[0]
    if name in ("cat", "concat"):
        words = [one for one in inputs if isinstance(one, str)]
        return words[0] if words else [channel for one in inputs for channel in one]
    if name in ("add", "iadd", "add_"):
        return SUM
    return f"it reads the output of {name if module is None else type(module).__name__}"


def _origin(module: nn.Conv2d | nn.Linear, channels: list[tuple[str, int]] | str) -> Origin:
    if isinstance(channels, str):
        return Origin(why=channels)
    if isinstance(module, nn.Conv2d) and module.padding_mode != "zeros":
        return Origin(why=f"its padding is {module.padding_mode}")
    wanted = module.in_channels if isinstance(module, nn.Conv2d) else module.in_features
    if wanted % len(channels) or (wanted != len(channels) and isinstance(module, nn.Conv2d)):
        return Origin(why=f"it reads {wanted} numbers of {len(channels)} maps")
    names = tuple(dict.fromkeys(layer for layer, _ in channels))
    return Origin(layers=names, source=tuple((names.index(layer), number) for layer, number in channels))
