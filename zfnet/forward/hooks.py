"""Hooks that see what modules return, and are gone afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle


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
            hooks.append(hook(lambda module, inputs, output, layer=layer: arrive(layer, output)))
        return model(images.clone())  # a copy, for networks that begin by changing their input in place


@contextmanager
def temporary_hooks() -> Iterator[list[RemovableHandle]]:
    """A list of hooks that are removed at the end, whatever happens."""
    hooks: list[RemovableHandle] = []
    try:
        yield hooks
    finally:
        for hook in hooks:
            hook.remove()
