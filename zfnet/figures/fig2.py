"""Fig. 2: for some maps of each layer, the strongest activations projected down, beside the image patches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from zfnet.figures.drawing import style
from zfnet.figures.drawing.montage import CONTRAST, Pixels, around_grey, frame, grid, place, rows_of, side_of
from zfnet.files import load_arrays, save_arrays

KIND = "fig2"
GAP, BETWEEN, LABEL = 0.05, 0.32, 0.42  # in tiles: within a map's grid, between maps, room for a line of text
LEAST_PX = 60
MARGIN_IN, TITLE_IN, NOTE_IN, TILE_IN = 0.2, 0.18, 0.3, 0.6
NOTE = (
    f"{CONTRAST}\nPatches are cut at the unit's receptive field (the whole image where that is larger); what lies "
    "beyond the image's border is drawn in the mean colour of the network's input."
)


@dataclass(frozen=True, kw_only=True)
class LayerFeatures:
    """M maps of a layer and the k places each answers to most, strongest first.

    maps (M,); value, image, row, column, label (M, k), -1 in the last four where there is none; projection
    (M, k, 3, h, w) signed pixels; patch (M, k, h, w, 3) uint8; corner (M, k, 2) of the patch in the image, in pixels;
    map_name (M,) what a map stands for, or "".
    """

    layer: str
    maps: NDArray[np.int64]
    value: NDArray[np.floating]
    image: NDArray[np.int64]
    row: NDArray[np.int64]
    column: NDArray[np.int64]
    label: NDArray[np.int64]
    projection: NDArray[np.float32]
    patch: NDArray[np.uint8]
    corner: NDArray[np.int64]
    map_name: NDArray[np.str_]


ARRAYS = [field.name for field in fields(LayerFeatures) if field.name != "layer"]


def save_features(path: Path, layers: Sequence[LayerFeatures], names: Sequence[str]) -> None:
    """Write the arrays of Fig. 2, from which `load_features` and `draw_fig2` draw it again.

    names: a readable name of each label; empty where there are none.
    """
    arrays = {f"{one.layer}/{name}": getattr(one, name) for one in layers for name in ARRAYS}
    order = np.array([one.layer for one in layers])
    save_arrays(path, KIND, {"layers": order, "names": np.array(names, dtype=np.str_), **arrays})


def load_features(path: str | Path) -> tuple[list[LayerFeatures], list[str]]:
    """What `save_features` wrote: the layers and the names. Raises ValueError for another kind of file."""
    arrays = load_arrays(path, KIND)
    layers = [
        LayerFeatures(layer=layer, **{name: arrays[f"{layer}/{name}"] for name in ARRAYS})
        for layer in arrays["layers"].tolist()
    ]
    return layers, arrays["names"].tolist()


def draw_fig2(layers: Sequence[LayerFeatures], names: Sequence[str] = (), columns: int = 4) -> Figure:
    """The montage: a block a layer, projections on the left and patches on the right, maps in the same order.

    Above each map stands its number and, over the patches, the class that most of them belong to, where at least two
    do and names are known. columns: maps side by side in a sheet.
    """
    sheet_in = (style.WIDTH_IN - 3 * MARGIN_IN) / 2
    shapes = [_Sheet(len(one.maps), one.value.shape[1], columns) for one in layers]
    tiles_in = [min(sheet_in / shape.width, TILE_IN) for shape in shapes]
    heights = [TITLE_IN + shape.height * tile for shape, tile in zip(shapes, tiles_in, strict=True)]
    figure = Figure(figsize=(style.WIDTH_IN, MARGIN_IN + sum(heights) + len(layers) * MARGIN_IN + NOTE_IN))
    top = MARGIN_IN
    for one, shape, tile, height in zip(layers, shapes, tiles_in, heights, strict=True):
        left = MARGIN_IN
        size = f"{one.patch.shape[2]} × {one.patch.shape[3]} px"
        for title, sheet in ((f"{one.layer}: projections", True), (f"{one.layer}: image patches, {size}", False)):
            style.text(figure, left, top, title)
            axes = style.bare(figure, left, top + TITLE_IN, shape.width * tile, shape.height * tile)
            frame(axes, shape.width, shape.height)
            for position in range(len(one.maps)):
                _draw_map(axes, shape, one, position, names, projections=sheet)
            left += shape.width * tile + MARGIN_IN
        top += height + MARGIN_IN
    style.text(figure, MARGIN_IN, top, NOTE, fontsize=style.NOTE_PT, color=style.FAINT)
    return figure


class _Sheet:
    """Where the maps of a sheet lie, in tiles."""

    def __init__(self, maps: int, k: int, columns: int) -> None:
        self.k_side = side_of(k)
        self.columns = min(columns, side_of(maps))
        self.wide, self.high = (n + (n - 1) * GAP for n in (self.k_side, rows_of(k, self.k_side)))
        self.width = self.columns * (self.wide + BETWEEN) - BETWEEN
        self.height = rows_of(maps, self.columns) * (self.high + LABEL + BETWEEN / 2) - BETWEEN / 2

    def corner(self, position: int) -> tuple[float, float]:
        """Left and top of a map's label, which stands above its tiles."""
        row, column = divmod(position, self.columns)
        return column * (self.wide + BETWEEN), row * (self.high + LABEL + BETWEEN / 2)


def _draw_map(
    axes: Axes, sheet: _Sheet, one: LayerFeatures, position: int, names: Sequence[str], projections: bool
) -> None:
    left, top = sheet.corner(position)
    label = _map_label(one, position) if projections else _class_label(one.label[position], names)
    axes.text(left, top + LABEL * 0.85, label, fontsize=style.LABEL_PT, color=style.FAINT, va="bottom", clip_on=False)
    pictures: Pixels = around_grey(one.projection[position]) if projections else one.patch[position]
    tiles = _tiles(pictures, one.image[position] >= 0, sheet.k_side)
    place(axes, tiles, left, top + LABEL, sheet.wide, sheet.high)


def _tiles(pictures: Pixels, there: NDArray[np.bool_], columns: int) -> Pixels:
    """The pictures (k, h, w, 3) of a map as one, enlarged so that gaps are whole pixels; white where none is."""
    larger = pictures.repeat(-(-LEAST_PX // pictures.shape[1]), 1).repeat(-(-LEAST_PX // pictures.shape[2]), 2)
    larger[~there] = 255 if larger.dtype == np.uint8 else 1
    return grid(larger, round(GAP * larger.shape[2]), columns)


def _map_label(one: LayerFeatures, position: int) -> str:
    name = str(one.map_name[position])
    dead = "  (dead)" if one.value[position, 0] <= 0 and not name else ""
    return f"{one.maps[position]}{dead}" + (f"  {shortened(name)}" if name else "")


def _class_label(labels: NDArray[np.int64], names: Sequence[str]) -> str:
    """The commonest class among the images, if it is there twice or more."""
    counts = Counter(label for label in labels.tolist() if 0 <= label < len(names))
    if not counts or counts.most_common(1)[0][1] < 2:
        return ""
    label, count = counts.most_common(1)[0]
    return f"{count} of {sum(counts.values())} {shortened(names[label])}"


def shortened(name: str, most: int = 22) -> str:
    """The first of several names, cut to fit."""
    first = name.split(",")[0]
    return first if len(first) <= most else first[: most - 1] + "…"
