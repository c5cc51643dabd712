"""Sheets of arrays: projections, a layer's filters, a layer's maps on an image."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor, nn

from zfnet.analysis import strongest_channels
from zfnet.data import InputFrame
from zfnet.figures.activations.channels import draw_channels
from zfnet.figures.activations.maps import LayerMaps
from zfnet.figures.filter_sheet import Filters, draw_filters
from zfnet.figures.sheets.pixels import draw_pixels
from zfnet.forward import Record, named_layers
from zfnet.plotting.pictures import as_tensor, picture_of


def draw_projections(pixels: Any, gain: str) -> Figure:
    """Signed pixels (N, 3, H, W) around grey. Raises ValueError for other shapes."""
    values = as_tensor(pixels)
    values = values[None] if values.ndim == 3 else values
    if values.ndim != 4 or values.shape[1] not in (1, 3):
        raise ValueError(
            f"pixels are {tuple(values.shape)}, expected (N, 3, rows, columns); of a layer's maps give "
            "the image too: plot(maps, image)"
        )
    return draw_pixels(values.float().numpy(), gain=gain)


def draw_pictures(pixels: Tensor) -> Figure:
    """Images (N, 3, H, W) uint8 as they are."""
    return draw_pixels(pixels.permute(0, 2, 3, 1).contiguous().numpy())


def draw_filters_of(model: nn.Module, layer: str | None) -> Figure:
    """The filters of a convolution, or of a network's layer, by default its first convolution.

    Raises ValueError for a layer that is no convolution.
    """
    module = model
    if layer is not None:
        named_layers(model).check(layer)
        module = model.get_submodule(layer)
    elif not isinstance(model, nn.Conv2d):
        found = ((name, one) for name, one in model.named_modules() if isinstance(one, nn.Conv2d))
        layer, module = next(found, (None, model))
    if not isinstance(module, nn.Conv2d):
        raise ValueError(f"layer={layer!r} is a {type(module).__name__}, expected a Conv2d, which has filters")
    weights = module.weight.detach().cpu().float().numpy()
    words = type(model).__name__ if module is not model else ""
    return draw_filters(Filters(layer=np.array(layer or "filters"), network=np.array(words), weights=weights))


def draw_maps_on(
    maps: Tensor, image: Any, *, layer: str, frame: InputFrame | None, number: int = 0, channel: int | None = None
) -> Figure:
    """All of a layer's maps (maps, rows, columns) on an image, one of them large: by default the strongest."""
    if image is None:
        raise ValueError(f"the maps of {layer} are drawn over their image: give plot(..., image)")
    values, images = as_tensor(maps).float().numpy(), as_tensor(image)  # (C, h, w), and (3, H, W) or a batch of them
    if images.ndim == 4 and number >= len(images):
        raise ValueError(f"number={number} of {len(images)} images: give all that were recorded, or that one alone")
    picture = picture_of(images[number] if images.ndim == 4 else images, frame)
    chosen = int(strongest_channels(values)[0]) if channel is None else channel
    return draw_channels(LayerMaps(layer=layer, values=values[None]), picture, chosen)


def maps_of(record: Record, layer: str | None, number: int) -> tuple[str, Tensor]:
    """A recorded layer's maps (C, h, w) on one image; units (C,) as maps of one place. Raises ValueError for others."""
    if layer is None and len(record.maps) == 1:
        layer = next(iter(record.maps))
    if layer is None or layer not in record.maps:
        raise ValueError(f"layer={layer!r} is not recorded: give layer={' or '.join(map(repr, record.maps))}")
    if not 0 <= number < record.batch:
        raise ValueError(f"number={number}, expected one of {record.batch} recorded images, 0 to {record.batch - 1}")
    maps = record.maps[layer][number]
    return layer, maps if maps.ndim == 3 else maps[:, None, None]
