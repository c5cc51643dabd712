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
NORMS = (nn.BatchNorm2d, nn.GroupNorm, nn.InstanceNorm2d, nn.LayerNorm)


def layers_below(model: nn.Module, images: Tensor, layer: str) -> list[str]:
    """The convolutions and linear layers from which a layer is computed, its own first and the pixels' last."""
    names = named_layers(model)
    with undisturbed(model):
        graph = trace(model, like_parameters(model, images[:1]))
    (top, *_) = graph.outputs[names.module_of(layer)]
    if top is None:
        return list(reversed(Deconvnet(model).layers))
    below = set(graph.below(top))
    run = {graph.nodes[node].where for node in below}
    convs = [
        one
        for one in names.filters
        if any(node in below for node in graph.outputs.get(one, [])) or _attention(model, one) in run
    ]
    return list(reversed(convs))


def _attention(model: nn.Module, layer: str) -> str | None:
    """The attention whose last layer this is: it reads the weights of that, which never runs itself."""
    parent = layer.rpartition(".")[0]
    return parent if isinstance(model.get_submodule(parent), nn.MultiheadAttention) else None


def spread_stages(layers: Sequence[str], count: int) -> list[int]:
    """How many layers from the last one down each stage of a cascade draws anew: at most `count`, the last one all."""
    if count < 1:
        raise ValueError(f"stages={count}, expected 1 or more")
    total = len(layers)
    return sorted({max(1, round(total * stage / count)) for stage in range(1, count + 1)} | {1})


def drawn_anew(model: nn.Module, layers: Sequence[str], seed: int) -> nn.Module:
    """A copy of the network in which the named layers have new weights: normal by Kaiming's rule, biases of zero.

    He et al. 2015, arXiv:1502.01852: what goes up keeps its size, so that a picture changes for what the weights were
    and not for how large they are. The normalisation after a layer starts anew with it, and so do the queries, keys and
    values before an attention's last layer. Parameters of no layer, such as a class token, stay, and so does the model.
    Raises ValueError for a layer whose hooks compute its weights anew in every pass.
    """
    changed, generator = copy.deepcopy(model), torch.Generator().manual_seed(seed)
    own = False
    for name, module in list(changed.named_modules()):
        if isinstance(module, WITH_FILTERS):
            own = name in layers
            if own:
                _draw(name, module, generator)
        elif own and isinstance(module, NORMS):
            module.reset_parameters()  # running statistics too
        elif isinstance(module, nn.MultiheadAttention) and f"{name}.out_proj" in layers:
            _draw_attention(module, generator)
    return changed


@torch.no_grad()
def _draw_attention(module: nn.MultiheadAttention, generator: torch.Generator) -> None:
    for weight in (module.in_proj_weight, module.q_proj_weight, module.k_proj_weight, module.v_proj_weight):
        if weight is not None:  # of all three together, or of each
            weight.copy_(_kaiming(weight, generator))
    for bias in (module.in_proj_bias, module.bias_k, module.bias_v):
        if bias is not None:
            bias.zero_()


def _kaiming(weight: Tensor, generator: torch.Generator) -> Tensor:
    return nn.init.kaiming_normal_(torch.empty(weight.shape), nonlinearity="relu", generator=generator)


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
    weight.copy_(_kaiming(weight, generator))
    bias = getattr(module, "bias", None)
    if bias is not None:
        bias.zero_()
