"""Operations on each place alone, joins, and other arrangements of the same numbers: the rest of `operations`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from zfnet.forward.operations import Operation, Unknown


@dataclass(frozen=True, kw_only=True, eq=False)
class Rectifier(Operation):
    """Relu, up to the cap where there is one."""

    pointwise: bool = True
    cap: float | None = None

    def __call__(self, *signals: Tensor) -> Tensor:
        return signals[0].clamp(0, self.cap)


@dataclass(frozen=True, kw_only=True, eq=False)
class Normalisation(Operation):
    """A contrast normalisation, which the deconvnet passes through."""

    pointwise: bool = True
    call: Callable[[Tensor], Tensor]

    def __call__(self, *signals: Tensor) -> Tensor:
        return self.call(signals[0])


@dataclass(frozen=True, kw_only=True, eq=False)
class BatchNorm(Operation):
    """A factor and a shift for each map, as running statistics give them."""

    pointwise: bool = True
    mean: Tensor
    variance: Tensor
    weight: Tensor | None
    bias: Tensor | None
    eps: float

    def factor(self) -> Tensor:
        """What each map is multiplied by, (C,)."""
        scale = torch.rsqrt(self.variance + self.eps)
        return scale if self.weight is None else scale * self.weight

    def __call__(self, *signals: Tensor) -> Tensor:
        return F.batch_norm(signals[0], self.mean, self.variance, self.weight, self.bias, False, 0.0, self.eps)


@dataclass(frozen=True, kw_only=True, eq=False)
class Affine(Operation):
    """factor * x + shift, both numbers or tensors that hold for every image: (C, 1, 1), (1, C, 1, 1) ..."""

    pointwise: bool = True
    factor: Tensor | float
    shift: Tensor | float = 0.0

    def __call__(self, *signals: Tensor) -> Tensor:
        return signals[0] * self.factor + self.shift


@dataclass(frozen=True, kw_only=True, eq=False)
class Sum(Operation):
    """The sum of signals of one shape, each times its sign."""

    pointwise: bool = True
    signs: tuple[float, ...]

    def __call__(self, *signals: Tensor) -> Tensor:
        total = signals[0] * self.signs[0] if self.signs[0] != 1 else signals[0]
        for sign, signal in zip(self.signs[1:], signals[1:], strict=True):
            total = torch.add(total, signal, alpha=sign)
        return total


@dataclass(frozen=True, kw_only=True, eq=False)
class Concatenation(Operation):
    """Maps of several signals one after the other."""

    pointwise: bool = True

    def __call__(self, *signals: Tensor) -> Tensor:
        return torch.cat(signals, 1)


@dataclass(frozen=True, kw_only=True, eq=False)
class MapSlice(Operation):
    """Some of the maps, start to stop."""

    pointwise: bool = True
    start: int
    stop: int

    def __call__(self, *signals: Tensor) -> Tensor:
        return signals[0][:, self.start : self.stop]


@dataclass(frozen=True, kw_only=True, eq=False)
class Reshape(Operation):
    """The same numbers in another shape, without the batch. pointwise: rows and columns stay as they are."""

    shape: tuple[int, ...]

    def __call__(self, *signals: Tensor) -> Tensor:
        shape = (*self.shape[:-2], *signals[0].shape[-2:]) if self.pointwise else self.shape
        return signals[0].reshape(len(signals[0]), *shape)


@dataclass(frozen=True, kw_only=True, eq=False)
class Permutation(Operation):
    """Dimensions in another order, the batch first. pointwise: rows and columns stay last."""

    order: tuple[int, ...]

    def __call__(self, *signals: Tensor) -> Tensor:
        return signals[0].permute(self.order)


@dataclass(frozen=True, kw_only=True, eq=False)
class Linear(Operation):
    """Any other operation that is linear in one signal: its reverse is its gradient, which is the same everywhere."""

    call: Callable[[Tensor], Tensor]

    def __call__(self, *signals: Tensor) -> Tensor:
        return self.call(signals[0])


@dataclass(frozen=True, kw_only=True, eq=False)
class Pointwise(Operation):
    """An operation on each place that has no reverse: other activations, products of signals."""

    pointwise: bool = True
    call: Callable[..., Tensor]

    def __call__(self, *signals: Tensor) -> Tensor:
        return self.call(*signals)


@dataclass(frozen=True, kw_only=True, eq=False)
class Softmax(Pointwise):
    """Probabilities of what enters it, or their logarithms, over dimension 1."""

    log: bool


IRREVERSIBLE = (Unknown, Pointwise)
