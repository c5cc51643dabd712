"""Fig. 2's montage of what `mine_top` found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from zfnet.analysis import Maps, draw_maps, picture_units
from zfnet.data import InputFrame
from zfnet.deconv import Deconvnet
from zfnet.figures.drawing.montage import side_of
from zfnet.figures.fig2 import draw_fig2
from zfnet.figures.fig2_saved import LayerFeatures
from zfnet.mining import Mined, TopUnits
from zfnet.plotting.pictures import Fetched


def layer_of(top: Mined, layer: str | None) -> str:
    """The layer to draw. Raises ValueError where none was named and there are several, or for one that is not there."""
    if layer is None and len(top) == 1:
        return next(iter(top))
    if layer is None or layer not in top:
        raise ValueError(f"layer={layer!r} is not one of those mined: give layer={' or '.join(map(repr, top))}")
    return layer


def draw_mined(
    top: TopUnits, layer: str, maps: Maps, *, deconvnet: Deconvnet, images: Any,
    frame: InputFrame | None, names: Sequence[str], gain: str, seed: int,
) -> Figure:  # fmt: skip
    """For some maps of a layer the strongest places projected down, beside the patches of the images."""
    numbers = np.array(draw_maps(maps, len(top.value), seed), np.int64)
    found = {name: getattr(top, name)[numbers].numpy() for name in ("value", "image", "row", "column")}
    there = found["image"] >= 0
    fetched = Fetched(images, frame)
    units = torch.cat([top.units(number) for number in numbers.tolist()])
    pictures = picture_units(deconvnet, layer, units, fetched, fetched.grey)

    def full(values: NDArray[Any]) -> NDArray[Any]:
        whole = np.zeros((*there.shape, *values.shape[1:]), values.dtype)
        whole[there] = values
        return whole

    said = [names[number] if top.scores and number < len(names) else "" for number in numbers.tolist()]
    one = LayerFeatures(
        layer=layer, maps=numbers, **found, label=np.full(there.shape, -1), projection=full(pictures.projection),
        patch=full(pictures.patch), corner=full(pictures.corner), map_name=np.array(said, np.str_),
    )  # fmt: skip
    return draw_fig2([one], columns=side_of(len(numbers)), gain=gain)
