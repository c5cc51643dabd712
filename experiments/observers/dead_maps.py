"""Each layer's strongest activations over a pass, by which maps are known that answer to nothing."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from zfnet.training import World


class StrongestActivations:
    """Watches every convolution and linear layer of a model from `begin` to `end`.

    Where a batch normalisation follows right away, and then a rectifier, what counts is what the rectifier is given.
    """

    def __init__(self) -> None:
        self._strongest: dict[str, Tensor] = {}  # (2, maps): of the layer, and of what its rectifier is given
        self._last: tuple[str, Tensor] | None = None  # the last layer and what it gave
        self._normalised: tuple[str, Tensor] | None = None
        self._hooks: list[RemovableHandle] = []

    def begin(self, model: nn.Module) -> None:
        """Look at all passes that follow."""
        self._strongest = {}
        for name, module in model.named_modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                maps = module.weight.shape[0]
                self._strongest[name] = torch.full((2, maps), -torch.inf, device=module.weight.device)
                self._hooks.append(module.register_forward_hook(self._keep(name)))
            elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                self._hooks.append(module.register_forward_hook(self._follow))
            elif isinstance(module, nn.ReLU | nn.ReLU6):
                self._hooks.append(module.register_forward_pre_hook(self._keep_rectified))

    def _keep(self, name: str) -> Callable[[nn.Module, object, Tensor], None]:
        def hook(module: nn.Module, inputs: object, output: Tensor) -> None:
            self._see(name, 0, output, 1 if isinstance(module, nn.Conv2d) else output.ndim - 1)
            self._last = name, output

        return hook

    def _follow(self, module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if self._last is not None and inputs[0] is self._last[1]:
            self._normalised = self._last[0], output

    def _keep_rectified(self, module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if self._normalised is not None and inputs[0] is self._normalised[1]:  # with a shortcut added in place, or none
            self._see(self._normalised[0], 1, inputs[0], 1)

    def _see(self, name: str, row: int, output: Tensor, maps_at: int) -> None:
        """output: (B, maps, h, w) or (B, ..., units)."""
        strongest, own = output.detach().transpose(0, maps_at).flatten(1).amax(1), self._strongest[name]  # (maps,)
        own[row] = torch.maximum(own[row], strongest.to(own.dtype))

    def end(self, world: World) -> dict[str, Tensor]:
        """layer -> (maps,), over all processes, which must all call it; without layers that no image went through.

        One exchange for all layers: a process may have had no image and seen none of them.
        """
        for hook in self._hooks:
            hook.remove()
        self._hooks, self._last, self._normalised = [], None, None
        if not self._strongest:
            return {}
        together = world.max(torch.cat(list(self._strongest.values()), dim=1))  # (2, all maps)
        layers = zip(
            self._strongest, together.split([one.shape[1] for one in self._strongest.values()], 1), strict=True
        )
        seen = {name: found[1] if bool((found[1] > -torch.inf).any()) else found[0] for name, found in layers}
        return {name: values for name, values in seen.items() if bool((values > -torch.inf).any())}
