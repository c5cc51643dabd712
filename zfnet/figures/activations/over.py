"""Chosen channels of a layer resized to the image, beside it and over it; two images on the same channels and scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from zfnet.figures.activations.legend import LEGEND_IN, LINE_IN, MARGIN_IN, draw_legend, fitted
from zfnet.figures.activations.maps import COLOURS, LayerMaps, coloured, over, placing, resized, shades
from zfnet.figures.drawing import style
from zfnet.figures.drawing.montage import rows_of

GAP_IN, BETWEEN_IN = 0.04, 0.12  # between the pictures of a channel, and between channels
NAME_IN = 0.8 * LINE_IN  # above an image
CELLS_IN = np.arange(3.2, 0.3, -0.01)  # how wide a picture of a channel may be
LEAST_IN, IMAGE_IN = 0.8, 3.4  # of a picture that is easily seen, and the largest of an image itself
HIGHEST_IN = 5.2  # of the body, where that leaves pictures easily seen
ACROSS = 4  # channels in a line at most


def draw_over(
    maps: LayerMaps, pictures: NDArray[np.uint8], channels: Sequence[int], *, scale: str = "unit",
    colours: str = COLOURS, interpolation: str = "bilinear", names: Sequence[str] = (), network: str = "",
) -> Figure:  # fmt: skip
    """The image, and beside it chosen channels, each resized to it and over it; as large as the figure's width allows.

    pictures (B, H, W, 3), one or two, as the network saw them. With two, every channel has one scale for both, and
    its peaks on both and their largest difference at one place are told. Raises ValueError for an unknown scale,
    colour map or interpolation.
    """
    layout = _laid_out(len(channels), len(pictures), pictures.shape[1] / pictures.shape[2])
    top = MARGIN_IN + 1.3 * LINE_IN
    figure = Figure(figsize=(style.WIDTH_IN, top + layout.height_in + LEGEND_IN))
    stage = f", {maps.stage}" if maps.stage else ""
    title = f"{maps.layer}: chosen channels resized to the image{stage}    {network}"
    style.text(figure, MARGIN_IN, MARGIN_IN, fitted(title))
    for at, picture in enumerate(pictures):
        down = top + at * (layout.image_in * layout.tall + NAME_IN + GAP_IN)
        name = fitted(names[at] if names else f"image {at + 1}", layout.image_in, style.LABEL_PT)
        style.text(figure, MARGIN_IN, down, name, fontsize=style.LABEL_PT, color=style.FAINT)
        _show(figure, picture, (MARGIN_IN, down + NAME_IN), layout.image_in, layout.tall)
    shaded = shades(maps.values[:, list(channels)], scale)
    for rank, channel in enumerate(channels):
        left, down = layout.corner(rank)
        words = _peaks(channel, maps.values[: len(pictures), channel])
        style.text(figure, left, top + down, words, fontsize=style.LABEL_PT, linespacing=1.3)
        for at, (picture, own) in enumerate(zip(pictures, shaded, strict=False)):
            large = resized(own[rank], pictures.shape[1:], maps.first_px, maps.step_px, interpolation)
            cell_top = top + down + layout.words_in + at * (layout.cell_in * layout.tall + GAP_IN)
            for side, cell in enumerate((coloured(large, colours), over(picture, large, colours))):
                corner = left + side * (layout.cell_in + GAP_IN), cell_top
                _show(figure, cell, corner, layout.cell_in, layout.tall)
    several = ", over both images, so that they can be compared" if len(pictures) > 1 else ""
    note = f"{several}. Resized: {interpolation}, {placing(maps)}."
    draw_legend(figure, top + layout.height_in, scale, colours, note)
    return figure


def _show(
    figure: Figure, picture: NDArray[np.uint8], corner_in: tuple[float, float], wide_in: float, tall: float
) -> None:
    axes = style.bare(figure, *corner_in, wide_in, wide_in * tall)
    axes.imshow(picture, interpolation="nearest", aspect="auto")


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """Images of image_in, `tall` times as high, above each other; to their right lines of `across` channels.

    A channel is words and a line an image of two pictures, of cell_in each.
    """

    channels: int
    images: int
    tall: float
    across: int
    cell_in: float

    @property
    def words_in(self) -> float:
        """The height of the words above a channel."""
        return NAME_IN if self.images == 1 else 1.8 * NAME_IN

    @property
    def group_in(self) -> tuple[float, float]:
        """The width and height of a channel, with the space after it."""
        high = self.words_in + self.images * (self.cell_in * self.tall + GAP_IN)
        return 2 * self.cell_in + GAP_IN + BETWEEN_IN, high + BETWEEN_IN - GAP_IN

    @property
    def lines_in(self) -> float:
        """The height of all lines of channels."""
        return rows_of(self.channels, self.across) * self.group_in[1]

    @property
    def image_in(self) -> float:
        """As high as the channels beside them, no less than a channel's picture."""
        whole = ((self.lines_in - BETWEEN_IN + GAP_IN) / self.images - GAP_IN - NAME_IN) / self.tall
        return float(np.clip(whole, self.cell_in, max(IMAGE_IN, self.cell_in)))

    @property
    def width_in(self) -> float:
        """Of it all."""
        return self.image_in + BETWEEN_IN + self.across * self.group_in[0] - BETWEEN_IN

    @property
    def height_in(self) -> float:
        """Of it all."""
        return max(self.lines_in, self.images * (self.image_in * self.tall + NAME_IN + GAP_IN))

    @property
    def covered(self) -> float:
        """The share of the body that pictures cover."""
        pictures = 2 * self.channels * self.images * self.cell_in**2 + self.images * self.image_in**2
        return self.tall * pictures / ((style.WIDTH_IN - 2 * MARGIN_IN) * self.height_in)

    def corner(self, rank: int) -> tuple[float, float]:
        """Left of a channel, and how far below the top it begins, in inches."""
        row, column = divmod(rank, self.across)
        return MARGIN_IN + self.image_in + BETWEEN_IN + column * self.group_in[0], row * self.group_in[1]


def _laid_out(channels: int, images: int, tall: float) -> _Layout:
    """The layout that leaves the least white, within the width and, if pictures stay visible, HIGHEST_IN."""
    room_in, found = style.WIDTH_IN - 2 * MARGIN_IN, list[_Layout]()
    for highest_in in (HIGHEST_IN, np.inf):
        for across in range(1, min(channels, ACROSS) + 1):
            tried = (
                _Layout(channels=channels, images=images, tall=tall, across=across, cell_in=float(cell_in))
                for cell_in in CELLS_IN
            )
            fitting = (one for one in tried if one.width_in <= room_in and one.height_in <= highest_in)
            found += [one for one in (next(fitting, None),) if one is not None]
        if visible := [one for one in found if one.cell_in >= LEAST_IN]:
            return max(visible, key=lambda one: one.covered)
    return max(found, key=lambda one: one.cell_in)


def _peaks(channel: int, values: NDArray[np.floating]) -> str:
    """The largest value of a channel (B, h, w) on each image, and where; of two, where they differ most too."""
    places = [np.unravel_index(one.argmax(), one.shape) for one in values]
    peaks = [f"{one.max():.4g} at ({row}, {column})" for one, (row, column) in zip(values, places, strict=True)]
    if len(values) == 1:
        return f"channel {channel}: {peaks[0]}"
    difference = values[1] - values[0]
    row, column = np.unravel_index(np.abs(difference).argmax(), difference.shape)
    return f"channel {channel}    change {difference[row, column]:+.4g} at ({row}, {column})\n{'   |   '.join(peaks)}"
