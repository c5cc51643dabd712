"""The mean over channels of every convolution on an image, from first to last, in one sheet."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from zfnet.figures.activations.legend import LEGEND_IN, LINE_IN, MARGIN_IN, draw_legend, fitted
from zfnet.figures.activations.maps import COLOURS, coloured, shades
from zfnet.figures.drawing import style
from zfnet.figures.drawing.montage import rows_of

ACROSS, MANY, ACROSS_MANY = 7, 70, 12
GAP_IN = 0.1
TITLE = "mean over the channels of every convolution, from first to last"


def draw_means(
    means: Mapping[str, NDArray[np.floating]], picture: NDArray[np.uint8], *, colours: str = COLOURS,
    title: str = TITLE, scale: str = "unit", stage: str = "",
) -> Figure:  # fmt: skip
    """A tile a layer, in the mapping's order, the image first: layer -> mean over its channels (h, w).

    picture (H, W, 3): the image; stage: a word on the ReLU. Raises ValueError for an unknown scale or colour map.
    """
    across = ACROSS if len(means) < MANY else ACROSS_MANY
    tile_in = (style.WIDTH_IN - 2 * MARGIN_IN + GAP_IN) / across - GAP_IN
    high_in = tile_in * picture.shape[0] / picture.shape[1]
    rows, block_in = rows_of(len(means) + 1, across), high_in + 1.9 * LINE_IN
    figure = Figure(figsize=(style.WIDTH_IN, MARGIN_IN + LINE_IN + rows * block_in + LEGEND_IN))
    style.text(figure, MARGIN_IN, MARGIN_IN, fitted(title))
    tiles = [("the image", "", picture)]
    for layer, mean in means.items():
        shown = coloured(shades(mean[None, None], scale)[0, 0], colours)
        tiles.append(
            (layer, f"{mean.shape[0]} × {mean.shape[1]}   {_short(mean.min())} to {_short(mean.max())}", shown)
        )
    points = style.LABEL_PT if across == ACROSS else style.LABEL_PT - 2
    for at, (name, words, shown) in enumerate(tiles):
        row, column = divmod(at, across)
        left, top = MARGIN_IN + column * (tile_in + GAP_IN), MARGIN_IN + LINE_IN * 1.3 + row * block_in
        style.text(figure, left, top, name, fontsize=points)
        style.text(figure, left, top + LINE_IN * 0.6, words, fontsize=points - 0.5, color=style.FAINT)
        axes = style.bare(figure, left, top + LINE_IN * 1.3, tile_in, high_in)
        axes.imshow(shown, interpolation="nearest", aspect="auto")
    note = f"; a mean as one channel, its range above it. Not smoothed.{f' Channels {stage}.' if stage else ''}"
    draw_legend(figure, MARGIN_IN + LINE_IN * 0.6 + rows * block_in, scale, colours, note)
    return figure


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2g}"
