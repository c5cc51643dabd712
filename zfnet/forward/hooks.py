"""One forward pass of any network with hooks that see what modules return, and are gone afterwards."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from zfnet.forward.record import Record


def run_watched(
    model: nn.Module, images: Tensor, modules: Mapping[str, str], arrive: Callable[[str, Any], None]
) -> Any:
    """Run images (B, 3, H, W) through the network once and return its answer.

    modules: layer -> dotted name of its module. arrive(layer, output) is called as each of them returns, before
    anything changes the output in place.
    """
    with temporary_hooks() as hooks:
        for layer, name in modules.items():
            hook = model.get_submodule(name).register_forward_hook
            hooks.append(hook(lambda module, inputs, output, layer=layer: arrive(layer, output)))
        return model(images.clone())  # a copy, for networks that begin by changing their input in place


def forward_outputs(
    model: nn.Module, images: Tensor, modules: Mapping[str, str], *, keep: Collection[str], strict: bool
) -> Record:
    """One forward pass of images (B, 3, H, W) with the outputs of some modules kept, before anything changes them.

    modules: layer -> dotted name of its module. keep: the layers whose maps the record holds; of all it knows the size.
    Raises ValueError, if strict, for a layer that does not run, runs more than once or does not return one tensor; such
    layers are left out otherwise.
    """
    outputs = _Outputs(modules, keep)
    with temporary_hooks() as hooks:
        for module in model.modules():
            if not any(module.children()):
                hooks.append(module.register_forward_hook(lambda module, inputs, output: outputs.weigh(output)))
        scores = run_watched(model, images, modules, outputs.arrive)
    faulty = {layer: fault for layer, fault in outputs.faults.items() if fault}
    if faulty and strict:
        raise ValueError("; ".join(f"layer {layer!r} {fault}" for layer, fault in faulty.items()))
    return Record(
        maps=outputs.maps,
        switches={},
        sizes=outputs.sizes,
        image_size=tuple(images.shape[1:]),
        batch=len(images),
        images=images.clone(),
        scores=frozenset(layer for layer, values in outputs.maps.items() if _same(values, scores)),
        unit_bytes=outputs.held_bytes // max(len(images), 1),
    )


class _Outputs:
    """What a pass leaves behind: maps and sizes by layer, what is wrong with a layer, and the bytes of all outputs."""

    def __init__(self, modules: Mapping[str, str], keep: Collection[str]) -> None:
        self.keep = keep
        self.maps: dict[str, Tensor] = {}
        self.sizes: dict[str, tuple[int, ...]] = {}
        self.faults = dict.fromkeys(modules, "does not run in eval mode")
        self.held_bytes = 0

    def arrive(self, layer: str, output: Any) -> None:
        if not isinstance(output, Tensor):
            self.faults[layer] = f"returns {type(output).__name__}, not one tensor"
        elif layer in self.sizes or self.faults[layer].startswith("runs"):
            self.faults[layer] = "runs more than once in a pass, so that its name does not say which output is meant"
            self.sizes.pop(layer, None), self.maps.pop(layer, None)
        else:
            self.faults[layer] = ""
            self.sizes[layer] = tuple(output.shape[1:])
            if layer in self.keep:
                self.maps[layer] = output.clone()

    def weigh(self, output: Any) -> None:
        if isinstance(output, Tensor):
            self.held_bytes += output.numel() * output.element_size()


def _same(values: Tensor, scores: Any) -> bool:
    """Whether a layer's values (B, C), or (B, C, 1, 1), are the network's class scores (B, C)."""
    return (
        isinstance(scores, Tensor)
        and scores.ndim == 2
        and values.numel() == scores.numel()
        and torch.equal(values.flatten(1), scores)
    )


@contextmanager
def temporary_hooks() -> Iterator[list[RemovableHandle]]:
    """A list of hooks that are removed at the end, whatever happens."""
    hooks: list[RemovableHandle] = []
    try:
        yield hooks
    finally:
        for hook in hooks:
            hook.remove()
