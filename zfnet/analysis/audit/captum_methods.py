"""Grad-CAM and integrated gradients as captum has them, to compare with: the extra `audit`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from zfnet.analysis.audit.targets import Targets
from zfnet.forward import named_layers, temporary_hooks
from zfnet.models import undisturbed

STEPS = 16  # of the path; Sundararajan et al. ask for 20 to 300, which costs as many passes


class TargetValues(nn.Module):
    """The network as a function of images (n, 3, H, W) and targets (n, 3: map, row, column): their values (n,)."""

    def __init__(self, model: nn.Module, layer: str) -> None:
        super().__init__()
        self.model, self._name = model, named_layers(model).module_of(layer)

    def forward(self, images: Tensor, asked: Tensor) -> Tensor:
        found: list[Tensor] = []

        def arrive(module: nn.Module, inputs: Any, output: Tensor) -> None:
            found.append(output)

        with temporary_hooks() as hooks:
            hooks.put(self.model.get_submodule(self._name).register_forward_hook, arrive)
            self.model(images.clone())
        (output,) = found
        output = output if output.ndim == 4 else output[:, :, None, None]
        number, row, column = asked.unbind(1)
        return output[torch.arange(len(images)), number, row, column]


def grad_cam(model: nn.Module, images: Tensor, targets: Targets) -> Tensor:
    """Grad-CAM at targets.cam_layer, brought to the image's size: (B, 1, H, W); of its own units their map.

    Selvaraju et al. 2017, arXiv:1610.02391.
    """
    captum = _captum()
    layer = model.get_submodule(named_layers(model).module_of(targets.cam_layer))
    with undisturbed(model), torch.enable_grad():
        method = captum.LayerGradCam(TargetValues(model, targets.layer), layer)
        maps = method.attribute(
            images.detach().clone(), additional_forward_args=(targets.units[:, 1:],), relu_attributions=True
        )  # (B, 1, h, w)
    bigger: Tensor = captum.LayerAttribution.interpolate(maps.detach(), tuple(images.shape[2:]), "bilinear")
    return bigger


def integrated_gradients(model: nn.Module, images: Tensor, targets: Targets) -> Tensor:
    """The gradient summed along the way from grey (zero) to the image, (B, 3, H, W). arXiv:1703.01365."""
    captum = _captum()
    with undisturbed(model), torch.enable_grad():
        method = captum.IntegratedGradients(TargetValues(model, targets.layer))
        made: list[Tensor] = [
            method.attribute(image[None].detach().clone(), additional_forward_args=(unit[None, 1:],), n_steps=STEPS)
            for image, unit in zip(images, targets.units, strict=True)
        ]
    return torch.cat(made).detach()


def _captum() -> Any:
    """Raises ValueError where it is not installed."""
    try:
        from captum import attr
    except ImportError as error:
        raise ValueError("Grad-CAM and integrated gradients need captum: pip install 'zfnet[audit]'") from error
    return attr
