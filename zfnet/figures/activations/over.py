"""Chosen channels of a layer resized to the image, beside it and over it; two images on the same channels and scale."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from zfnet.figures.activations.legend import LEGEND_IN, LINE_IN, MARGIN_IN, draw_legend, fitted
from zfnet.figures.activations.maps import COLOURS, LayerMaps, coloured, over, placing, resized, shades
from zfnet.figures.drawing import style
from zfnet.figures.drawing.montage import rows_of

CELL_IN = {1: 1.52, 2: 1.14}  # for one image, three channels a line; for two, two


def draw_over(
    maps: LayerMaps, pictures: NDArray[np.uint8], channels: Sequence[int], scale: str = "unit", colours: str = COLOURS,
    interpolation: str = "bilinear", names: Sequence[str] = (), network: str = "",
) -> Figure:  # fmt: skip
    """Chosen channels, resized to the image, beside it and over it: a line of cells for each.

    pictures (B, H, W, 3), one or two, as the network saw them. With two, every channel has one scale for both, and
    its peaks on both and their largest difference at one place are told.
    """
    count = len(pictures)
    across, cell_in = 3 if count == 1 else 2, CELL_IN[count]
    high_in = cell_in * pictures.shape[1] / pictures.shape[2]
    group_in, block_in = 2 * count * (cell_in + 0.04) + MARGIN_IN / 2, high_in + LINE_IN * 1.1
    head_in = high_in + MARGIN_IN + 2.2 * LINE_IN
    rows = rows_of(len(channels), across)
    figure = Figure(figsize=(style.WIDTH_IN, head_in + rows * block_in + LEGEND_IN))
    stage = f", {maps.stage}" if maps.stage else ""
    title = f"{maps.layer}: chosen channels resized to the image{stage}    {network}"
    style.text(figure, MARGIN_IN, MARGIN_IN, fitted(title))
    for at, picture in enumerate(pictures):
        place = MARGIN_IN + at * (cell_in + 0.04), MARGIN_IN + 2 * LINE_IN
        name = fitted(names[at] if names else f"image {at + 1}", cell_in, style.LABEL_PT)
        style.text(figure, place[0], place[1] - LINE_IN * 0.8, name, fontsize=style.LABEL_PT, color=style.FAINT)
        style.bare(figure, *place, cell_in, high_in).imshow(picture, interpolation="nearest", aspect="auto")
    shaded = shades(maps.values[:, list(channels)], scale)
    for rank, channel in enumerate(channels):
        row, column = divmod(rank, across)
        left, top = MARGIN_IN + column * group_in, head_in + row * block_in
        words = f"channel {channel}: {_peaks(maps.values[:count, channel])}"
        style.text(figure, left, top + LINE_IN * 0.15, words, fontsize=style.LABEL_PT)
        large = [resized(one[rank], pictures.shape[1:], maps.first_px, maps.step_px, interpolation) for one in shaded]
        cells = [coloured(one, colours) for one in large]
        cells += [over(picture, one, colours) for picture, one in zip(pictures, large, strict=True)]
        for at, cell in enumerate(cells):
            axes = style.bare(figure, left + at * (cell_in + 0.04), top + LINE_IN * 0.85, cell_in, high_in)
            axes.imshow(cell, interpolation="nearest", aspect="auto")
    several = ", over both images, so that they can be compared" if count > 1 else ""
    note = f"{several}. Resized: {interpolation}, {placing(maps)}."
    draw_legend(figure, head_in + rows * block_in, scale, colours, note)
    return figure


def _peaks(values: NDArray[np.floating]) -> str:
    """The largest value of a channel (B, h, w) on each image, and where; of two, where they differ most too."""
    places = [np.unravel_index(one.argmax(), one.shape) for one in values]
    told = [f"{one.max():.4g} at ({row}, {column})" for one, (row, column) in zip(values, places, strict=True)]
    if len(values) == 2:
        difference = values[1] - values[0]
        place = np.unravel_index(np.abs(difference).argmax(), difference.shape)
        return f"{'   |   '.join(told)}    change {difference[place]:+.4g} at ({place[0]}, {place[1]})"
    return told[0]
