"""Networks of which some layers, or all, have weights drawn anew. Adebayo et al. 2018, arXiv:1810.03292."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from zfnet.deconv import Deconvnet
from zfnet.forward import named_layers
from zfnet.forward.graph import trace
from zfnet.models import like_parameters, undisturbed

WITH_FILTERS = (nn.Conv2d, nn.Linear)


def layers_below(model: nn.Module, images: Tensor, layer: str) -> list[str]:
    """The convolutions and linear layers from which a layer is computed, its own first and the pixels' last."""
    names = named_layers(model)
    with undisturbed(model):
        graph = trace(model, like_parameters(model, images[:1]))
    (top, *_) = graph.outputs[names.module_of(layer)]
    if top is None:
        return list(reversed(Deconvnet(model).layers))
    below = set(graph.below(top))
    convs = [one for one in names.filters if any(node in below for node in graph.outputs.get(one, []))]
    return list(reversed(convs))


def spread_stages(layers: Sequence[str], count: int) -> list[int]:
    """How many layers from the last one down each stage of a cascade draws anew: at most `count`, the last one all."""
    if count < 1:
        raise ValueError(f"stages={count}, expected 1 or more")
    total = len(layers)
    return sorted({max(1, round(total * stage / count)) for stage in range(1, count + 1)} | {1})


def drawn_anew(model: nn.Module, layers: Sequence[str], seed: int) -> nn.Module:
    """A copy of the network in which the named layers have new weights: normal by Kaiming's rule, biases of zero.

    He et al. 2015, arXiv:1502.01852: what goes up keeps its size, so that a picture changes for what the weights were
    and not for how large they are. The batch normalisation after a layer starts anew with it. The model stays.
    """
    changed, generator = copy.deepcopy(model), torch.Generator().manual_seed(seed)
    own = False
    for name, module in changed.named_modules():
        if isinstance(module, WITH_FILTERS):
            own = name in layers
            if own:
                _draw(module, generator)
        elif own and isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.reset_parameters()
    return changed


@torch.no_grad()
def _draw(module: nn.Module, generator: torch.Generator) -> None:
    weight = getattr(module, "weight")  # noqa: B009
    drawn = torch.empty(weight.shape)
    nn.init.kaiming_normal_(drawn, nonlinearity="relu", generator=generator)
    weight.copy_(drawn)
    bias = getattr(module, "bias", None)
    if bias is not None:
        bias.zero_()
