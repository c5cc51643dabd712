"""The deconvnet rule by autograd, for any network: relu itself is changed, wherever and however it is called."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakIdKeyDictionary

RULES = ("deconvnet", "guided", "gradient")
BLANK = ("zeros_like", "ones_like", "empty_like", "full_like", "new_zeros", "new_ones", "new_empty", "new_full")


class Rectify(torch.autograd.Function):
    """A rectifier, capped or not, whose gradient is rectified; `masked` (guided) also asks for a positive input.

    Of tensors of any shape, place by place.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, cap: float | None, in_place: bool, masked: bool) -> Tensor:
        if masked:
            ctx.save_for_backward((x > 0) if cap is None else (x > 0) & (x < cap))
        if in_place:
            ctx.mark_dirty(x)
            return x.clamp_(0, cap)
        return x.clamp(0, cap)

    @staticmethod
    def backward(ctx: Any, signal: Tensor) -> tuple[Tensor, None, None, None]:
        rectified = signal.clamp(min=0)
        for passing in ctx.saved_tensors:
            rectified = rectified * passing
        return rectified, None, None, None


class PassThrough(torch.autograd.Function):
    """The value of a contrast normalisation of maps (N, C, H, W), whose reverse is the identity."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, normalised: Tensor) -> Tensor:
        return normalised.clone()

    @staticmethod
    def backward(ctx: Any, signal: Tensor) -> tuple[Tensor, None]:
        return signal, None


class Rule(TorchFunctionMode):
    """Inside, rectifiers follow the rule "deconvnet" or "guided", and what autograd cannot tell is noted down.

    Rectifiers are relu, relu6, and hardtanh, threshold, clamp and maximum where they do the same, as functions,
    methods and modules, in place or not. For `soundness.check` are noted, by gradient node:
    hidden: operations that mix a signal with a function of it that has no gradient, such as x * (x > 0);
    settled: normalisations whose plain gradient the guided rule takes, with the node below them;
    sliced: changes in place of a part of a tensor that were rectifications.
    """

    def __init__(self, rule: str) -> None:
        super().__init__()
        self.rule = rule
        self.hidden: dict[Any, str] = {}
        self.settled: dict[Any, Any] = {}
        self.sliced: set[Any] = set()
        self._without_gradient = WeakIdKeyDictionary()  # tensors computed from the signal

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        name = str(getattr(func, "__name__", func)).split(".")[0]  # torch.ops.aten.relu.default is "relu.default"
        if torch.is_grad_enabled():
            rectifier = _rectifier(name.strip("_"), args, kwargs)
            if rectifier is not None and rectifier[0].requires_grad:
                return self._rectify(*rectifier, in_place=name.endswith("_") or bool(kwargs.get("inplace")))
        result = func(*args, **kwargs)
        if name == "local_response_norm":
            return self.normalise(args[0] if args else kwargs["input"], result)
        self._note(name, [*_tensors(args), *_tensors(kwargs.values())], list(_tensors((result,))))
        return result

    def normalise(self, x: Tensor, normalised: Tensor) -> Tensor:
        """A contrast normalisation of x: passed through by the deconvnet, its own gradient in guided ones.

        x, normalised: (N, C, H, W) both. Returns the normalised maps, with that reverse.
        """
        if self.rule == "deconvnet":
            passed: Tensor = PassThrough.apply(x, normalised.detach())
            return passed
        self.settled[normalised.grad_fn] = x.grad_fn
        return normalised

    def _rectify(self, x: Tensor, cap: float | None, in_place: bool) -> Tensor:
        rectified: Tensor = Rectify.apply(x, cap, in_place, self.rule == "guided")
        if in_place and x._is_view():
            assert x._base is not None
            self.sliced.add(x._base.grad_fn)
        return rectified

    def _note(self, name: str, inputs: list[Tensor], outputs: list[Tensor]) -> None:
        hidden = any(not tensor.requires_grad and tensor in self._without_gradient for tensor in inputs)
        signal = any(tensor.requires_grad and not tensor.is_leaf for tensor in inputs)  # leaves are parameters
        for tensor in outputs if (hidden or signal) and name not in BLANK else ():
            if not tensor.requires_grad:
                self._without_gradient[tensor] = True
            elif hidden:
                self.hidden[tensor.grad_fn] = name


def _rectifier(name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Tensor, float | None] | None:
    """What a call rectifies and its cap, if a rectifier is what it is."""

    def argument(position: int, keyword: str, default: object = None) -> Any:
        return args[position] if len(args) > position else kwargs.get(keyword, default)

    x = argument(0, "input")
    if not isinstance(x, Tensor) or "out" in kwargs:
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
        case "maximum" | "max" if isinstance(argument(1, "other"), Tensor):
            low, cap = argument(1, "other"), None
            if not x.requires_grad:
                x, low = low, x
        case _:
            return None
    return (x, cap) if _is_zero(low) and (cap is None or (not isinstance(cap, Tensor) and cap > 0)) else None


def _is_zero(value: object) -> bool:
    if isinstance(value, Tensor):
        return not value.requires_grad and not bool(value.any())
    return isinstance(value, int | float) and value == 0


def _tensors(values: Iterable[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)
