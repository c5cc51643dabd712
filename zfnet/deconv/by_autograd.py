"""Project with any network: autograd under a rule, with one forward pass for each image."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from zfnet.deconv.rules import Rule
from zfnet.deconv.soundness import check
from zfnet.forward import temporary_hooks

ROUNDING, ON_A_GPU = 1e-3, 1e-2  # of a layer's largest value: by less do float32 and TF32 move with the batch's size


class _Reached(Exception):
    """The forward pass has come to the layer; nothing above it matters."""


def reverse_by_autograd(
    model: nn.Module, name: str, images: Tensor, *, owners: Tensor, seeds: Callable[[slice], Tensor], rule: str,
    recorded: Callable[[int], Tensor | None],
) -> Tensor:  # fmt: skip
    """Seeds at the output of the named module as pixels (N, 3, H, W): one forward pass an image, a gradient a seed.

    images (B, 3, H, W); owners (N,): the image that each seed's unit saw; seeds: slice of them -> (n, ...), of the
    output's shape; recorded: image -> what the record holds of the output for it, if it does.
    Raises ValueError for a module whose output has no gradient, or is not what was recorded, and NoReverseRule, which
    names the operation, where the rule is not "gradient" and has no answer.
    """
    pixels = images.new_zeros((len(owners), *images.shape[1:]))
    for image in owners.unique().tolist():
        leaf = images[image : image + 1].detach().clone().requires_grad_()
        output = _output(model, name, leaf, rule)
        _check_same(name, output.detach(), recorded(image))
        for number in (owners == image).nonzero()[:, 0].tolist():
            seed = seeds(slice(number, number + 1))
            (gradient,) = torch.autograd.grad(output, leaf, seed, retain_graph=True, allow_unused=True)
            if gradient is None:
                raise ValueError(f"layer {name!r} gets no gradient from the image")
            pixels[number : number + 1] = gradient
    return pixels


def _output(model: nn.Module, name: str, leaf: Tensor, rule: str) -> Tensor:
    """The output of the named module for an image (1, 3, H, W) that wants a gradient, with what leads to it."""
    mode = None if rule == "gradient" else Rule(rule)
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
        check(output, leaf, mode, makers, name)
    return output


def _check_same(name: str, output: Tensor, recorded: Tensor | None) -> None:
    """Raise ValueError where a network gives something else than it gave for the record."""
    if recorded is None or output.shape[1:] != recorded.shape:
        return
    apart, largest = float((output[0] - recorded).abs().max()), float(recorded.abs().max())
    rounding = max(ON_A_GPU if output.is_cuda else ROUNDING, 16 * torch.finfo(output.dtype).eps)
    if apart > rounding * largest:
        raise ValueError(
            f"layer {name!r} answers differently twice on one image, by {apart:.2g}: a dropout that is left on in eval "
            "mode (F.dropout without training=self.training), another random function or the statistics of the batch; "
            "no projection of it means anything"
        )
