"""What the name or the number of a layer means in a network: the module whose output it is."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

from torch import nn

from zfnet.models import ConvNet

Layer = TypeVar("Layer", bound=int | str)
LISTED = 24  # names in an error's list of choices


@dataclass(frozen=True, kw_only=True)
class NamedLayers:
    """The layers of a network by name, as every part of the project understands them.

    modules: layer -> dotted name of the module whose output it means. In a ConvNet a convolution or fully connected
    layer means its rectified output (conv1: what relu1 returns), elsewhere a name means what its module returns.
    filters: the layers with filters, every Conv2d and Linear, from the pixels up.
    """

    kind: str
    modules: Mapping[str, str]
    filters: tuple[str, ...]

    def check(self, *layers: str) -> None:
        """Raise ValueError, with the choices, for a layer that is not there."""
        for layer in layers:
            if layer in self.modules:
                continue
            list_all = len(self.modules) <= LISTED
            choices = list(self.modules if list_all else self.filters)
            more = f" and {len(choices) - LISTED} more" if len(choices) > LISTED else ""
            close = ", ".join(difflib.get_close_matches(str(layer), self.modules, n=3))
            raise ValueError(
                f"layer {layer!r} is not one of {', '.join(choices[:LISTED])}{more}, the "
                f"{'' if list_all else 'convolutions and linear '}layers of {self.kind}"
                f"{f' (close to it: {close})' if close else ''}"
                f"{'' if list_all else '; other modules go by their names too, which experiments/summary.py lists'}"
            )

    def listed(self, layers: Iterable[str]) -> list[str]:
        """Layers as a list. Raises ValueError for one name in place of several, and as `check` does."""
        if isinstance(layers, str):
            raise ValueError(f"layers are {layers!r}, expected a list of names: give [{layers!r}]")
        names = list(layers)
        self.check(*names)
        return names

    def module_of(self, layer: str) -> str:
        """The dotted name of a layer's module. Raises ValueError as `check` does."""
        self.check(layer)
        return self.modules[layer]


def named_layers(model: nn.Module) -> NamedLayers:
    """What the names of a network's layers mean."""
    named = [(name, module) for name, module in model.named_modules(remove_duplicate=False) if name]
    modules = {name: name for name, _ in named}
    if isinstance(model, ConvNet):
        for (name, module), (following, after) in pairwise(named):
            if isinstance(module, nn.Conv2d | nn.Linear) and isinstance(after, nn.ReLU):
                modules[name] = following
    filters = tuple(name for name, module in named if isinstance(module, nn.Conv2d | nn.Linear))
    return NamedLayers(kind=type(model).__name__, modules=modules, filters=filters)


def modules_of(model: nn.Module, layers: Sequence[int | str]) -> dict[int | str, str]:
    """For each layer the module whose output is its feature vector, as `feature_vectors` has it.

    Raises ValueError for layers that are not there.
    """
    names = named_layers(model)
    return {layer: names.module_of(output_of(model, layer)) for layer in layers}


def output_of(model: nn.Module, layer: int | str) -> str:
    """The module whose output is the feature vector of a layer.

    layer: in our own networks a number of Fig. 3 (5: pool5, 7: the rectified fc7); in any network a module's name.
    Raises ValueError for a number that the network has no layer of, and for any number in networks that are not ours.
    """
    if isinstance(layer, str):
        return layer
    if not isinstance(model, ConvNet):
        raise ValueError(f"layers of {type(model).__name__} have no numbers: name a module instead of {layer}")
    numbered = [name for name, _ in model.named_children() if name.endswith(str(layer))]
    if not numbered:
        numbers = sorted({int(part.name[-1]) for part in model.table})
        raise ValueError(f"this network has no layer {layer}, only {', '.join(map(str, numbers))}")
    return numbered[-1]
