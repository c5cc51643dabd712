"""The deconvnet rule by autograd, for any network: relu itself is changed, wherever and however it is called."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakIdKeyDictionary

from zfnet.forward import rectifier

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
            found = rectifier(name.strip("_"), args, kwargs)
            if found is not None and found[0].requires_grad:
                return self._rectify(*found, in_place=name.endswith("_") or bool(kwargs.get("inplace")))
            if name == "amax" and (values := _global_max(args, kwargs)) is not None:
                return values
        result = func(*args, **kwargs)
        if name in ("local_response_norm", "contrast_norm"):
            return self._normalise(args[0] if args else kwargs["input"], result)
        self._note(name, [*_tensors(args), *_tensors(kwargs.values())], list(_tensors((result,))))
        return result

    def _normalise(self, x: Tensor, normalised: Tensor) -> Tensor:
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


def _global_max(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Tensor | None:
    """The maxima of whole maps (N, C, H, W) with the first place of each as its switch, for a call of amax over them.

    amax itself would share its gradient among equal values.
    """
    maps = args[0] if args else kwargs["input"]
    dim = args[1] if args[1:] else kwargs.get("dim", ())
    keep_dims = args[2] if args[2:] else kwargs.get("keepdim", False)
    dims = [dim] if isinstance(dim, int) else dim
    if maps.ndim != 4 or sorted(d % 4 for d in dims) != [2, 3]:
        return None
    values = F.adaptive_max_pool2d(maps, 1)
    return values if keep_dims else values.flatten(1)


def _tensors(values: Iterable[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)
