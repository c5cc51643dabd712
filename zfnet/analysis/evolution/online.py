"""Finding the strongest views while training: hooks that look at what the training's own forward passes compute."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from zfnet.analysis.evolution.strongest import Strongest
from zfnet.deconv import Deconvnet
from zfnet.forward import covers, places_to_look
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


class OnlineSearch:
    """Watches chosen maps (layer -> numbers) of a network in training.

    `see` says which images the next forward pass is of: that pass is looked at, others are not. The network has hooks
    from then to the end of that pass alone, so that none are left whatever stops the training; `end` removes those of
    a pass that never came. Compiled networks, whose inside no hook can see, are run once more for it, uncompiled, in
    eval mode and full precision.
    """

    def __init__(self, model: nn.Module, watched: Mapping[str, Sequence[int]], device: torch.device) -> None:
        self.device = device
        self.strongest = {layer: Strongest(maps, device) for layer, maps in watched.items()}
        plain = uncompiled(model)
        self._uncompiled = None if plain is model else Deconvnet(plain)
        self._model, self._places = model, places_to_look(plain, list(watched))
        self._hooks: list[RemovableHandle] = []

    def clear(self) -> None:
        """Forget what was found."""
        for layer, strongest in self.strongest.items():
            self.strongest[layer] = Strongest(strongest.maps.tolist(), self.device)

    def end(self) -> None:
        """Remove the hooks of a pass that never came."""
        for hook in self._hooks:
            hook.remove()
        self._hooks = []

    def see(self, seen: Seen) -> None:
        """Say which images (B, 3, H, W), in which views, the next forward pass is of."""
        self.end()
        views, warps = seen.views, seen.views.warps
        facts = torch.stack([seen.indices, views.rows, views.columns, views.flips.long()], dim=1)  # (B, 4)
        origins = facts.to(self.device, non_blocking=True)
        batch = origins, None if warps is None else warps.to(self.device, non_blocking=True), seen.labels >= 0
        if self._uncompiled is not None:
            for layer, maps in self._uncompiled.activations(seen.images, list(self.strongest)).items():
                self.strongest[layer].update(maps, *batch)
        else:
            self._hooks = [self._watch(layer, batch) for layer in self.strongest]

    def _watch(self, layer: str, batch: tuple[Tensor, Tensor | None, Tensor]) -> RemovableHandle:
        """Have the layer's maps looked at in the next pass, once."""
        name, pools = self._places[layer]

        def look(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            hook.remove()
            if pools:
                maps, pooled = inputs[0].detach(), output.detach()
                self.strongest[layer].update(maps, *batch, pooled if covers(module, pooled, maps) else None)
            else:
                self.strongest[layer].update(output.detach(), *batch)

        hook = self._model.get_submodule(name).register_forward_hook(look)
        return hook
