"""Finding the strongest views while training: hooks that look at what the training's own forward passes compute."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from zfnet.analysis.evolution_strongest import Strongest
from zfnet.deconv import Deconvnet
from zfnet.deconv.chain import NotAChain, chain_of
from zfnet.training import Seen


def uncompiled(model: nn.Module) -> nn.Module:
    """The model itself, or a twin of a compiled one that shares its weights and runs as it is written."""
    if all(module._compiled_call_impl is None for module in model.modules()):
        return model
    shared = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    twin = copy.deepcopy(model, shared)
    for module in twin.modules():
        module._compiled_call_impl = None
    return twin


def output_modules(model: nn.Module, layers: Sequence[str]) -> dict[str, str]:
    """layer -> the module whose output a record keeps as the layer's maps: in our own networks the rectified one."""
    try:
        chain = chain_of(model)
    except NotAChain:
        return {layer: layer for layer in layers}
    return {layer: chain.steps[chain.taps[layer]].name for layer in layers}


class OnlineSearch:
    """Watches chosen maps (layer -> numbers) of a network in training, from `begin` to `end`.

    `see` says which images the next forward pass is of; the first pass after it is looked at, others are not. Compiled
    networks, whose inside no hook can see, are run once more for it, uncompiled and in eval mode.
    """

    def __init__(self, model: nn.Module, watched: Mapping[str, Sequence[int]], device: torch.device) -> None:
        self.device = device
        self.strongest = {layer: Strongest(maps, device) for layer, maps in watched.items()}
        plain = uncompiled(model)
        self._again = None if plain is model else Deconvnet(plain)
        self._model, self._modules = model, output_modules(plain, list(watched))
        self._hooks: list[RemovableHandle] = []
        self._waiting: set[str] = set()
        self._whose = self._readable = torch.empty(0)

    def clear(self) -> None:
        """Forget what was found."""
        for layer, strongest in self.strongest.items():
            self.strongest[layer] = Strongest(strongest.maps.tolist(), self.device)

    def begin(self) -> None:
        if self._again is None and not self._hooks:
            for layer, name in self._modules.items():
                self._hooks.append(self._model.get_submodule(name).register_forward_hook(self._look(layer)))

    def end(self) -> None:
        for hook in self._hooks:
            hook.remove()
        self._hooks, self._waiting = [], set()

    def see(self, seen: Seen) -> None:
        views = seen.views
        facts = torch.stack([seen.indices, views.rows, views.columns, views.flips.long()], dim=1)
        self._whose, self._readable = facts.to(self.device, non_blocking=True), seen.labels >= 0
        self._waiting = set(self.strongest)
        if self._again is not None:
            for layer, maps in self._again.activations(seen.images, list(self.strongest)).items():
                self._update(layer, maps)

    def _look(self, layer: str) -> Callable[[nn.Module, object, Tensor], None]:
        def hook(module: nn.Module, inputs: object, output: Tensor) -> None:
            if layer in self._waiting:
                self._update(layer, output.detach())

        return hook

    def _update(self, layer: str, maps: Tensor) -> None:
        self._waiting.discard(layer)
        self.strongest[layer].update(maps, self._whose, self._readable)
