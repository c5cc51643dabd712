"""Seeing what a network does while it does it: every call of torch's functions becomes a node of a graph.

The network runs as it is written, on real images, with any control flow; nothing is traced symbolically or compiled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakIdKeyDictionary

from zfnet.forward.graph.calls import called, read
from zfnet.forward.graph.layer_calls import Read, Traced
from zfnet.forward.graph.operations import GlobalMax, Image, MaxPool, Node, Operation, Unknown
from zfnet.forward.graph.switches import window_places

POOLS: dict[str, tuple[Callable[..., Any], int]] = {  # and how many arguments there are before return_indices
    "max_pool2d": (F.max_pool2d, 6), "adaptive_max_pool2d": (F.adaptive_max_pool2d, 2),
}  # fmt: skip
LOOKING = ("__get__", "size", "dim", "stride", "numel", "is_floating_point", "data_ptr", "__len__")
READING = (  # numbers, which a network may choose by, or compute with where nobody sees it
    "item", "tolist", "numpy", "__array__", "__bool__", "__float__", "__int__", "__index__", "__complex__",
    "__contains__", "equal", "allclose", "is_nonzero",
)  # fmt: skip


class Touched(TorchDispatchMode):
    """Inside, every tensor that anything computed from the images (B, C, H, W) in any way is remembered.

    Slower than the recorder, and it does not know what the operations mean; but nothing escapes it.
    """

    def __init__(self, images: Tensor) -> None:
        super().__init__()
        self._met = WeakIdKeyDictionary()
        self._met[images] = True

    def __contains__(self, tensor: Tensor) -> bool:
        return tensor in self._met

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        given = _flat((*args, *(kwargs or {}).values()))
        if any(isinstance(value, Tensor) and value in self._met for value in given):
            for value in _flat((result,)):
                if isinstance(value, Tensor):
                    self._met[value] = True
        return result


class Recorder(TorchFunctionMode):
    """Inside, what is computed from the images (B, C, H, W) is noted down, call by call.

    nodes: in the order they ran. switches: of max pools, by node, where they are wanted: (B, C, h, w) each, the place
    of each maximum within its window, counted row by row; of global ones its place in the map, (B, C, 1, 1).
    values: by node what it gave, before anything changes it in place, where they are wanted. where: the dotted name of
    the module that runs now, which whoever runs the network keeps up to date. touched: sees what these calls do not
    show; what it found to depend on the images is then of an unknown operation. reads: whether numbers of what is
    computed from the images became Python's.
    """

    def __init__(
        self, images: Tensor, *, switches: bool = False, values: bool = False, touched: Touched | None = None
    ) -> None:
        super().__init__()
        self.nodes = [Node(operation=Image(name="image"), inputs=(), shape=tuple(images.shape[1:]))]
        self.switches: dict[int, Tensor] | None = {} if switches else None
        self.values: dict[int, Tensor] | None = {0: images} if values else None
        self.where, self.reads = "", False
        self._touched = touched
        self._of = WeakIdKeyDictionary()  # tensors computed from the images -> their node, and their version then
        self._of[images] = (0, images._version)

    def node_of(self, tensor: Tensor) -> int | None:
        """The node whose output a tensor is; None if it is of none, or was changed since by what nobody saw."""
        node, version = self._of.get(tensor, (None, -1))
        return node if version == tensor._version else None

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__name__", "") in LOOKING and not isinstance(result := func(*args, **kwargs), Tensor):
            return result
        seen, signals = self._seen(args, kwargs)
        if not signals:
            return func(*args, **kwargs)
        self.reads |= getattr(func, "__name__", "") in READING
        if self.values is not None and _is_in_place(func, kwargs) and isinstance(args[0], Tensor):
            self._keep_a_copy(args[0])
        name, switches = called(func), None
        if self.switches is not None and name in POOLS:
            result, switches = _pooled(name, args, kwargs)
        else:
            result = func(*args, **kwargs)
        self._note(read(func, result, *seen), result, name, signals, switches)
        return result

    def _seen(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, list[Traced]]:
        """The arguments with signals in place of tensors, and the signals."""
        signals: list[Traced] = []

        def replaced(value: Any) -> Any:
            if isinstance(value, Tensor):
                if value not in self._of:
                    if self._touched is None or value not in self._touched:
                        return value
                    hidden = Unknown(name="an operation", reason="out of sight (scripted, or an autograd.Function)")
                    self._add(hidden, (0,), value)
                node, version = self._of[value]
                if version != value._version:
                    node = self._add(Unknown(name="a change in place", reason="that nobody saw"), (node,), value)
                signals.append(Traced(node, value))
                return signals[-1]
            if type(value) in (list, tuple):
                return type(value)(map(replaced, value))
            return value

        return (replaced(args), {key: replaced(value) for key, value in kwargs.items()}), signals

    def _keep_a_copy(self, tensor: Tensor) -> None:
        assert self.values is not None
        storage = tensor.untyped_storage().data_ptr()
        for node, value in self.values.items():
            if value.untyped_storage().data_ptr() == storage:
                self.values[node] = value.clone()

    def _note(self, found: Read, result: Any, name: str, signals: list[Traced], switches: Tensor | None) -> None:
        results = [value for value in _flat((result,)) if isinstance(value, Tensor)]
        if isinstance(found, Traced):
            for value in results:
                self._of[value] = (found.node, value._version)
            return
        inputs = tuple(signal.node for signal in signals)
        operations: Sequence[Operation] = [Unknown(name=name)] * len(results)
        hidden = any(signal.tensor.requires_grad for signal in signals) and not any(r.requires_grad for r in results)
        if found is not None and not hidden:  # inside an autograd.Function, or a no_grad that the network itself has
            operations = found[0] if isinstance(found[0], list) else [found[0]]
            inputs = tuple(signal.node for signal in found[1])
        if operations and isinstance(operations[0], MaxPool | GlobalMax) and len(results) == 2:
            results.pop()  # the switches, which the caller asked for
        for operation, value in zip(operations, results, strict=False):
            node = self._add(operation, inputs, value)
            if self.switches is not None and isinstance(operation, MaxPool | GlobalMax):
                self.switches[node] = self._places(operation, switches, signals[0].tensor)

    def _places(self, operation: MaxPool | GlobalMax, switches: Tensor | None, below: Tensor) -> Tensor:
        if isinstance(operation, MaxPool):
            assert switches is not None
            return window_places(switches, operation, below.shape[3])
        if switches is None:  # amax
            switches = below.flatten(2).argmax(2)[:, :, None, None]
        return switches

    def _add(self, operation: Operation, inputs: tuple[int, ...], value: Tensor) -> int:
        node = len(self.nodes)
        self.nodes.append(Node(operation=operation, inputs=inputs, shape=tuple(value.shape[1:]), where=self.where))
        self._of[value] = (node, value._version)
        if self.values is not None:
            self.values[node] = value
        return node


def _pooled(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Tensor]:
    """What the call of a max pool returns, and its switches: flat indices (B, C, h, w) into the map below."""
    pool, count = POOLS[name]
    asked = kwargs.get("return_indices") or any(args[count:])
    pooled, switches = pool(*args[:count], **{**kwargs, "return_indices": True})
    return ((pooled, switches) if asked else pooled), switches


def _is_in_place(func: Callable[..., Any], kwargs: dict[str, Any]) -> bool:
    name = str(getattr(func, "__name__", ""))
    method = name.endswith("_") and not name.endswith("__")
    return method or name.startswith("__i") or name == "__setitem__" or kwargs.get("inplace") is True


def _flat(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, list | tuple):
            yield from _flat(value)
        else:
            yield value
