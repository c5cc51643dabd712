"""Hooks that see what modules return, and are gone afterwards."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

REGISTERING = threading.Lock()  # torch numbers its hooks without one


def run_watched(
    model: nn.Module, images: Tensor, modules: Mapping[str, str], arrive: Callable[[str, Any], None]
) -> Any:
    """Run images (B, 3, H, W) through the network once and return its answer.

    modules: layer -> dotted name of its module. arrive(layer, output) is called as each of them returns, before
    anything changes the output in place.
    """
    with temporary_hooks() as hooks:
        for layer, name in modules.items():
            hook = model.get_submodule(name).register_forward_hook
            hooks.put(hook, lambda module, inputs, output, layer=layer: arrive(layer, output))
        return model(images.clone())  # a copy, for networks that begin by changing their input in place


class Hooks:
    """Hooks that see what the network does in the thread that put them there; other threads may run it meanwhile."""

    def __init__(self) -> None:
        self._handles: list[RemovableHandle] = []
        self._thread = threading.get_ident()

    def put(self, register: Callable[[Callable[..., Any]], RemovableHandle], hook: Callable[..., Any]) -> None:
        """Register a hook: put(module.register_forward_hook, hook)."""

        def heard(*args: Any) -> Any:
            return hook(*args) if threading.get_ident() == self._thread else None

        with REGISTERING:
            self._handles.append(register(heard))

    def remove(self) -> None:
        """Take all of them away again."""
        for handle in self._handles:
            handle.remove()


@contextmanager
def temporary_hooks() -> Iterator[Hooks]:
    """Hooks that are removed at the end, whatever happens."""
    hooks = Hooks()
    try:
        yield hooks
    finally:
        hooks.remove()
