"""One epoch of Fig. 4 as a picture of a film: every followed map's projection, above what the images show there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from zfnet.figures.drawing import style
from zfnet.figures.drawing.gains import GAIN
from zfnet.figures.drawing.montage import Pixels, around_grey, frame, grid, side_of
from zfnet.figures.fig4 import LayerEvolution

MARGIN_IN, TITLE_IN, LAYER_IN, BETWEEN_IN, GAP, LEAST_PX = 0.2, 0.35, 0.22, 0.12, 0.05, 48


def draw_epoch(layers: Sequence[LayerEvolution], number: int, *, maps: int = 16, gain: str = GAIN) -> Figure:
    """The layers side by side at one of their epochs, counted from 0; maps: how many of each at most, the first."""
    block_in = (style.WIDTH_IN - MARGIN_IN) / len(layers) - MARGIN_IN
    figure = Figure(figsize=(style.WIDTH_IN, MARGIN_IN + TITLE_IN + LAYER_IN + 2 * block_in + BETWEEN_IN + MARGIN_IN))
    style.text(figure, MARGIN_IN, MARGIN_IN, f"epoch {layers[0].epochs[number]}", fontsize=style.TITLE_PT + 4)
    for at, one in enumerate(layers):
        left, top = MARGIN_IN + at * (block_in + MARGIN_IN), MARGIN_IN + TITLE_IN
        height, width = one.patch.shape[2:4]
        style.text(figure, left, top, f"{one.layer}, {height} × {width} px", fontsize=style.LABEL_PT + 1)
        there = (one.image[number, :maps] >= 0)[:, None, None, None]
        projections = around_grey(one.projection[number, :maps], gain=gain)
        both: tuple[Pixels, Pixels] = projections, one.patch[number, :maps] / 255
        for row, pictures in enumerate(both):
            axes = style.bare(figure, left, top + LAYER_IN + row * (block_in + BETWEEN_IN), block_in, block_in)
            frame(axes, 1, 1)
            sheet = _sheet(np.where(there, pictures, 1.0))
            axes.imshow(sheet, extent=(0, 1, 1, 0), interpolation="auto", aspect="auto")
    return figure


def _sheet(pictures: Pixels) -> Pixels:
    """Pictures (M, h, w, 3) in a square grid, white where there are fewer."""
    times = -(-LEAST_PX // pictures.shape[1])  # whole pixels: enlarged without smoothing
    larger = pictures.repeat(times, 1).repeat(times, 2)
    side = side_of(len(larger))
    blank = np.ones((side * side - len(larger), *larger.shape[1:]), larger.dtype)
    return grid(np.concatenate([larger, blank]), round(GAP * larger.shape[2]), side)
