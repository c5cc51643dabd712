"""Forward passes of any network that keep the outputs of some layers, and what the reverse pass needs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import nullcontext, suppress
from typing import Any

import torch
from torch import Tensor, nn

from zfnet.forward.graph import LAST, Graph, Recorder
from zfnet.forward.hooks import run_watched
from zfnet.forward.record import Record, weights_versions


class _Reached(Exception):
    """All that was asked for has come; nothing above it matters."""


def layer_outputs(model: nn.Module, images: Tensor, modules: Mapping[str, str], *, graph: Graph) -> dict[str, Tensor]:
    """The outputs of some modules on images (B, 3, H, W), before anything changes them: (B, C, H, W) or (B, C) each.

    modules: layer -> dotted name of its module; "" is the network itself, whose class scores are meant also where it
    ends in a softmax (as logarithms of its probabilities). graph: as `trace` gives it for such images. Maps that a
    network holds as (B, H, W, C) are turned. The pass ends at the last of the layers.
    Raises ValueError for a layer that does not run, runs more than once, does not return one tensor, or whose maps
    cannot be told.
    """
    check_layers(graph, modules)
    outputs = _Outputs(modules, graph, keep=modules)
    outputs.run(model, images)
    return outputs.maps


def record_layers(
    model: nn.Module, images: Tensor, modules: Mapping[str, str], *, keep: Collection[str], graph: Graph, switches: bool
) -> Record:
    """One forward pass of images (B, 3, H, W) up to the last of the layers, as a Record without images.

    modules: layer -> dotted name of its module. keep: the layers whose maps the record holds. graph: as `trace` gives
    it for such images. switches: whether the explicit reverse pass will want them; the graph is then this pass's own.
    Raises ValueError as `layer_outputs` does.
    """
    check_layers(graph, modules)
    outputs = _Outputs(modules, graph, keep=keep)
    images = images.clone()  # with a version, also where the caller's were made in inference mode
    recorder = Recorder(images, switches=True) if switches else None
    outputs.run(model, images, recorder)
    if recorder is not None:
        graph = Graph(
            nodes=recorder.nodes, outputs={modules[layer]: [node] for layer, node in outputs.nodes.items()},
            returned={}, overwritten=graph.overwritten, answer=None,
        )  # fmt: skip
    nodes = {layer: node for layer, node in outputs.nodes.items() if node is not None}
    for layer in outputs.turned & nodes.keys():
        graph, nodes[layer] = graph.turned(nodes[layer])
    held = graph.numbers() * images.element_size()
    return Record(
        maps=outputs.maps, sizes=outputs.sizes, image_size=tuple(images.shape[1:]), batch=len(images),
        scores=frozenset(layer for layer in modules if outputs.is_score[layer]), image_bytes=held,
        weights=weights_versions(model), graph=graph, nodes=nodes, turned=frozenset(outputs.turned),
        switches=recorder.switches or {} if recorder is not None else {},
    )  # fmt: skip


def fault_of(graph: Graph, module: str) -> str:
    """Why the output of a module is no layer that can be asked for; empty where it is one."""
    runs = graph.outputs.get(module, [])
    if not runs:
        return "does not run in eval mode"
    if module in graph.returned:
        return f"returns {graph.returned[module]}, not one tensor"
    if len(runs) > 1:
        return "runs more than once in a pass, so that its name does not say which output is meant"
    if runs[0] is not None and len(shape := graph.nodes[runs[0]].shape) == 3 and graph.layout(runs[0]) is None:
        return f"gives {shape} an image, and which of these numbers counts maps cannot be told"
    return ""


def check_layers(graph: Graph, modules: Mapping[str, str]) -> None:
    """Raise ValueError, naming each, for layers that cannot be asked for."""
    faulty = {layer: fault for layer, module in modules.items() if module and (fault := fault_of(graph, module))}
    if faulty:
        raise ValueError("; ".join(f"layer {layer!r} {fault}" for layer, fault in faulty.items()))


def check_apart(answers: Callable[[Tensor], Mapping[str, Tensor]], image: Tensor) -> None:
    """Raise ValueError where what layers answer to an image (1, 3, H, W) depends on the others of its batch.

    answers: images (N, 3, H, W) -> layer -> (N, ...).
    """
    alone = answers(image)
    other = 2 - 3 * image.flip(3)  # one that is nothing like it
    beside = answers(torch.cat([other, image, other]))  # neither the first nor the last may decide
    for layer, maps in alone.items():
        wide = maps if maps.is_floating_point() else maps.double()
        apart = (beside[layer][1:2].to(wide) - wide).abs()
        if bool((apart > torch.finfo(wide.dtype).eps ** 0.5 * wide.abs().max()).any()):
            raise ValueError(
                f"layer {layer!r} answers otherwise to an image that has another one beside it: the network mixes the "
                "images of a batch, or draws at random, so that no answer is an image's own. Let it normalise by what "
                "is kept from training, or image by image"
            )


class _Outputs:
    """What a pass leaves behind: maps, sizes and nodes by layer."""

    def __init__(self, modules: Mapping[str, str], graph: Graph, keep: Collection[str]) -> None:
        self.modules, self.keep, self._overwritten = modules, keep, graph.overwritten
        self.maps: dict[str, Tensor] = {}
        self.sizes: dict[str, tuple[int, ...]] = {}
        self.nodes: dict[str, int | None] = {}
        traced = {layer: graph.outputs[module][0] for layer, module in modules.items() if module}
        scores = graph.scores()
        self.is_score = {layer: traced.get(layer) in scores for layer in modules}
        self.turned = {layer for layer, node in traced.items() if node is not None and graph.layout(node) == LAST}
        self._recorder: Recorder | None = None
        self._as_scores = graph.gives_probabilities()
        self._whole = "" in modules.values()

    def run(self, model: nn.Module, images: Tensor, recorder: Recorder | None = None) -> None:
        self._recorder = recorder
        with recorder or nullcontext(), suppress(_Reached):
            run_watched(model, images, self.modules, self.arrive)
        late = [layer for layer in self.modules if layer not in self.sizes]
        if late:
            raise ValueError(
                f"layer {late[0]!r} did not run on these images, but on others like them: what the network does "
                "depends on what it sees"
            )

    def arrive(self, layer: str, output: Any) -> None:
        if not isinstance(output, Tensor):
            raise ValueError(f"layer {layer!r} returns {type(output).__name__}, not one tensor")
        self.nodes[layer] = None if self._recorder is None else self._recorder.node_of(output)
        maps = output.permute(0, 3, 1, 2) if layer in self.turned else output
        if not self.modules[layer] and self._as_scores:
            maps = maps.log()
        self.sizes[layer] = tuple(maps.shape[1:])
        if layer in self.keep:
            overwritten = self.modules[layer] in self._overwritten or not self.modules[layer]
            self.maps[layer] = maps.clone() if overwritten else maps
        if not self._whole and len(self.sizes) == len(self.modules):
            raise _Reached
