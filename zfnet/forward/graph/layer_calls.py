"""What calls of torch's functions mean, as operations: layers with weights, pools, norms and rectifiers.

Each reader takes what the call returned and its arguments, under torch's names; signals stand as `Traced`. It returns
the operation and its signals, a signal alone where nothing changes, or None for a call that it does not know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch.nn.functional as F
from torch import Tensor

from zfnet.forward import Pair
from zfnet.forward.graph.arrangements import BatchNorm, Linear, Normalisation, Pointwise, Rectifier, Softmax
from zfnet.forward.graph.operations import (
    AveragePool,
    Convolution,
    FullyConnected,
    GlobalMax,
    MaxPool,
    Operation,
    Padding,
    Unknown,
)
from zfnet.models import contrast_norm


class Traced(NamedTuple):
    """A tensor (B, ...) computed from the image, and the position of the node whose output it is."""

    node: int
    tensor: Tensor


Read = tuple[Operation | list[Operation], Sequence[Traced]] | Traced | None


def conv2d(
    result: Tensor, input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Read:  # fmt: skip
    if not _alone(input, weight, bias) or input.tensor.ndim != 4:
        return None
    kernel, dilation = (weight.shape[2], weight.shape[3]), pair(dilation)
    before = after = (0, 0) if padding == "valid" else pair(padding) if padding != "same" else (0, 0)
    if padding == "same":  # the odd one goes to the end
        both = [dilation[axis] * (kernel[axis] - 1) for axis in (0, 1)]
        before, after = (both[0] // 2, both[1] // 2), (-(-both[0] // 2), -(-both[1] // 2))
    return Convolution(
        name="conv2d", weight=weight, bias=bias, stride=pair(stride), before=before, after=after, dilation=dilation,
        groups=groups,
    ), [input]  # fmt: skip


def linear(result: Tensor, input: Any, weight: Any, bias: Any = None) -> Read:
    if not _alone(input, weight, bias) or input.tensor.ndim < 2:
        return None
    return FullyConnected(name="linear", weight=weight, bias=bias), [input]


def batch_norm(
    result: Tensor, input: Any, running_mean: Any, running_var: Any, weight: Any = None, bias: Any = None,
    training: bool = False, momentum: float = 0.1, eps: float = 1e-5,
) -> Read:  # fmt: skip
    if training or running_mean is None:
        return Unknown(name="batch_norm", reason="with the statistics of the batch"), [input]
    if not _alone(input, weight, bias, running_mean, running_var) or input.tensor.ndim not in (2, 4):
        return None
    return BatchNorm(
        name="batch_norm", mean=running_mean, variance=running_var, weight=weight, bias=bias, eps=eps
    ), [input]  # fmt: skip


def local_response_norm(result: Tensor, input: Any, *args: Any, **kwargs: Any) -> Read:
    return Normalisation(
        name="local_response_norm", call=lambda maps: F.local_response_norm(maps, *args, **kwargs)
    ), [input]  # fmt: skip


def contrast_normalisation(result: Tensor, maps: Any, *args: Any, **kwargs: Any) -> Read:
    return Normalisation(name="contrast_norm", call=lambda maps: contrast_norm(maps, *args, **kwargs)), [maps]


def max_pool2d(
    result: Any, input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, return_indices: bool = False,
) -> Read:  # fmt: skip
    if input.tensor.ndim != 4:
        return None
    kernel = pair(kernel_size)
    return MaxPool(
        name="max_pool2d", kernel=kernel, stride=kernel if stride in (None, []) else pair(stride),
        padding=pair(padding), dilation=pair(dilation), ceil=ceil_mode,
    ), [input]  # fmt: skip


def avg_pool2d(
    result: Tensor, input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None,
) -> Read:  # fmt: skip
    if input.tensor.ndim != 4:
        return None
    kernel = pair(kernel_size)
    return AveragePool(
        name="avg_pool2d", kernel=kernel, stride=kernel if stride in (None, []) else pair(stride),
        padding=pair(padding), ceil=ceil_mode, count_pad=count_include_pad, divisor=divisor_override,
    ), [input]  # fmt: skip


def adaptive_max_pool2d(result: Any, input: Any, output_size: Any, return_indices: bool = False) -> Read:
    if input.tensor.ndim != 4 or pair(output_size) != (1, 1):
        return None
    return GlobalMax(name="adaptive_max_pool2d", keep_dims=True), [input]


def amax(result: Tensor, input: Any, dim: Any = (), keepdim: bool = False) -> Read:
    dims = [dim] if isinstance(dim, int) else dim
    if input.tensor.ndim != 4 or sorted(d % 4 for d in dims) != [2, 3]:
        return None
    return GlobalMax(name="amax", keep_dims=keepdim), [input]


def adaptive_avg_pool2d(result: Tensor, input: Any, output_size: Any) -> Read:
    call = partial(F.adaptive_avg_pool2d, output_size=output_size)
    return (Linear(name="adaptive_avg_pool2d", call=call), [input]) if input.tensor.ndim == 4 else None


def pad(result: Tensor, input: Any, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Read:
    maps = input.tensor
    if maps.ndim != 4 or len(pad) > 4:
        return None
    if mode != "constant":
        return Linear(name=f"pad ({mode})", call=lambda signal: F.pad(signal, pad, mode=mode)), [input]
    left, right, top, bottom = [*pad, 0, 0][:4]
    return Padding(name="pad", before=(top, left), after=(bottom, right), value=value or 0.0), [input]


def dropout(result: Tensor, input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Read:
    if training and p > 0:
        return Unknown(name="dropout", reason="left on in eval mode"), [input]
    return input


def softmax(result: Tensor, input: Any, dim: int | None = None, *args: Any, **kwargs: Any) -> Read:
    if not _over_classes(input, dim):
        return None
    return Softmax(name="softmax", call=lambda signal: F.softmax(signal, 1), log=False), [input]


def log_softmax(result: Tensor, input: Any, dim: int | None = None, *args: Any, **kwargs: Any) -> Read:
    if not _over_classes(input, dim):
        return None
    return Softmax(name="log_softmax", call=lambda signal: F.log_softmax(signal, 1), log=True), [input]


def rectifier(name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Any, float | None] | None:
    """What a call rectifies and its cap, if a rectifier is what it is: relu, or clamp, hardtanh ... that do the same.

    name: without underscores. Signals may stand as tensors or as `Traced`.
    """

    def argument(position: int, keyword: str, default: object = None) -> Any:
        return args[position] if len(args) > position else kwargs.get(keyword, default)

    x = argument(0, "input")
    if not isinstance(x, Tensor | Traced) or "out" in kwargs:
        return None
    match name:
        case "relu":
            return x, None
        case "relu6":
            return x, 6.0
        case "hardtanh":
            low, cap = argument(1, "min_val", -1.0), argument(2, "max_val", 1.0)
        case "clamp" | "clip":
            low, cap = argument(1, "min"), argument(2, "max")
        case "clamp_min":
            low, cap = argument(1, "min"), None
        case "threshold" if argument(1, "threshold") == argument(2, "value"):
            low, cap = argument(1, "threshold"), None
        case "maximum" | "max" if isinstance(argument(1, "other"), Tensor | Traced):
            low, cap = argument(1, "other"), None
            if not _is_signal(x):
                x, low = low, x
        case _:
            return None
    return (x, cap) if _is_zero(low) and (cap is None or (not isinstance(cap, Tensor) and cap > 0)) else None


def rectified(name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Read:
    """The reader of every call that may be a rectifier."""
    found = rectifier(name, args, kwargs)
    return None if found is None else (Rectifier(name=name, cap=found[1]), [found[0]])


def activation(name: str, args: tuple[Any, ...], call: Any) -> Read:
    """The reader of functions of each number alone that have no reverse rule."""
    return Pointwise(name=name, call=call), [args[0]]


def pair(value: Any) -> Pair:
    """One number for both axes, or two."""
    if isinstance(value, int):
        return value, value
    return (value[0], value[0]) if len(value) == 1 else (value[0], value[1])


def _over_classes(signal: Traced, dim: int | None) -> bool:
    """Whether a softmax is over dimension 1, which is also torch's own choice for (B, C) and (B, C, H, W)."""
    return signal.tensor.ndim in (2, 4) if dim is None else dim % signal.tensor.ndim == 1


def _alone(signal: Any, *constants: Any) -> bool:
    return isinstance(signal, Traced) and not any(isinstance(value, Traced) for value in constants)


def _is_signal(value: Tensor | Traced) -> bool:
    return isinstance(value, Traced) or value.requires_grad


def _is_zero(value: object) -> bool:
    if isinstance(value, Tensor):
        return not value.requires_grad and not bool(value.any())
    return isinstance(value, int | float) and value == 0
