"""Which modules' outputs the distances of Fig. 5 are measured at."""

from __future__ import annotations

from torch import Tensor, nn

from zfnet.forward import fault_of, trace
from zfnet.models import Conv, ConvNet, Full


def default_layers(model: nn.Module, images: Tensor) -> list[int | str]:
    """The first layer's output and the last one's before the class scores: the paper's 1 and 7.

    In networks that are not ours: the last module that runs before the second convolution or linear layer does, and
    before the last one. Modules that run more than once do not count. images (B, 3, H, W): one or more.
    Raises ValueError where there are no two such layers.
    """
    if isinstance(model, ConvNet):
        numbers = [int(part.name[-1]) for part in model.table if isinstance(part, Conv | Full)]
        return [numbers[0], numbers[-2]]
    modules = {name: module for name, module in model.named_modules() if name and not any(module.children())}
    graph = trace(model, images[:1])
    run = [name for name in graph.outputs if name in modules and not fault_of(graph, name)]
    filters = [at for at, name in enumerate(run) if isinstance(modules[name], nn.Conv2d | nn.Linear)]
    if len(filters) < 3:
        raise ValueError(f"{type(model).__name__} runs {len(filters)} convolutions and linear layers: name the layers")
    return [run[filters[1] - 1], run[filters[-1] - 1]]
