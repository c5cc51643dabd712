"""Fig. 2: for some maps of each layer, the strongest activations projected down, beside the image patches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from zfnet.figures.drawing import style
from zfnet.figures.drawing.enrichment import LEVEL, enriched_class
from zfnet.figures.drawing.gains import GAIN, gain_in_words
from zfnet.figures.drawing.montage import Pixels, around_grey, frame, grid, place, rows_of, side_of
from zfnet.figures.fig2_saved import ImageClasses, LayerFeatures

GAP, BETWEEN, LABEL = 0.05, 0.32, 0.42  # in tiles: within a map's grid, between maps, room for a line of text
LEAST_PX = 60
MARGIN_IN, TITLE_IN, NOTE_IN, LINE_IN, TILE_IN = (
    0.2,
    0.18,
    0.42,
    0.12,
    0.6,
)  # LINE_IN: of the note, where there is one more
PAGE_IN = 12.0  # the highest a page may be
CUT = (
    "Patches are cut at the unit's receptive field (the whole image where that is larger); what lies beyond the "
    "image's border is drawn in the mean colour of the network's input."
)
NAMED = (
    "Over the patches: a class more frequent among them than in all images, where chance would name any in less than "
    f"{LEVEL:.0%} of draws (hypergeometric tail times classes)."
)
OPTIMISED = (
    "By optimisation: gradient ascent from noise to an image that the map's middle place answers to strongly, held to "
    "priors that are not in the network (long waves, jitter, smoothness)."
)
UNNAMED = "Classes are not named: these arrays do not say how many images of each class there were."


def fig2_pages(
    layers: Sequence[LayerFeatures], classes: ImageClasses, *, columns: int = 4, gain: str = GAIN
) -> Iterator[tuple[str, Callable[[], Figure]]]:
    """The montage of all layers on pages no higher than PAGE_IN and, of several layers, one of each: what draws it.

    The first page of a montage is called fig2, or fig2_conv5, and the next ones fig2_page2 and so on. A page of all
    layers that is also one of a layer's own comes twice, with the same function. See `draw_fig2`.
    """
    montages = {"fig2": list(layers)}
    if len(layers) > 1:
        montages |= {f"fig2_{one.layer}": [one] for one in layers}
    known: dict[tuple[object, ...], Callable[[], Figure]] = {}
    for name, some in montages.items():
        for number, page in enumerate(_pages(some, columns)):
            draw = known.setdefault(tuple(block.part for block in page), partial(_draw_page, page, classes, gain))
            yield name if number == 0 else f"{name}_page{number + 1}", draw


def draw_fig2(
    layers: Sequence[LayerFeatures], classes: ImageClasses | None = None, *, columns: int = 4, gain: str = GAIN
) -> Figure:
    """The montage: a block a layer, projections on the left and patches on the right, maps in the same order.

    Between them, where there are any, stand the images made by optimisation, one a map. Above each map stands its
    number and, over the patches, the class that is enriched among them (see `enriched_class`). columns: maps side by
    side in a sheet. gain: see `gains`; ValueError for one that is none.
    """
    blocks = [_Block(one, _across(one, columns)) for one in layers]
    return _draw_page(blocks, ImageClasses() if classes is None else classes, gain)


class _Block:
    """Some maps of a layer, and where they lie in its two sheets: in tiles, whose size is in inches.

    part: what tells these maps from others of a figure.
    """

    def __init__(self, one: LayerFeatures, columns: int, part: object = None) -> None:
        self.one, self.columns, self.part = one, columns, part
        maps, k = one.value.shape
        self.k_side = side_of(k)
        self.wide, self.high = (n + (n - 1) * GAP for n in (self.k_side, rows_of(k, self.k_side)))
        self.line = self.high + LABEL + BETWEEN / 2
        self.width = columns * (self.wide + BETWEEN) - BETWEEN
        self.height = rows_of(maps, columns) * self.line - BETWEEN / 2
        self.sheets = 2 if one.optimised is None else 3
        sheet_in = (style.WIDTH_IN - (self.sheets + 1) * MARGIN_IN) / self.sheets
        self.tile_in = min(sheet_in / self.width, TILE_IN)
        self.block_in = TITLE_IN + self.height * self.tile_in + MARGIN_IN

    def corner(self, position: int) -> tuple[float, float]:
        """Left and top of a map's label, which stands above its tiles."""
        row, column = divmod(position, self.columns)
        return column * (self.wide + BETWEEN), row * self.line


def _across(one: LayerFeatures, columns: int) -> int:
    return min(columns, side_of(len(one.maps)))


