"""What a caller may give: networks, images, layers and scores, with errors that name the value and the choices."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from zfnet.models import check_numbers


def check_plain(model: nn.Module) -> None:
    """Raise ValueError for what is no network, and for compiled or scripted parts, which hide what they call.

    Also for parameters that hold no numbers (the meta device), or that no gradient passes (made in inference mode).
    """
    if not isinstance(model, nn.Module):
        way = f"; open_network({model!r}).model is one" if isinstance(model, str) else ""
        raise ValueError(f"model is {model!r:.80}, expected a network (torch.nn.Module){way}")
    for name, module in model.named_modules():
        scripted = isinstance(module, torch.jit.ScriptModule)
        compiled = type(module).__module__.startswith("torch._dynamo") or module._compiled_call_impl is not None
        if scripted or compiled:
            what = "scripted or traced" if scripted else "compiled"
            raise ValueError(
                f"{f'layer {name!r}' if name else 'the network'} ({type(module).__name__}) is {what}, which hides "
                "what it does, its relus too: give the network as it was before, with the same weights"
            )
    check_numbers(model)
    for name, parameter in model.named_parameters():
        if not is_lazy(parameter) and parameter.is_inference():
            raise ValueError(
                f"parameter {name!r} was made inside torch.inference_mode(), and no gradient passes it: build the "
                "network outside, or give copy.deepcopy(model), copied outside"
            )


def check_images(images: Tensor) -> None:
    """Raise ValueError unless these are images (B, 3, H, W) of floating-point numbers."""
    if not isinstance(images, Tensor):
        raise ValueError(
            f"images are of type {type(images).__name__}; expected a tensor (B, 3, H, W): torch.as_tensor makes one of "
            "an array, torch.stack of a list of images"
        )
    if images.ndim != 4 or not images.is_floating_point():
        raise ValueError(
            f"images are {tuple(images.shape)} of {images.dtype}; expected a batch (B, 3, H, W), normalised to floats"
        )


def are_whole(values: Tensor) -> bool:
    """Whether a tensor's numbers are whole by their type, and not truths."""
    return not (values.is_floating_point() or values.is_complex() or values.dtype == torch.bool)


def check_scores(scores: Tensor) -> Tensor:
    """Scores (N, classes), unchanged. Raises ValueError for another shape."""
    if scores.ndim != 2:
        raise ValueError(f"the network returns {tuple(scores.shape)}; expected class scores (images, classes)")
    return scores
