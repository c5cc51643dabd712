"""Record and project with any network: hooks for the forward pass, autograd under a rule for the reverse one."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from zfnet.deconv.rules import Rule
from zfnet.deconv.soundness import check
from zfnet.forward.record import Record


class _Reached(Exception):
    """The forward pass has come to the layer; nothing above it matters."""


def watch(model: nn.Module, images: Tensor, modules: dict[str, str], asked: bool, keep: Collection[str]) -> Record:
    """One forward pass of images (B, 3, H, W) with the outputs of some modules kept, before anything changes them.

    modules: layer -> dotted name of its module. asked: whether the caller named these layers.
    Raises ValueError for a named layer that does not run, runs more than once or does not return one tensor; layers
    that nobody named are left out then.
    """
    maps: dict[str, Tensor] = {}
    sizes: dict[str, tuple[int, ...]] = {}
    faults = dict.fromkeys(modules, "does not run in eval mode")
    held = 0

    def look(layer: str, output: Any) -> None:
        if not isinstance(output, Tensor):
            faults[layer] = f"returns {type(output).__name__}, not one tensor"
        elif layer in sizes or faults[layer].startswith("runs"):
            faults[layer] = "runs more than once in a pass, so that its name does not say which output is meant"
            sizes.pop(layer, None), maps.pop(layer, None)
        else:
            faults[layer] = ""
            sizes[layer] = tuple(output.shape[1:])
            if layer in keep:
                maps[layer] = output.clone()

    def weigh(output: Any) -> None:
        nonlocal held
        if isinstance(output, Tensor):
            held += output.numel() * output.element_size()

    with _hooks() as hooks:
        for layer, name in modules.items():
            hook = model.get_submodule(name).register_forward_hook
            hooks.append(hook(lambda module, given, output, layer=layer: look(layer, output)))
        for module in model.modules():
            if not any(module.children()):
                hooks.append(module.register_forward_hook(lambda module, given, output: weigh(output)))
        scores = model(images.clone())  # a copy, for networks that begin by changing their input in place
    faulty = {layer: fault for layer, fault in faults.items() if fault}
    if faulty and asked:
        raise ValueError("; ".join(f"layer {layer!r} {fault}" for layer, fault in faulty.items()))
    return Record(
        maps=maps,
        switches={},
        sizes=sizes,
        image_size=tuple(images.shape[1:]),
        batch=len(images),
        images=images.clone(),
        scores=frozenset(layer for layer, values in maps.items() if _same(values, scores)),
        unit_bytes=held // max(len(images), 1),
    )


def _same(values: Tensor, scores: Any) -> bool:
    """Whether these are the network's class scores."""
    return (
        isinstance(scores, Tensor)
        and scores.ndim == 2
        and values.numel() == scores.numel()
        and torch.equal(values.flatten(1), scores)
    )


def reverse_by_autograd(model: nn.Module, name: str, images: Tensor, seeds: Tensor, rule: str) -> Tensor:
    """Seeds (N, ...) at the output of the named module, as pixels (N, 3, H, W), by a forward pass and its gradient.

    Raises NoReverseRule, which names the operation, where the rule is not "gradient" and has no answer.
    """
    mode = None if rule == "gradient" else Rule(rule)
    leaf = images.detach().clone().requires_grad_()
    makers: dict[Any, str] = {}
    reached: list[Tensor] = []

    def arrive(module: nn.Module, given: Any, output: Tensor) -> None:
        reached.append(output)
        raise _Reached

    def credit(title: str, output: Any) -> None:
        if isinstance(output, Tensor) and output.grad_fn is not None:
            makers.setdefault(output.grad_fn, title)

    with _hooks() as hooks, torch.enable_grad():
        for inner, module in model.named_modules():
            title = f"{inner!r} ({type(module).__name__})"
            hooks.append(module.register_forward_hook(lambda m, given, output, title=title: credit(title, output)))
            if mode is not None and isinstance(module, nn.LocalResponseNorm):
                hooks.append(module.register_forward_hook(lambda m, given, output: mode.normalise(given[0], output)))
        hooks.append(model.get_submodule(name).register_forward_hook(arrive))
        try:
            with mode or nullcontext():
                model(leaf.clone())
        except _Reached:
            pass
    (output,) = reached
    if output.grad_fn is None:
        raise ValueError(f"layer {name!r} gets no gradient from the image")
    if mode is not None:
        check(output, leaf, mode, makers)
    (pixels,) = torch.autograd.grad(output, leaf, seeds)
    return pixels


@contextmanager
def _hooks() -> Iterator[list[RemovableHandle]]:
    """A list of hooks that are removed at the end, whatever happens."""
    hooks: list[RemovableHandle] = []
    try:
        yield hooks
    finally:
        for hook in hooks:
            hook.remove()
