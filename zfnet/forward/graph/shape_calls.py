"""What calls of torch's functions mean, as operations: arithmetic, joins, slices and other shapes.

Readers as in `layer_calls`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import accumulate
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from zfnet.forward.graph.arrangements import (
    Affine,
    Concatenation,
    Linear,
    MapSlice,
    Permutation,
    Pointwise,
    Reshape,
    Sum,
)
from zfnet.forward.graph.layer_calls import Read, Traced
from zfnet.forward.graph.operations import Operation, Padding


def add(result: Tensor, input: Any, other: Any, alpha: float = 1) -> Read:
    if isinstance(input, Traced) and isinstance(other, Traced):
        alike = input.tensor.shape == other.tensor.shape
        return (Sum(name="add", signs=(1, alpha)), [input, other]) if alike else None
    signal, constant = (input, other) if isinstance(input, Traced) else (other, input)
    times, on_constant = (1, alpha) if signal is input else (alpha, 1)
    return _affine("add", result, signal, times, constant * on_constant)


def sub(result: Tensor, input: Any, other: Any, alpha: float = 1) -> Read:
    if isinstance(input, Traced) and isinstance(other, Traced):
        alike = input.tensor.shape == other.tensor.shape
        return (Sum(name="sub", signs=(1, -alpha)), [input, other]) if alike else None
    if isinstance(input, Traced):
        return _affine("sub", result, input, 1, -alpha * other)
    return _affine("sub", result, other, -alpha, input)


def rsub(result: Tensor, input: Any, other: Any, alpha: float = 1) -> Read:
    return sub(result, other, input, alpha)


def neg(result: Tensor, input: Any) -> Read:
    return _affine("neg", result, input, -1, 0.0)


def mul(result: Tensor, input: Any, other: Any) -> Read:
    if isinstance(input, Traced) and isinstance(other, Traced):
        alike = input.tensor.shape == other.tensor.shape
        return Pointwise(name="mul", call=torch.mul, pointwise=alike), [input, other]
    signal, constant = (input, other) if isinstance(input, Traced) else (other, input)
    return _affine("mul", result, signal, constant, 0.0)


def div(result: Tensor, input: Any, other: Any, rounding_mode: str | None = None) -> Read:
    if rounding_mode is not None or not isinstance(input, Traced) or isinstance(other, Traced):
        return None
    return _affine("div", result, input, 1 / other, 0.0)


def _affine(name: str, result: Tensor, signal: Traced, factor: Any, shift: Any) -> Read:
    """factor * signal + shift, where both hold for every image."""
    shape = signal.tensor.shape
    if result.shape != shape or result.dtype != signal.tensor.dtype:
        return None
    constants = [value for value in (factor, shift) if isinstance(value, Tensor)]
    if any(value.ndim == len(shape) and value.shape[0] != 1 for value in constants):
        return None  # another one for each image
    everywhere = all(set(value.shape[-2:]) <= {1} for value in constants)
    return Affine(name=name, factor=factor, shift=shift, pointwise=everywhere), [signal]


def cat(result: Tensor, tensors: Sequence[Any], dim: int = 0) -> Read:
    signals = all(isinstance(value, Traced) for value in tensors)
    return (Concatenation(name="cat"), list(tensors)) if signals and dim % result.ndim == 1 else None


def in_pieces(results: Sequence[Tensor], input: Any, *args: Any, call: Any, dim: int) -> Read:
    """The reader of split, chunk and the like: several results of one signal, along a dimension."""
    dim %= input.tensor.ndim
    if dim == 0:
        return None
    if dim == 1 and all(piece.ndim == input.tensor.ndim for piece in results):
        stops = list(accumulate(piece.shape[1] for piece in results))
        starts = [0, *stops[:-1]]
        slices: list[Operation] = [MapSlice(name="split", start=a, stop=b) for a, b in zip(starts, stops, strict=True)]
        return slices, [input]
    pieces: list[Operation] = [Linear(name="split", call=partial(_piece, call, n)) for n in range(len(results))]
    return pieces, [input]


def _piece(call: Any, number: int, signal: Tensor) -> Tensor:
    piece: Tensor = call(signal)[number]
    return piece


def getitem(result: Tensor, input: Any, index: Any) -> Read:
    index = index if isinstance(index, tuple) else (index,)
    if not isinstance(input, Traced) or not all(i is None or i is ... or type(i) in (int, slice) for i in index):
        return None
    maps, whole = input.tensor, slice(None)
    if ... in index:
        at = index.index(...)
        missing = maps.ndim - sum(i is not None and i is not ... for i in index)
        index = (*index[:at], *[whole] * missing, *index[at + 1 :])
    if not index or not isinstance(index[0], slice) or len(range(*index[0].indices(len(maps)))) != len(maps):
        return None
    if all(i is None or i == whole for i in index):
        return reshaped("slice", result, input)
    if all(isinstance(i, slice) for i in index) and maps.ndim == 4:
        cut = _cut(maps, [*index, *[whole] * (4 - len(index))])
        if cut is not None:
            return cut, [input]
    return Linear(name="slice", call=lambda signal: signal[(whole, *index[1:])]), [input]


def _cut(maps: Tensor, index: list[slice]) -> Operation | None:
    """Part of the maps, or part of their places; None for both at once and for steps."""
    ranges = [range(*one.indices(size)) for one, size in zip(index[1:], maps.shape[1:], strict=True)]
    if any(one.step != 1 or len(one) == 0 for one in ranges):
        return None
    part = [len(one) != size for one, size in zip(ranges, maps.shape[1:], strict=True)]
    if not any(part[1:]):
        return MapSlice(name="slice", start=ranges[0].start, stop=ranges[0].stop)
    if part[0]:
        return None
    before, after = (-ranges[1].start, -ranges[2].start), (
        ranges[1].stop - maps.shape[2], ranges[2].stop - maps.shape[3],
    )  # fmt: skip
    return Padding(name="slice", before=before, after=after)


def narrow(result: Tensor, input: Any, dim: int, start: int, length: int) -> Read:
    index, first = [slice(None)] * input.tensor.ndim, start % input.tensor.shape[dim]  # a negative one is from the end
    index[dim] = slice(first, first + length)
    return getitem(result, input, tuple(index))


def reshaped(name: str, result: Tensor, input: Any) -> Read:
    """The reader of view, flatten and the like, which keep the order of the numbers."""
    if not isinstance(input, Traced) or not isinstance(result, Tensor) or result.ndim == 0:
        return None
    maps = input.tensor
    if result.dtype != maps.dtype or result.shape[0] != maps.shape[0] or result.numel() != maps.numel():
        return None
    places = min(maps.ndim, result.ndim) >= 4 and result.shape[-2:] == maps.shape[-2:]
    return Reshape(name=name, shape=tuple(result.shape[1:]), pointwise=places), [input]


def permute(result: Tensor, input: Any, *dims: Any) -> Read:
    order = dims[0] if len(dims) == 1 and not isinstance(dims[0], int) else dims
    return _permuted(input, [d % input.tensor.ndim for d in order])


def transpose(result: Tensor, input: Any, dim0: int, dim1: int) -> Read:
    order = list(range(input.tensor.ndim))
    order[dim0], order[dim1] = order[dim1], order[dim0]
    return _permuted(input, order)


def _permuted(input: Traced, order: list[int]) -> Read:
    last = list(range(len(order)))[-2:]
    if order[0] != 0:
        return None
    return Permutation(name="permute", order=tuple(order), pointwise=len(order) >= 4 and order[-2:] == last), [input]


def expand(result: Tensor, input: Any, *sizes: Any) -> Read:
    if not isinstance(input, Traced) or result.shape[0] != input.tensor.shape[0] or result.ndim != input.tensor.ndim:
        return None
    shape = result.shape[1:]
    return Linear(name="expand", call=lambda signal: signal.expand(len(signal), *shape)), [input]


def averaged(name: str, result: Tensor, input: Any, dim: Any = None, keepdim: bool = False) -> Read:
    """The reader of mean and sum, over other dimensions than the batch."""
    dims = [dim] if isinstance(dim, int) else dim
    if not dims or any(d % input.tensor.ndim == 0 for d in dims):
        return None
    return Linear(name=name, call=lambda signal: getattr(signal, name)(tuple(dims), keepdim=keepdim)), [input]


def resized(name: str, input: Any, call: Any) -> Read:
    """The reader of functions that are linear in their first argument and take nothing else from a signal."""
    pointwise = name == "channel_shuffle"
    return Linear(name=name, call=call, pointwise=pointwise), [input]


def unchanged(result: Any, input: Any) -> Read:
    """The reader of copies and conversions: nothing changes where the type and the values stay."""
    if not isinstance(input, Traced) or not isinstance(result, Tensor):
        return None
    same = result.dtype == input.tensor.dtype and result.shape == input.tensor.shape
    return input if same and result.device == input.tensor.device else None


def interpolated(result: Tensor, input: Any, *args: Any, **kwargs: Any) -> Read:
    """The reader of F.interpolate, but for sizes that a signal gives."""
    return resized("interpolate", input, lambda signal: F.interpolate(signal, *args, **kwargs))
