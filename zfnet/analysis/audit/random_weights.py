"""Networks of which some layers, or all, have weights drawn anew. Adebayo et al. 2018, arXiv:1810.03292."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

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
    Raises ValueError for a layer whose hooks compute its weights anew in every pass.
    """
    changed, generator = copy.deepcopy(model), torch.Generator().manual_seed(seed)
    own = False
    for name, module in list(changed.named_modules()):
        if isinstance(module, WITH_FILTERS):
            own = name in layers
            if own:
                _draw(name, module, generator)
        elif own and isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.reset_parameters()
    return changed


@torch.no_grad()
def _draw(name: str, module: nn.Module, generator: torch.Generator) -> None:
    for computed in list(getattr(module, "parametrizations", ())):  # else the norm undoes what is drawn
        with torch.enable_grad():  # what is left is a parameter only if it asks for gradients
            parametrize.remove_parametrizations(module, computed)
    weight = dict(module.named_parameters(recurse=False)).get("weight")
    if weight is None:
        raise ValueError(
            f"layer {name!r} computes its weight anew in every pass, so that none can be drawn: make it a parameter "
            "(torch.nn.utils.prune.remove, remove_weight_norm, remove_spectral_norm)"
        )
    drawn = torch.empty(weight.shape)
    nn.init.kaiming_normal_(drawn, nonlinearity="relu", generator=generator)
    weight.copy_(drawn)
    bias = getattr(module, "bias", None)
    if bias is not None:
        bias.zero_()
