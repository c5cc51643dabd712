"""The filters of a convolution as a sheet, every weight a square of one colour, zero in mid-grey."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from zfnet.figures.drawing import style
from zfnet.figures.drawing.montage import around_grey, frame, grid, rows_of
from zfnet.files import load_arrays, save_arrays

KIND = "filters"
MARGIN_IN, TITLE_IN, NOTE_IN = 0.2, 0.3, 0.4
LARGEST_TILE_IN, LEAST_TILE_PX, GAP = 0.8, 30, 0.1
ACROSS, ACROSS_GREYS = 16, 32
HIGHEST_IN = 60.0  # of a sheet; some 200 inches are more than its file can have
SCALES = {
    "common": "one scale for all, the largest |weight| of the layer, {largest:.3g}",
    "each": "each filter by its own largest |weight|",
}


@dataclass(frozen=True, kw_only=True)
class Filters:
    """A convolution's weights (N, C, h, w), its layer's name (), and a word () on the network."""

    layer: NDArray[np.str_]
    network: NDArray[np.str_]
    weights: NDArray[np.float32]


def save_filters(path: Path, filters: Filters) -> None:
    """Write the arrays from which `load_filters` and `draw_filters` draw it again."""
    save_arrays(path, KIND, asdict(filters))


def load_filters(path: str | Path) -> Filters:
    """What `save_filters` wrote. Raises ValueError for another kind of file."""
    arrays = load_arrays(path, KIND)
    return Filters(**{field.name: arrays[field.name] for field in fields(Filters)})


def filter_pictures(weights: NDArray[np.floating], scale: str = "common") -> NDArray[np.float32]:
    """Filters (N, C, h, w) as pictures (M, h, w, 3) in 0..1, zero at 0.5 and the largest |weight| at 0 or 1.

    Filters over three channels are N pictures in colour; over any other number C, N x C in grey, filter by filter.
    scale: whose largest |weight|: "common", the layer's, or "each" filter's. Raises ValueError for another one.
    """
    if scale not in SCALES:
        raise ValueError(f"scale {scale!r} is not one of {', '.join(SCALES)}")
    largest = np.abs(weights).max(axis=None if scale == "common" else (1, 2, 3), keepdims=True)
    shown = weights / np.where(largest > 0, largest, 1)
    if weights.shape[1] != 3:
        shown = shown.reshape(-1, 1, *weights.shape[2:]).repeat(3, axis=1)
    return around_grey(shown, largest=1)


def draw_filters(filters: Filters, scale: str = "common") -> Figure:
    """The sheet: in rows from the first filter; where they are grey, all channels of one beside each other.

    Raises ValueError for more tiles than a sheet can hold, as of the upper layers of large networks.
    """
    count, channels, height, width = filters.weights.shape
    tiles = count if channels == 3 else count * channels
    columns = ACROSS if channels in (1, 3) else channels if channels <= ACROSS_GREYS else ACROSS_GREYS
    columns = min(columns, tiles)
    rows = rows_of(tiles, columns)
    tile_in = min((style.WIDTH_IN - 2 * MARGIN_IN) / columns, LARGEST_TILE_IN)
    sheet_in = rows * tile_in * height / width
    if sheet_in > HIGHEST_IN:
        raise ValueError(
            f"layer {str(filters.layer)!r}: {count} filters of {channels} channels are {tiles:,} tiles, more than a "
            "sheet can show: choose a lower layer (the weights themselves are in filters.npz)"
        )
    pictures = filter_pictures(filters.weights, scale)
    figure = Figure(figsize=(style.WIDTH_IN, MARGIN_IN + TITLE_IN + sheet_in + NOTE_IN))
    title = f"{filters.network}    {filters.layer}: {count} filters, {channels} × {height} × {width}"
    style.text(figure, MARGIN_IN, MARGIN_IN, title)
    axes = style.bare(figure, MARGIN_IN, MARGIN_IN + TITLE_IN, tile_in * columns, sheet_in)
    frame(axes, columns, rows)
    times = -(-LEAST_TILE_PX // max(height, width))  # whole pixels: enlarged without smoothing
    sheet = grid(pictures.repeat(times, 1).repeat(times, 2), round(GAP * times * width), columns)
    axes.imshow(sheet, extent=(0, columns - GAP, rows - GAP, 0), interpolation="nearest", aspect="auto")
    what = "colours are the three input channels" if channels == 3 else "grey, one tile an input channel"
    words = SCALES[scale].format(largest=np.abs(filters.weights).max())
    note = f"Zero is mid-grey, positive lighter, negative darker; {words}; {what}. Enlarged without smoothing."
    style.text(figure, MARGIN_IN, MARGIN_IN + TITLE_IN + sheet_in + 0.1, note,
               fontsize=style.NOTE_PT, color=style.FAINT)  # fmt: skip
    return figure
