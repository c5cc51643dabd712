"""The graph of a network, from one pass that a recorder watches."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from zfnet.forward import check_plain, temporary_hooks
from zfnet.forward.graph.graph import Graph
from zfnet.forward.graph.operations import Node
from zfnet.forward.graph.recorder import Recorder, Touched
from zfnet.models import channels_of, like_parameters, naming_sizes, own_side, undisturbed


@dataclass(kw_only=True)
class Watched:
    """What hooks saw of the modules of a pass."""

    outputs: dict[str, list[int | None]] = field(default_factory=dict)
    returned: dict[str, str] = field(default_factory=dict)
    versions: list[tuple[str, Tensor, int]] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)

    def graph(self, answer: int | None) -> Graph:
        """What was seen so far. answer: the node of what the network returned."""
        overwritten = frozenset(name for name, output, version in self.versions if output._version != version)
        return Graph(
            nodes=self.nodes, outputs=self.outputs, returned=self.returned, overwritten=overwritten, answer=answer
        )


def trace(model: nn.Module, images: Tensor) -> Graph:
    """The graph of a network in the mode it is in, from a pass of images (B, C, H, W), which it may not change."""
    graph, _ = trace_with_values(model, images, values=False)
    return graph


def trace_with_values(model: nn.Module, images: Tensor, *, values: bool) -> tuple[Graph, Mapping[int, Tensor]]:
    """The graph, and if wanted what each node gave: position -> (B, ...), as it was before a change in place.

    Raises ValueError for what is no network, for compiled or scripted ones, and for images that do not fit the network.
    """
    check_plain(model)
    # with gradients on: what has none then is hidden in an autograd.Function or the like
    with naming_sizes(model, images), torch.enable_grad():
        return _traced(model, images.detach().clone().requires_grad_(), Watched(), values=values)


def _traced(model: nn.Module, leaf: Tensor, watched: Watched, *, values: bool) -> tuple[Graph, Mapping[int, Tensor]]:
    images = leaf.clone()  # a copy, for networks that begin by changing their input in place
    touched = Touched(images)
    recorder, running = Recorder(images, values=values, touched=touched), [""]
    watched.nodes = recorder.nodes
    with temporary_hooks() as hooks, touched, recorder, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Converting a tensor with requires_grad")  # the gradient is ours alone
        for name, module in model.named_modules(remove_duplicate=False):
            if name:
                hooks.put(module.register_forward_pre_hook, lambda *_, name=name: _enter(recorder, running, name))
                hooks.put(
                    module.register_forward_hook,
                    lambda module, inputs, output, name=name: _leave(recorder, running, watched, name, output),
                )
        answer = model(images)
    graph = replace(
        watched.graph(recorder.node_of(answer) if isinstance(answer, Tensor) else None), reads=recorder.reads
    )
    return graph, {node: value.detach() for node, value in (recorder.values or {}).items()}


def own_graph(model: nn.Module, image_px: int | None = None) -> Graph:
    """The graph of a network on an image of image_px, or of the side that it says it takes (`input_px`), or of 224.

    Where it does not run on such an image the graph ends at the operation that failed: where units look does not depend
    on the size. Raises ValueError where none of its modules ran, and for an image_px of less than a pixel.
    """
    check_plain(model)
    side, watched = own_side(model, image_px), Watched()
    with undisturbed(model), torch.enable_grad():
        images = like_parameters(model, torch.zeros(1, channels_of(model), side, side))  # no inference tensor, in here
        try:
            return _traced(model, images.requires_grad_(), watched, values=False)[0]
        except (RuntimeError, ValueError, AssertionError) as error:
            if not watched.outputs:
                raise ValueError(
                    f"{type(model).__name__} does not run on an image of {side} x {side} "
                    f"({' '.join(str(error).split())}): record images of the size that it takes first"
                ) from error
    return watched.graph(None)


def _enter(recorder: Recorder, running: list[str], name: str) -> None:
    running.append(name)
    recorder.where = name


def _leave(recorder: Recorder, running: list[str], watched: Watched, name: str, output: Any) -> None:
    running.pop()
    recorder.where = running[-1]
    watched.outputs.setdefault(name, []).append(recorder.node_of(output) if isinstance(output, Tensor) else None)
    if isinstance(output, Tensor):
        watched.versions.append((name, output, output._version))
    else:
        watched.returned[name] = type(output).__name__
