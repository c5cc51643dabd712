"""Each layer's strongest activations over a pass, by which maps are known that answer to nothing."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from zfnet.training import World


class StrongestActivations:
    """Watches every convolution and linear layer of a model from `begin` to `end`."""

    def __init__(self) -> None:
        self._strongest: dict[str, Tensor] = {}
        self._hooks: list[RemovableHandle] = []

    def begin(self, model: nn.Module) -> None:
        """Look at all passes that follow."""
        self._strongest = {}
        for name, module in model.named_modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                maps = module.weight.shape[0]
                self._strongest[name] = torch.full((maps,), -torch.inf, device=module.weight.device)
                self._hooks.append(module.register_forward_hook(self._keep(name)))

    def _keep(self, name: str) -> Callable[[nn.Module, object, Tensor], None]:
        def hook(module: nn.Module, inputs: object, output: Tensor) -> None:
            maps_at = 1 if isinstance(module, nn.Conv2d) else output.ndim - 1  # (B, maps, h, w) or (B, ..., units)
            strongest = output.detach().transpose(0, maps_at).flatten(1).amax(1)  # (maps,)
            self._strongest[name] = torch.maximum(self._strongest[name], strongest.to(self._strongest[name].dtype))

        return hook

    def end(self, world: World) -> dict[str, Tensor]:
        """layer -> (maps,), over all processes, which must all call it; without layers that no image went through.

        One exchange for all layers: a process may have had no image and seen none of them.
        """
        for hook in self._hooks:
            hook.remove()
        self._hooks = []
        if not self._strongest:
            return {}
        together = world.max(torch.cat(list(self._strongest.values())))
        layers = zip(self._strongest, together.split([len(one) for one in self._strongest.values()]), strict=True)
        return {name: values for name, values in layers if bool((values > -torch.inf).any())}
