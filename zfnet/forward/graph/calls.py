"""Which reader tells what a call means, by the name of torch's function."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import Tensor

from zfnet.forward.graph import layer_calls, shape_calls
from zfnet.forward.graph.layer_calls import Read, Traced, activation, rectified

READERS: dict[str, Callable[..., Read]] = {
    **{
        name: getattr(layer_calls, name)
        for name in (
            "conv2d", "linear", "batch_norm", "local_response_norm", "max_pool2d", "avg_pool2d", "adaptive_max_pool2d",
            "amax", "adaptive_avg_pool2d", "pad", "softmax", "log_softmax",
        )
    },
    "special_softmax": layer_calls.softmax,
    "special_log_softmax": layer_calls.log_softmax,
    "contrast_norm": layer_calls.contrast_normalisation,
    **dict.fromkeys(
        ("dropout", "dropout1d", "dropout2d", "dropout3d", "feature_dropout", "alpha_dropout", "feature_alpha_dropout"),
        layer_calls.dropout,
    ),
    **dict.fromkeys(("add", "iadd", "radd"), shape_calls.add),
    **dict.fromkeys(("sub", "isub", "subtract"), shape_calls.sub),
    "rsub": shape_calls.rsub,
    **dict.fromkeys(("mul", "imul", "rmul", "multiply"), shape_calls.mul),
    **dict.fromkeys(("div", "truediv", "itruediv", "divide", "true_divide"), shape_calls.div),
    **dict.fromkeys(("neg", "negative"), shape_calls.neg),
    **dict.fromkeys(("cat", "concat", "concatenate"), shape_calls.cat),
    "getitem": shape_calls.getitem,
    "narrow": shape_calls.narrow,
    "permute": shape_calls.permute,
    **dict.fromkeys(("transpose", "swapaxes", "swapdims"), shape_calls.transpose),
    **dict.fromkeys(("expand", "expand_as"), shape_calls.expand),
    **dict.fromkeys(
        ("view_as", "reshape_as"), lambda result, input, other: shape_calls.reshaped("view_as", result, input)
    ),
    **dict.fromkeys(("interpolate", "upsample"), shape_calls.interpolated),
    **dict.fromkeys(
        ("contiguous", "clone", "to", "type", "float", "double", "half", "bfloat16", "type_as", "identity", "positive"),
        lambda result, input, *args, **kwargs: shape_calls.unchanged(result, input),
    ),
}  # fmt: skip
PIECES = ("chunk", "split", "tensor_split", "split_with_sizes", "unbind")
RESHAPING = ("view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze")
AVERAGING = ("mean", "sum")
RESIZING = ("pixel_shuffle", "pixel_unshuffle", "channel_shuffle", "conv_transpose2d")
RECTIFYING = ("relu", "relu6", "hardtanh", "clamp", "clip", "clamp_min", "threshold", "maximum", "max")
ACTIVATIONS = (
    "sigmoid", "hardsigmoid", "silu", "gelu", "hardswish", "tanh", "elu", "selu", "celu", "leaky_relu", "mish",
    "softplus", "hardtanh", "clamp", "clip", "clamp_min", "threshold", "exp", "log", "log1p", "sqrt", "rsqrt", "square",
    "abs", "pow", "softsign", "hardshrink", "softshrink", "logsigmoid",
)  # fmt: skip


def read(func: Callable[..., Any], result: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Read:
    """What a call was, from what it returned and its arguments, whose signals stand as `Traced`. None: not known."""
    name = called(func)
    try:
        return _read(name, func, result, args, kwargs)
    except (TypeError, AttributeError):  # other arguments than the reader takes: a form of the call it does not know
        return None


def called(func: Callable[..., Any]) -> str:
    """The plain name of a function of torch: "add" for torch.add, Tensor.add_, Tensor.__add__ and aten's."""
    return str(getattr(func, "__name__", func)).split(".")[0].strip("_")


def _read(name: str, func: Callable[..., Any], result: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Read:
    if name in READERS:
        return READERS[name](result, *args, **kwargs)
    if name in RECTIFYING and (found := rectified(name, args, kwargs)) is not None:
        return found
    first = args[0] if args else kwargs.get("input")
    others = (*args[1:], *(value for key, value in kwargs.items() if key != "input"))
    if not isinstance(first, Traced) or any(isinstance(value, Traced) for value in others):
        return None
    rest = {key: value for key, value in kwargs.items() if key not in ("input", "inplace")}
    call = partial(_again, func, args[1:], rest)
    if name in PIECES:
        dim = kwargs.get("dim", args[1] if name == "unbind" and args[1:] else args[2] if args[2:] else 0)
        return shape_calls.in_pieces(result, first, call=call, dim=dim)
    if name in RESHAPING:
        return shape_calls.reshaped(name, result, first)
    if name in AVERAGING:
        return shape_calls.averaged(name, result, *args, **kwargs)
    if name in RESIZING:
        return shape_calls.resized(name, first, call)
    constants = any(isinstance(value, Tensor) and value.numel() > 1 for value in others)
    return activation(name, (first,), call) if name in ACTIVATIONS and not constants else None


def _again(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], signal: Tensor) -> Any:
    """The call on another signal, which stays as it is."""
    in_place = str(getattr(func, "__name__", "")).endswith("_") and not str(func.__name__).endswith("__")
    return func(signal.clone() if in_place else signal, *args, **kwargs)
