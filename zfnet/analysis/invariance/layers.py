"""Which modules' outputs the distances of Fig. 5 are measured at."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from zfnet.analysis.feature_vector import output_of
from zfnet.deconv.by_autograd import watch
from zfnet.deconv.units import check_layer
from zfnet.forward.chain import NotAChain, chain_of
from zfnet.models import ConvNet
from zfnet.models.table import Conv, Full


def default_layers(model: nn.Module, images: Tensor) -> list[int | str]:
    """The first layer's output and the last one's before the class scores: the paper's 1 and 7.

    In networks that are not ours: the last module that runs before the second convolution or linear layer does, and
    before the last one. Modules that run more than once do not count. images: one or more that the network takes.
    Raises ValueError where there are no two such layers.
    """
    if isinstance(model, ConvNet):
        numbers = [int(part.name[-1]) for part in model.table if isinstance(part, Conv | Full)]
        return [numbers[0], numbers[-2]]
    modules = {name: module for name, module in model.named_modules() if name and not any(module.children())}
    run = list(watch(model, images, {name: name for name in modules}, False, ()).sizes)
    filters = [at for at, name in enumerate(run) if isinstance(modules[name], nn.Conv2d | nn.Linear)]
    if len(filters) < 3:
        raise ValueError(f"{type(model).__name__} runs {len(filters)} convolutions and linear layers: name the layers")
    return [run[filters[1] - 1], run[filters[-1] - 1]]


def modules_of(model: nn.Module, layers: Sequence[int | str]) -> dict[int | str, str]:
    """For each layer the module whose output is its feature vector, as `feature_vectors` has it.

    Raises ValueError for layers that are not there.
    """
    names = {layer: output_of(model, layer) for layer in layers}
    try:
        chain = chain_of(model)
    except NotAChain:
        there = [name for name, _ in model.named_modules(remove_duplicate=False) if name]
        for name in names.values():
            check_layer(name, there)
        return names
    for name in names.values():
        check_layer(name, chain.taps)
    return {layer: chain.steps[chain.taps[name]].name for layer, name in names.items()}
