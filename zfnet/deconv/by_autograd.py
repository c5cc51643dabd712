"""Project with any network: autograd under a rule, with one forward pass for each image."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import CheckpointError

from zfnet.deconv.rules import Rule
from zfnet.deconv.soundness import NoReverseRule, check
from zfnet.forward import Record, slices_that_fit, temporary_hooks

ROUNDING, ON_A_GPU = 1e-3, 1e-2  # of a layer's largest value: by less do float32 and TF32 move with the batch's size

ONE_ON_A_CPU = (
    1  # byte: images one at a time stay in its caches (1.6 times as fast as before, eight together 1.1 times)
)


class _Reached(Exception):
    """The forward pass has come to the layer; nothing above it matters."""


def reverse_by_autograd(
    model: nn.Module, name: str, record: Record, *, owners: Tensor, seeds: Callable[[Tensor], Tensor], rule: str,
    recorded: Tensor | None,
) -> Tensor:  # fmt: skip
    """Seeds at the output of the named module as pixels (N, 3, H, W): one forward pass an image, a gradient a seed.

    owners (N,): the image of the record that each seed's unit saw; seeds: which of them, (n,) -> (n, ...), of the
    output's shape; recorded: what the record holds of the output, (B, ...), if it does.
    On a GPU images go together as memory allows, those with most seeds first, a gradient for one seed of each at a
    time; on a CPU one after the other. Raises ValueError for a module whose output has no gradient, or is not what was
    recorded, and NoReverseRule, which names the operation, where the rule is not "gradient" and has no answer.
    """
    assert record.images is not None
    pixels = record.images.new_zeros((len(owners), *record.image_size))
    numbers = [(owners == image).nonzero()[:, 0] for image in range(record.batch)]  # (n,) of each image
    order = torch.tensor(sorted(range(record.batch), key=lambda image: -len(numbers[image])))
    order = order[: int((owners.bincount(minlength=record.batch) > 0).sum())]  # without images of no seeds
    for part in slices_that_fit(len(order), record.image_bytes, pixels.device, ONE_ON_A_CPU):
        chosen = order[part]
        leaf = record.images[chosen].detach().clone().requires_grad_()  # (D, 3, H, W)
        output = _output(model, name, leaf, rule)
        _check_same(name, output.detach(), None if recorded is None else recorded[chosen])
        for turn in range(len(numbers[chosen[0]])):
            left = [place for place, image in enumerate(chosen.tolist()) if turn < len(numbers[image])]
            asked = torch.stack([numbers[chosen[place]][turn] for place in left])  # (n,)
            signal = torch.zeros_like(output)  # (D, ...)
            signal[left] = seeds(asked)
            try:
                (gradient,) = torch.autograd.grad(output, leaf, signal, retain_graph=True, allow_unused=True)
            except CheckpointError as error:  # modules that now run again do so without the rule
                raise NoReverseRule(
                    f"the network below layer {name!r} checkpoints modules (torch.utils.checkpoint), which the {rule} "
                    "rule cannot follow: switch that off, as by memory_efficient=False, or take rule='gradient'"
                ) from error
            if gradient is None:
                raise ValueError(f"layer {name!r} gets no gradient from the image")
            pixels[asked] = gradient[left]
    return pixels


def _output(model: nn.Module, name: str, leaf: Tensor, rule: str) -> Tensor:
    """The output of the named module for images (D, 3, H, W) that want a gradient, with what leads to it."""
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
            hooks.put(module.register_forward_hook, lambda m, inputs, output, title=title: credit(title, output))
        hooks.put(model.get_submodule(name).register_forward_hook, arrive)
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
    if recorded is None or output.shape != recorded.shape:
        return
    apart, largest = float((output - recorded).abs().max()), float(recorded.abs().max())
    rounding = max(ON_A_GPU if output.is_cuda else ROUNDING, 16 * torch.finfo(output.dtype).eps)
    if apart > rounding * largest:
        raise ValueError(
            f"layer {name!r} answers differently twice on one image, by {apart:.2g}: a dropout that is left on in eval "
            "mode (F.dropout without training=self.training), another random function or the statistics of the batch; "
            "no projection of it means anything"
        )
