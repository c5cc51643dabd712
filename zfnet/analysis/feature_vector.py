"""The feature vector of a layer: its output, pooled and normalised, as one row of numbers an image."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor

from zfnet.deconv import Deconvnet
from zfnet.forward import Layer, output_of


def feature_vectors(
    deconvnet: Deconvnet, images: Tensor, layers: Collection[Layer], dtype: torch.dtype | None = None
) -> dict[Layer, Tensor]:
    """The feature vectors (B, n) of images (B, 3, H, W): n is 290,400 at layer 1 of ZFNet, 9,216 at 5, 4,096 at 7.

    layers: numbers of Fig. 3 in our own networks, names of modules in any. dtype: torch.bfloat16 or torch.float16
    computes in mixed precision. Raises ValueError for a layer that is not there.
    """
    modules = {layer: output_of(deconvnet.model, layer) for layer in layers}
    outputs = deconvnet.activations(images, set(modules.values()), dtype)
    return {layer: outputs[name].flatten(1) for layer, name in modules.items()}  # (B, C, h, w) to (B, n)
