"""Fig. 7's panels of what `occlude` found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from zfnet.analysis.occlusion import Occlusion
from zfnet.data import InputFrame
from zfnet.figures.fig7 import OcclusionRows, draw_fig7
from zfnet.plotting.pictures import as_tensor, pixels_of


def draw_heat(heat: Occlusion, image: Any, *, frame: InputFrame | None, names: Sequence[str], gain: str) -> Figure:
    """A row of panels an image, those of Fig. 7 but for (c), which needs the strongest places of a data set.

    Raises ValueError where there are not as many images as results, or they are of another size.
    """
    images = as_tensor(image)
    images = images if images.ndim == 4 else images[None]
    several = heat.probability.ndim == 3
    count = len(heat.probability) if several else 1
    if len(images) != count:
        raise ValueError(f"{len(images)} images for what was found on {count}: give those that were occluded")
    size = tuple(int(corners[-1]) + heat.size_px for corners in (heat.rows, heat.columns))  # where the last square ends
    if images.shape[2:] != size:
        raise ValueError(f"image is {tuple(images.shape[2:])} px, but {size} px were occluded: give the same image")

    def of_each(name: str) -> Any:
        values = getattr(heat, name).numpy()
        return values if several else values[None]

    pixels, _ = pixels_of(images, frame)
    label, target, clean_label = (of_each(name) for name in ("label", "target", "clean_label"))
    classes = 1 + int(max(label.max(), target.max(), clean_label.max()))
    called = [names[number] if number < len(names) else f"class {number}" for number in range(classes)]
    empty = (count, 0, 1, 1)
    rows = OcclusionRows(
        picture=pixels.permute(0, 2, 3, 1).contiguous().numpy(), path=np.array([""] * count), target=target,
        known=np.ones(count, bool), rows=heat.rows.numpy(), columns=heat.columns.numpy(),
        size_px=np.array(heat.size_px), probability=of_each("probability"), label=label,
        activity=of_each("activity"), map=of_each("map"), clean_probability=of_each("clean_probability"),
        clean_label=clean_label, clean_activity=of_each("clean_activity"), value=np.zeros((count, 0)),
        projection=np.zeros((*empty, 3), np.float32), patch=np.zeros((*empty, 3), np.uint8),
        layer=np.array(heat.layer), names=np.array(called, np.str_),
    )  # fmt: skip
    return draw_fig7(rows, gain=gain)
