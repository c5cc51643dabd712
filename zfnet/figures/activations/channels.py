"""All channels of a layer on an image as one sheet of tiles, the strongest of them large beside it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from zfnet.figures.activations.legend import LEGEND_IN, LINE_IN, MARGIN_IN, draw_legend, fitted
from zfnet.figures.activations.maps import COLOURS, LayerMaps, coloured, over, placing, resized, shades
from zfnet.figures.drawing import style
from zfnet.figures.drawing.montage import frame, grid, rows_of

INDEX_IN = 0.3
SIDES_IN = (1.4, 2.4)  # how wide the pictures beside a sheet may be
LARGEST_TILE_IN, LEAST_TILE_PX, GAP = 1.2, 48, 0.06  # the gap in tiles
MARK = "#e8112d"
MAPS_A_PAGE, UNITS_A_PAGE = 512, 1024  # tiles


def columns_of(channels: int) -> int:
    """The tiles in a row: the least power of two that makes the sheet no higher than wide (512 channels: 32)."""
    return 1 << math.ceil(math.log2(max(channels, 1)) / 2)


def channels_a_page(maps: LayerMaps) -> int:
    """How many tiles a page has at most: more where a tile is of one colour, as in fully connected layers."""
    return MAPS_A_PAGE if maps.values.shape[2] * maps.values.shape[3] > 1 else UNITS_A_PAGE


def pages_of(maps: LayerMaps) -> int:
    """How many pages it takes to show all channels of a layer."""
    return rows_of(maps.values.shape[1], channels_a_page(maps))


def channel_sheet(
    shaded: NDArray[np.floating], colours: str = COLOURS, columns: int | None = None
) -> NDArray[np.uint8]:
    """Channels (C, h, w), as places 0..1, as tiles on white in one picture (H, W, 3), row by row.

    columns: tiles in a row, by default `columns_of` them. Raises ValueError for an unknown colour map.
    """
    _, height, width = shaded.shape
    times = -(-LEAST_TILE_PX // max(height, width))  # whole pixels: nothing is smoothed, and gaps can be thin
    tiles = coloured(shaded, colours).repeat(times, 1).repeat(times, 2)
    columns = columns_of(len(shaded)) if columns is None else columns
    return np.asarray(grid(tiles, round(GAP * times * max(height, width)), columns))


def draw_channels(
    maps: LayerMaps, picture: NDArray[np.uint8], channel: int, *, number: int = 0, scale: str = "unit",
    colours: str = COLOURS, name: str = "", page: int = 0,
) -> Figure:  # fmt: skip
    """One image's channels as a sheet, and `channel` (the strongest, say), framed in it, large and over the picture.

    picture (H, W, 3): the image as the network saw it; number: which of the maps' images it is. Where the maps are of
    several images, each channel is scaled over all of them. page: which of `pages_of` the maps, from 0. Raises
    ValueError for an unknown scale or colour map and for a page that is not there.
    """
    if not 0 <= page < pages_of(maps):
        raise ValueError(f"page={page}, expected 0 to {pages_of(maps) - 1}: {maps.values.shape[1]} channels")
    shaded, tall = shades(maps.values, scale)[number], picture.shape[0] / picture.shape[1]
    first, most = page * channels_a_page(maps), channels_a_page(maps)
    sheet = _Sheet(shaded=shaded[first : first + most], first=first, columns=columns_of(min(len(shaded), most)))
    room_in = style.WIDTH_IN - 3 * MARGIN_IN - INDEX_IN
    wide_in = float(np.clip(room_in * sheet.steep / (3 * tall + sheet.steep) - LINE_IN, *SIDES_IN))  # three as high
    tile_in = min((room_in - wide_in) / sheet.columns, LARGEST_TILE_IN)
    sheet_in, side_in = tile_in * sheet.columns * sheet.steep, wide_in * tall
    top = MARGIN_IN + 2 * LINE_IN
    body_in = max(sheet_in + LINE_IN, 3 * (side_in + LINE_IN))
    figure = Figure(figsize=(style.WIDTH_IN, top + body_in + LEGEND_IN))
    _titles(figure, maps, channel, number, name, sheet)
    large = resized(shaded[channel], picture.shape, maps.first_px, maps.step_px)
    parts = (("the image", picture), (f"channel {channel}", coloured(shaded[channel], colours)),
             (f"channel {channel} over the image", over(picture, large, colours)))  # fmt: skip
    for at, (words, shown) in enumerate(parts):
        left_top = MARGIN_IN, top + at * (side_in + LINE_IN)
        style.text(figure, *left_top, words, fontsize=style.LABEL_PT, color=style.FAINT)
        axes = style.bare(figure, left_top[0], left_top[1] + LINE_IN * 0.7, wide_in, side_in)
        axes.imshow(shown, interpolation="nearest", aspect="auto")
    left = 2 * MARGIN_IN + wide_in + INDEX_IN
    axes = style.bare(figure, left, top + LINE_IN * 0.7, tile_in * sheet.columns, sheet_in)
    _draw_tiles(axes, sheet, channel, colours, tile_in)
    several = " over all images shown" if len(maps.values) > 1 else ""
    note = f"{several}. Tiles are not smoothed. Over the image: bilinear, {placing(maps)}."
    draw_legend(figure, top + body_in, scale, colours, note)
    return figure


@dataclass(frozen=True, kw_only=True)
class _Sheet:
    """The channels of a page: shaded (C, h, w), as places 0..1, from channel `first` on, in so many columns."""

    shaded: NDArray[np.floating]
    first: int
    columns: int

    @property
    def rows(self) -> int:
        """Of tiles."""
        return rows_of(len(self.shaded), self.columns)

    @property
    def steep(self) -> float:
        """Its height over its width."""
        return self.rows * self.shaded.shape[1] / (self.columns * self.shaded.shape[2])

    @property
    def last(self) -> int:
        """The number of the last channel."""
        return self.first + len(self.shaded) - 1


def _titles(figure: Figure, maps: LayerMaps, channel: int, number: int, name: str, sheet: _Sheet) -> None:
    _, count, height, width = maps.values.shape
    stage = f", {maps.stage}" if maps.stage else ""
    some = f", {sheet.first} to {sheet.last} here" if len(sheet.shaded) < count else ""
    own = maps.values[number, channel]
    row, column = np.unravel_index(own.argmax(), own.shape)
    strongest = own.max() >= maps.values[number].max()
    words = f"{'strongest: ' if strongest else ''}channel {channel}, {own.max():.4g} at row {row}, column {column}"
    title = f"{maps.layer}: {count} channels of {height} × {width}{some}{stage}" + (f"    {name}" if name else "")
    style.text(figure, MARGIN_IN, MARGIN_IN, fitted(title))
    style.text(figure, MARGIN_IN, MARGIN_IN + LINE_IN, words, color=MARK)


def _draw_tiles(axes: Axes, sheet: _Sheet, channel: int, colours: str, tile_in: float) -> None:
    """The sheet as one image, with the numbers of its rows' first channels and of its columns, and a frame."""
    columns, rows = sheet.columns, sheet.rows
    frame(axes, columns, rows)
    picture = channel_sheet(sheet.shaded, colours, columns)
    shrunk = picture.shape[1] > tile_in * columns * style.DPI
    extent = (0, columns - GAP, rows - GAP, 0)
    axes.imshow(picture, extent=extent, interpolation="auto" if shrunk else "nearest", aspect="auto")
    points = min(style.LABEL_PT, 72 * tile_in * 0.45)
    small: dict[str, Any] = {"fontsize": points, "color": style.FAINT, "clip_on": False}
    for row in range(rows):
        axes.text(-0.15, row + 0.5, str(sheet.first + row * columns), ha="right", va="center", **small)
    for column in range(columns):
        axes.text(column + 0.5, -0.08, f"+{column}", ha="center", va="bottom", **small)
    if sheet.first <= channel <= sheet.last:
        row, column = divmod(channel - sheet.first, columns)
        box = Rectangle((column, row), 1 - GAP, 1 - GAP, fill=False, edgecolor=MARK, linewidth=1.2, clip_on=False)
        axes.add_patch(box)
