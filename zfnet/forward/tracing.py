"""The graph of a network, from one pass that a recorder watches."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from zfnet.forward.graph import Graph
from zfnet.forward.hooks import temporary_hooks
from zfnet.forward.recorder import Recorder, Touched
from zfnet.models import channels_of, like_parameters, undisturbed

SIDE_PX = 224  # of images for networks that do not say what they take


@dataclass(kw_only=True)
class Watched:
    """What hooks saw of the modules of a pass."""

    outputs: dict[str, list[int | None]] = field(default_factory=dict)
    returned: dict[str, str] = field(default_factory=dict)
    versions: list[tuple[str, Tensor, int]] = field(default_factory=list)


def trace(model: nn.Module, images: Tensor) -> Graph:
    """The graph of a network in the mode it is in, from a pass of images (B, C, H, W), which it may not change."""
    graph, _ = trace_with_values(model, images, values=False)
    return graph


def trace_with_values(model: nn.Module, images: Tensor, *, values: bool) -> tuple[Graph, Mapping[int, Tensor]]:
    """The graph, and if wanted what each node gave: position -> (B, ...), as it was before a change in place."""
    with torch.enable_grad():  # what has no gradient then is hidden in an autograd.Function or the like
        return _traced(model, images.detach().clone().requires_grad_(), values=values)


def _traced(model: nn.Module, leaf: Tensor, *, values: bool) -> tuple[Graph, Mapping[int, Tensor]]:
    images = leaf.clone()  # a copy, for networks that begin by changing their input in place
    touched = Touched(images)
    recorder, watched, running = Recorder(images, values=values, touched=touched), Watched(), [""]
    with temporary_hooks() as hooks, touched, recorder, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Converting a tensor with requires_grad")  # the gradient is ours alone
        for name, module in model.named_modules(remove_duplicate=False):
            if name:
                hooks.append(module.register_forward_pre_hook(lambda *_, name=name: _enter(recorder, running, name)))
                hooks.append(
                    module.register_forward_hook(
                        lambda module, inputs, output, name=name: _leave(recorder, running, watched, name, output)
                    )
                )
        answer = model(images)
    graph = Graph(
        nodes=recorder.nodes,
        outputs=watched.outputs,
        returned=watched.returned,
        overwritten=frozenset(name for name, output, version in watched.versions if output._version != version),
        answer=recorder.node_of(answer) if isinstance(answer, Tensor) else None,
    )
    return graph, {node: value.detach() for node, value in (recorder.values or {}).items()}


def own_graph(model: nn.Module, image_px: int | None = None) -> Graph:
    """The graph of a network on an image of the side that it says it takes (`input_px`), or image_px, or 224.

    Raises ValueError where the network cannot run on it.
    """
    side = image_px or int(getattr(model, "input_px", SIDE_PX))
    images = like_parameters(model, torch.zeros(1, channels_of(model), side, side))
    with undisturbed(model):
        try:
            return trace(model, images)
        except RuntimeError as error:
            raise ValueError(
                f"{type(model).__name__} does not run on an image of {side} x {side} ({' '.join(str(error).split())}): "
                "record images of the size that it takes first, or give image_px"
            ) from error


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