def _pages(layers: Sequence[LayerFeatures], columns: int) -> list[list[_Block]]:
    """Layers, or parts of those with many maps, that fit on a page together."""
    room_in = PAGE_IN - MARGIN_IN - NOTE_IN - LINE_IN
    pages: list[list[_Block]] = [[]]
    left_in = room_in
    for one in layers:
        across = _across(one, columns)
        whole = _Block(one, across)
        lines = max(1, int((room_in - TITLE_IN - MARGIN_IN) / (whole.line * whole.tile_in)))
        for first in range(0, len(one.maps), lines * across):
            block = _Block(one.part(first, first + lines * across), across, part=(id(one), first))
            if pages[-1] and block.block_in > left_in:
                pages.append([])
                left_in = room_in
            pages[-1].append(block)
            left_in -= block.block_in
    return pages


def _draw_page(blocks: Sequence[_Block], classes: ImageClasses, gain: str) -> Figure:
    optimised = any(block.one.optimised is not None for block in blocks)
    note_in = NOTE_IN + LINE_IN * optimised
    height_in = MARGIN_IN + sum(block.block_in for block in blocks) + note_in
    figure = Figure(figsize=(style.WIDTH_IN, height_in))
    top = MARGIN_IN
    for block in blocks:
        size, width_in = block.one.patch.shape[2:4], block.width * block.tile_in
        titles = ["projections", "by optimisation", f"image patches, {size[0]} × {size[1]} px"]
        for at, title in enumerate(titles if block.sheets == 3 else titles[::2]):
            left = MARGIN_IN + at * (width_in + MARGIN_IN)
            style.text(figure, left, top, f"{block.one.layer}: {title}" if at == 0 or block.sheets == 2 else title)
            axes = style.bare(figure, left, top + TITLE_IN, width_in, block.height * block.tile_in)
            frame(axes, block.width, block.height)
            if at == 0:
                _draw_projections(axes, block, gain)
            elif at == block.sheets - 1:
                _draw_patches(axes, block, classes)
            else:
                _draw_optimised(axes, block)
        top += block.block_in
    style.text(figure, MARGIN_IN, top, _note(classes, gain, optimised), fontsize=style.NOTE_PT, color=style.FAINT)
    return figure


def _draw_projections(axes: Axes, block: _Block, gain: str) -> None:
    for position, projection in enumerate(block.one.projection):
        _draw_map(axes, block, position, around_grey(projection, gain=gain), _map_label(block.one, position))


def _draw_patches(axes: Axes, block: _Block, classes: ImageClasses) -> None:
    for position, patch in enumerate(block.one.patch):
        _draw_map(axes, block, position, patch, _class_label(block.one.label[position], classes))


def _draw_optimised(axes: Axes, block: _Block) -> None:
    """One picture a map, as large as its nine places together."""
    assert block.one.optimised is not None
    for position, picture in enumerate(block.one.optimised):
        left, top = block.corner(position)
        place(axes, picture, left, top + LABEL, block.wide, block.high)


def _draw_map(axes: Axes, block: _Block, position: int, pictures: Pixels, words: str) -> None:
    left, top = block.corner(position)
    axes.text(left, top + LABEL * 0.85, words, fontsize=style.LABEL_PT, color=style.FAINT, va="bottom", clip_on=False)
    tiles = _tiles(pictures, block.one.image[position] >= 0, block.k_side)
    place(axes, tiles, left, top + LABEL, block.wide, block.high)


def _tiles(pictures: Pixels, there: NDArray[np.bool_], columns: int) -> Pixels:
    """The pictures (k, h, w, 3) of a map as one, enlarged so that gaps are whole pixels; white where none is."""
    larger = pictures.repeat(-(-LEAST_PX // pictures.shape[1]), 1).repeat(-(-LEAST_PX // pictures.shape[2]), 2)
    larger[~there] = 255 if larger.dtype == np.uint8 else 1
    return grid(larger, round(GAP * larger.shape[2]), columns)


def _map_label(one: LayerFeatures, position: int) -> str:
    name = str(one.map_name[position])
    dead = "  (dead)" if one.value[position, 0] <= 0 and not name else ""
    return f"{one.maps[position]}{dead}" + (f"  {style.shortened(name)}" if name else "")


def _class_label(labels: NDArray[np.int64], classes: ImageClasses) -> str:
    """The class that is enriched among labels (k,), as "7 of 9 owl", or ""."""
    found = None if classes.images is None else enriched_class(labels, classes.images)
    if found is None or found[0] >= len(classes.names):
        return ""
    return f"{found[1]} of {(labels >= 0).sum()} {style.shortened(classes.names[found[0]])}"


def _note(classes: ImageClasses, gain: str, optimised: bool) -> str:
    named = "" if not len(classes.names) else f"\n{UNNAMED if classes.images is None else NAMED}"
    made = f"\n{OPTIMISED}" if optimised else ""
    return f"{gain_in_words(gain)}\n{CUT}{named}{made}"
