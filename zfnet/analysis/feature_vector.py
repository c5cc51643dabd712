"""The feature vector of a layer: its output, pooled and normalised, as one row of numbers an image."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeVar

import torch
from torch import Tensor, nn

from zfnet.deconv import Deconvnet
from zfnet.models import ConvNet

Layer = TypeVar("Layer", bound=int | str)


def output_of(model: nn.Module, layer: int | str) -> str:
    """The module whose output is the feature vector of a layer.

    layer: in our own networks a number of Fig. 3 (5: pool5, 7: the rectified fc7); in any network a module's name.
    Raises ValueError for a number that the network has no layer of.
    """
    if isinstance(layer, str):
        return layer
    if not isinstance(model, ConvNet):
        raise ValueError(f"layers of {type(model).__name__} have no numbers: name a module instead of {layer}")
    numbered = [name for name, _ in model.named_children() if name.endswith(str(layer))]
    if not numbered:
        there = sorted({int(part.name[-1]) for part in model.table})
        raise ValueError(f"this network has no layer {layer}, only {', '.join(map(str, there))}")
    return numbered[-1]


def feature_vectors(
    deconvnet: Deconvnet, images: Tensor, layers: Collection[Layer], dtype: torch.dtype | None = None
) -> dict[Layer, Tensor]:
    """The feature vectors (B, n) of images (B, 3, H, W): n is 290,400 at layer 1 of ZFNet, 9,216 at 5, 4,096 at 7.

    dtype: torch.bfloat16 or torch.float16 computes in mixed precision.
    """
    modules = {layer: output_of(deconvnet.model, layer) for layer in layers}
    outputs = deconvnet.activations(images, set(modules.values()), dtype)
    return {layer: outputs[name].flatten(1) for layer, name in modules.items()}
