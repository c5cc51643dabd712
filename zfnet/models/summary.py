"""A table of any network: output shapes and parameter counts, layer by layer."""

from __future__ import annotations

import torchinfo
from torch import nn

from zfnet.models.modes import evaluating


def summary(model: nn.Module, input_px: int | None = None) -> str:
    """torchinfo's table for one image (1, 3, input_px, input_px); the model's own size where it has one, else 224."""
    size_px = input_px or int(getattr(model, "input_px", 224))
    columns = ("output_size", "num_params", "mult_adds")
    with evaluating(model):
        shapes = torchinfo.summary(
            model, [1, 3, size_px, size_px], col_names=columns, row_settings=("var_names",), depth=4, verbose=0
        )
    return str(shapes)
