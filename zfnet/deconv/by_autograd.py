"""Record and project with any network: hooks for the forward pass, autograd under a rule for the reverse one."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from zfnet.deconv.rules import Rule
from zfnet.deconv.soundness import check
from zfnet.forward import temporary_hooks


class _Reached(Exception):
    """The forward pass has come to the layer; nothing above it matters."""


def reverse_by_autograd(model: nn.Module, name: str, images: Tensor, seeds: Tensor, rule: str) -> Tensor:
    """Seeds (N, ...) at the output of the named module, as pixels (N, 3, H, W), by a forward pass and its gradient.

    images (N, 3, H, W): the one that each seed's unit saw. Raises ValueError for a module whose output has no gradient,
    and NoReverseRule, which names the operation, where the rule is not "gradient" and has no answer.
    """
    mode = None if rule == "gradient" else Rule(rule)
    leaf = images.detach().clone().requires_grad_()
    makers: dict[Any, str] = {}
    reached: list[Tensor] = []

    def arrive(module: nn.Module, inputs: Any, output: Tensor) -> None:
        reached.append(output)
        raise _Reached

    def credit(title: str, output: Any) -> None:
        if isinstance(output, Tensor) and output.grad_fn is not None:
            makers.setdefault(output.grad_fn, title)

    with temporary_hooks() as hooks, torch.enable_grad():
        for inner, module in model.named_modules():
            title = f"{inner!r} ({type(module).__name__})"
            hooks.append(module.register_forward_hook(lambda m, inputs, output, title=title: credit(title, output)))
            if mode is not None and isinstance(module, nn.LocalResponseNorm):
                hooks.append(module.register_forward_hook(lambda m, inputs, output: mode.normalise(inputs[0], output)))
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
