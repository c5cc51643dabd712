"""What drives a unit: how much of its sum each channel below contributes. One step down, where it is exact."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from zfnet.forward import cut_windows, temporary_hooks
from zfnet.models import like_parameters, undisturbed


def inputs_of(model: nn.Module, images: Tensor, modules: Sequence[str]) -> dict[str, Tensor]:
    """What Conv2d and Linear modules read in a pass of images (B, 3, H, W): module -> (B, C, H, W) or (B, n)."""
    found: dict[str, Tensor] = {}

    def arrive(name: str, given: tuple[Any, ...]) -> None:
        found[name] = given[0].clone()

    with temporary_hooks() as hooks, undisturbed(model):
        for name in modules:
            hook = model.get_submodule(name).register_forward_pre_hook
            hooks.put(hook, lambda module, given, name=name: arrive(name, given))
        model(like_parameters(model, images.clone()))
    return found


@torch.no_grad()
def contributions(module: nn.Conv2d | nn.Linear, inputs: Tensor, units: Tensor, channels: int) -> Tensor:
    """How much each of the maps below adds to the sum of each unit (N, 4: image, map, row, column): (N, channels).

    The signal that one step of the deconvnet sends down from a seed of 1, the filter itself, times the activation that
    it meets, summed over the window; so that a row's sum is the unit's value before its ReLU, less the bias, exactly.
    inputs: what the module read, (B, C, H, W) or (B, n); n numbers are those of the maps one after another.
    """
    weight = module.weight[units[:, 1].to(module.weight.device)]  # (N, C / groups, h, w) or (N, n)
    if isinstance(module, nn.Linear):
        rows = inputs[units[:, 0].to(inputs.device)]
        return (weight * rows).unflatten(1, (channels, -1)).sum(2)  # (N, channels)
    windows = _windows(module, inputs, units)  # (N, C, h, w)
    if module.groups == 1:
        return (weight * windows).flatten(2).sum(2)
    size, outputs = module.in_channels // module.groups, module.out_channels // module.groups
    found = windows.new_zeros((len(units), channels))
    for at, group in enumerate((units[:, 1] // outputs).tolist()):
        own = slice(group * size, (group + 1) * size)
        found[at, own] = (weight[at] * windows[at, own]).flatten(1).sum(1)
    return found


def _windows(module: nn.Conv2d, inputs: Tensor, units: Tensor) -> Tensor:
    """What each unit's filter lies over, (N, C, h, w), zero beyond the border."""
    kernel, stride, dilation = (torch.tensor(getattr(module, name)) for name in ("kernel_size", "stride", "dilation"))
    padding = module._reversed_padding_repeated_twice  # left, right, top, bottom
    corners = units[:, 2:].cpu() * stride - torch.tensor([padding[2], padding[0]])
    extent = dilation * (kernel - 1) + 1
    whole = cut_windows(inputs, units[:, 0], corners, (int(extent[0]), int(extent[1])))
    return whole[:, :, :: int(dilation[0]), :: int(dilation[1])]
