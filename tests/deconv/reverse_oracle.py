"""The deconvnet by other arithmetic than ours: autograd through layers in a row, with relu's gradient changed."""

from __future__ import annotations

import contextlib

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn


class RectifiedBothWays(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, grad: Tensor) -> Tensor:
        return grad.clamp(min=0)


class Straight(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, y: Tensor) -> Tensor:
        return y.clone()

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None]:
        return grad, None


def by_autograd(layers: list[nn.Module], images: Tensor, seed_of) -> tuple[Tensor, Tensor]:
    """The output of the layers in a row, and the pixels of seed_of(output) under the deconvnet rule."""
    leaf = images.detach().clone().requires_grad_()
    x = leaf
    for layer in layers:
        if isinstance(layer, nn.ReLU):
            x = RectifiedBothWays.apply(x)
        elif isinstance(layer, nn.LocalResponseNorm):
            x = Straight.apply(x, layer(x))
        else:
            x = layer(x)
    (pixels,) = torch.autograd.grad(x, leaf, seed_of(x.detach()))
    return x.detach(), pixels


def strongest(maps: Tensor) -> Tensor:
    """The strongest unit of each image, (B, 4)."""
    places = maps.flatten(1).argmax(1)
    found = torch.stack(torch.unravel_index(places, maps.shape[1:]), 1)
    units = torch.zeros((len(maps), 4), dtype=torch.int64)
    units[:, 0] = torch.arange(len(maps))
    units[:, 1 : 1 + found.shape[1]] = found
    return units


def some_units(size: tuple[int, ...], count: int, images: int, seed: int = 0) -> Tensor:
    """Units (count, 4) of a layer of that size: its four corners first, then random ones."""
    generator = torch.Generator().manual_seed(seed)
    height, width = size[1:] if len(size) == 3 else (1, 1)
    units = torch.stack([torch.randint(n, (count,), generator=generator) for n in (images, size[0], height, width)], 1)
    corners = [(0, 0), (0, width - 1), (height - 1, 0), (height - 1, width - 1)]
    units[: len(corners), 2:] = torch.tensor(corners)[:count]
    return units


def placed(units: Tensor, values: Tensor, like: Tensor) -> Tensor:
    """One signal for each unit (N, ...), zero but for its value."""
    signal = torch.zeros((len(units), *like.shape[1:]), dtype=like.dtype)
    for n, (_, map_, row, column) in enumerate(units.tolist()):
        signal[(n, map_, row, column)[: like.ndim]] = values[n]
    return signal


class CappedBothWays(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, cap: float) -> Tensor:
        return x.clamp(0, cap)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None]:
        return grad.clamp(min=0), None


class _There(Exception):
    pass


def by_rule(model: nn.Module, layer: str, images: Tensor, units: Tensor) -> Tensor:
    """Pixels (N, 3, H, W) of seeds of one at units (N, 4) of a module's output: plain autograd with another F.relu."""
    found: list[Tensor] = []

    def arrive(module: nn.Module, inputs: object, output: Tensor) -> None:
        found.append(output)
        raise _There

    def hardtanh(x: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
        assert min_val == 0
        return CappedBothWays.apply(x, max_val)

    pixels = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(F, "relu", lambda x, inplace=False: RectifiedBothWays.apply(x))
        patch.setattr(F, "relu6", lambda x, inplace=False: CappedBothWays.apply(x, 6.0))
        patch.setattr(F, "hardtanh", hardtanh)
        hook = model.get_submodule(layer).register_forward_hook(arrive)
        for image, *unit in units.tolist():
            leaf = images[image : image + 1].clone().requires_grad_()
            with contextlib.suppress(_There):
                model(leaf.clone())
            output = found.pop()
            (gradient,) = torch.autograd.grad(output[(0, *unit)[: output.ndim]], leaf)
            pixels.append(gradient)
        hook.remove()
    return torch.cat(pixels)
