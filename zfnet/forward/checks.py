"""What a caller may give: networks, images, layers and scores, with errors that name the value and the choices."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def check_plain(model: nn.Module) -> None:
    """Raise ValueError for what is no network, and for compiled or scripted parts, which hide what they call."""
    if not isinstance(model, nn.Module):
        way = f"; open_network({model!r}).model is one" if isinstance(model, str) else ""
        raise ValueError(f"model is {model!r:.80}, expected a network (torch.nn.Module){way}")
    for name, module in model.named_modules():
        scripted = isinstance(module, torch.jit.ScriptModule)
        compiled = type(module).__module__.startswith("torch._dynamo") or module._compiled_call_impl is not None
        if scripted or compiled:
            what = "scripted or traced" if scripted else "compiled"
            raise ValueError(
                f"{f'layer {name!r}' if name else 'the network'} ({type(module).__name__}) is {what}, which hides its "
                "relus: give the deconvnet the network as it was before, with the same weights"
            )


def check_images(images: Tensor) -> None:
    """Raise ValueError unless these are images (B, 3, H, W) of floating-point numbers."""
    if images.ndim != 4 or not images.is_floating_point():
        raise ValueError(
            f"images are {tuple(images.shape)} of {images.dtype}; expected a batch (B, 3, H, W), normalised to floats"
        )


def check_scores(scores: Tensor) -> Tensor:
    """Scores (N, classes), unchanged. Raises ValueError for another shape."""
    if scores.ndim != 2:
        raise ValueError(f"the network returns {tuple(scores.shape)}; expected class scores (images, classes)")
    return scores
