"""How units were projected before there was a graph: a forward and a backward pass of the whole image for each unit."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from zfnet.deconv import Rule
from zfnet.forward import temporary_hooks
from zfnet.models import evaluating


class _Reached(Exception):
    pass


def project_by_unit(model: nn.Module, layer: str, images: Tensor, units: Tensor, rule: str = "deconvnet") -> Tensor:
    """Pixels (N, 3, H, W) of units (N, 4) of a module's output, with seeds of one, by autograd under the rule."""
    leaf, reached = images[units[:, 0]].clone().requires_grad_(), list[Tensor]()

    def arrive(module: nn.Module, inputs: object, output: Tensor) -> None:
        reached.append(output)
        raise _Reached

    with temporary_hooks() as hooks, torch.enable_grad(), evaluating(model):
        hooks.append(model.get_submodule(layer).register_forward_hook(arrive))
        try:
            with Rule(rule):
                model(leaf.clone())
        except _Reached:
            pass
    seeds = torch.zeros_like(reached[0])
    _, maps, rows, columns = units.unbind(1)
    seeds[(torch.arange(len(units)), maps, rows, columns)[: seeds.ndim]] = 1
    (pixels,) = torch.autograd.grad(reached[0], leaf, seeds)
    return pixels
