"""A network as a flat chain of layers that the explicit reverse pass knows, or why it is not one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from torch import nn
from torchvision.models import VGG, AlexNet

from zfnet.forward.geometry import Field, Pair, Sliding
from zfnet.models import ContrastNorm, ConvNet

IDENTITIES = (nn.Identity, nn.Dropout, nn.Dropout2d)  # in eval mode
NORMS = (nn.LocalResponseNorm, ContrastNorm)
AVERAGES = (nn.AvgPool2d, nn.AdaptiveAvgPool2d)
LAYERS = (nn.Conv2d, nn.Linear, nn.ReLU, nn.MaxPool2d, nn.Flatten, nn.BatchNorm2d, *IDENTITIES, *NORMS, *AVERAGES)
FLATTENING = "(flatten)"  # done by a function in torchvision's chains: a step, but no layer to ask for


class NotAChain(ValueError):
    """The network is not a chain of known layers; the message says which part of it is something else."""


@dataclass(frozen=True)
class Step:
    """One layer of a chain, by the dotted name of its module."""

    name: str
    module: nn.Module


@dataclass
class Chain:
    """The layers in the order they run, and for every name the position of the step whose output it means.

    In a ConvNet a convolution or fully connected layer means its rectified output, elsewhere what the module returns.
    """

    steps: list[Step] = field(default_factory=list)
    taps: dict[str, int] = field(default_factory=dict)

    def fields(self) -> list[Field | None]:
        """The receptive field of every step's output; None where each unit sees the whole image."""
        fields: list[Field | None] = []
        current: Field | None = Field()
        for step in self.steps:
            if isinstance(step.module, nn.Flatten | nn.Linear | nn.AdaptiveAvgPool2d):
                current = None
            elif current is not None and (windows := sliding(step.module)) is not None:
                current = current.through(windows)
            fields.append(current)
        return fields

    def gives_scores(self, position: int) -> bool:
        """Whether the step's output leaves the network unchanged as one number a class."""
        rest = self.steps[position + 1 :]
        flat = any(isinstance(step.module, nn.Flatten | nn.Linear) for step in self.steps)
        return flat and all(isinstance(step.module, (nn.Flatten, *IDENTITIES)) for step in rest)


def chain_of(model: nn.Module) -> Chain:
    """The model as a chain. Raises NotAChain, which names the first part that is not a known layer."""
    chain = Chain()
    _add(chain, "", model)
    if not chain.steps:
        raise NotAChain(f"{type(model).__name__} has no layers")
    if isinstance(model, ConvNet):
        for position, step in enumerate(chain.steps[:-1]):
            following = chain.steps[position + 1].module
            if isinstance(step.module, nn.Conv2d | nn.Linear) and isinstance(following, nn.ReLU):
                chain.taps[step.name] = position + 1
    del chain.taps[""]
    chain.taps.pop(FLATTENING, None)
    return chain


def _add(chain: Chain, name: str, module: nn.Module) -> None:
    if type(module) in LAYERS:
        _refuse_unusual(name, module)
        chain.steps.append(Step(name, module))
    else:
        for child_name, child in _children(name, module):
            _add(chain, f"{name}.{child_name}" if name else child_name, child)
    if chain.steps:
        chain.taps[name] = len(chain.steps) - 1


def _children(name: str, module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    if module._forward_hooks or module._forward_pre_hooks:
        raise NotAChain(f"{_called(name, module)} has forward hooks, which may change what passes through it")
    if isinstance(module, nn.Sequential) and type(module).forward is nn.Sequential.forward:
        yield from ((n, m) for n, m in module._modules.items() if m is not None)  # with repeats, unlike named_children
    elif isinstance(module, VGG | AlexNet) and type(module).forward in (VGG.forward, AlexNet.forward):
        yield from (("features", module.features), ("avgpool", module.avgpool))
        yield from ((FLATTENING, nn.Flatten()), ("classifier", module.classifier))
    else:
        raise NotAChain(f"{_called(name, module)} is not a layer that the explicit reverse pass knows")


def _refuse_unusual(name: str, module: nn.Module) -> None:
    """Raise NotAChain for layers whose options the reverse pass does not know."""
    unusual = None
    if isinstance(module, nn.Conv2d):
        if module.padding_mode != "zeros":
            unusual = f"padding_mode={module.padding_mode!r}"
        elif module.padding == "same" and any(d * (k - 1) % 2 for d, k in _dilation_and_kernel(module)):
            unusual = "a padding that is wider on one side"
    elif isinstance(module, nn.BatchNorm2d) and module.running_mean is None:
        unusual = "no running statistics"
    elif isinstance(module, nn.Flatten) and (module.start_dim, module.end_dim) != (1, -1):
        unusual = f"start_dim={module.start_dim}, end_dim={module.end_dim}"
    if unusual is not None:
        raise NotAChain(f"{_called(name, module)} has {unusual}, which the explicit reverse pass does not know")


def _called(name: str, module: nn.Module) -> str:
    kind = type(module).__name__
    return f"layer {name!r} ({kind})" if name else kind


def sliding(module: nn.Module) -> Sliding | None:
    """The windows of a convolution or a pool; None for layers that work on each place alone."""
    if isinstance(module, nn.Conv2d):
        return Sliding(_extent(module.kernel_size, module.dilation), _two(module.stride), padding(module))
    if isinstance(module, nn.MaxPool2d):
        kernel, dilation = _two(module.kernel_size), _two(module.dilation)
        return Sliding(_extent(kernel, dilation), _two(module.stride), _two(module.padding))
    if isinstance(module, nn.AvgPool2d):
        return Sliding(_two(module.kernel_size), _two(module.stride), _two(module.padding))
    return None


def padding(conv: nn.Conv2d) -> Pair:
    """The zeros a convolution puts before the first row and column."""
    if isinstance(conv.padding, str):
        same = conv.padding == "same"
        rows, columns = (d * (k - 1) // 2 if same else 0 for d, k in _dilation_and_kernel(conv))
        return rows, columns
    return _two(conv.padding)


def _dilation_and_kernel(conv: nn.Conv2d) -> list[tuple[int, int]]:
    """Both of each axis, rows and columns."""
    return list(zip(conv.dilation, conv.kernel_size, strict=True))


def _extent(kernel: tuple[int, ...], dilation: tuple[int, ...]) -> Pair:
    return dilation[0] * (kernel[0] - 1) + 1, dilation[1] * (kernel[1] - 1) + 1


def _two(value: int | tuple[int, ...]) -> Pair:
    return (value, value) if isinstance(value, int) else (value[0], value[1])
