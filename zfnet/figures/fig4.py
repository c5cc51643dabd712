"""Fig. 4: what maps of each layer respond to at epochs of the training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from zfnet.figures.curves.settling import KINDS, Settling
from zfnet.figures.drawing import style
from zfnet.figures.drawing.gains import GAIN, gain_in_words
from zfnet.figures.drawing.montage import around_grey, frame, place, rows_of
from zfnet.files import load_arrays, save_arrays

KIND = "fig4"
PICTURES = ("projection", "patch")
MARGIN_IN, TITLE_IN, HEAD_IN, NUMBER_IN, NOTE_IN = 0.2, 0.2, 0.16, 0.27, 0.52
LEAST_TILE_IN, TILE_IN = 0.48, 0.9
GAP = 0.06  # between tiles, in tiles
LETTER_IN = 0.075  # of a block's title, whose room is kept where there are few epochs


@dataclass(frozen=True, kw_only=True)
class LayerEvolution:
    """M maps of a layer at E epochs: the strongest view of each.

    epochs (E,); maps (M,); value, value_now, image, label (E, M), path (E, M), as in zfnet.analysis.evolution.moment;
    projection (E, M, 3, h, w) signed pixels; patch (E, M, h, w, 3) uint8.
    """

    layer: str
    epochs: NDArray[np.int64]
    maps: NDArray[np.int64]
    value: NDArray[np.floating]
    value_now: NDArray[np.floating]
    image: NDArray[np.int64]
    label: NDArray[np.int64]
    path: NDArray[np.str_]
    projection: NDArray[np.float32]
    patch: NDArray[np.uint8]


ARRAYS = [field.name for field in fields(LayerEvolution) if field.name != "layer"]


def save_evolution(path: Path, layers: Sequence[LayerEvolution], settling: Settling) -> None:
    """Write the arrays from which `load_evolution` and both figures come again."""
    arrays = {f"{one.layer}/{name}": getattr(one, name) for one in layers for name in ARRAYS}
    for kind, of_layers in settling.similarity.items():
        arrays |= {f"similarity/{kind}/{layer}": values for layer, values in of_layers.items()}
        arrays |= {f"settled/{kind}/{layer}": np.array(settling.settled[kind][layer]) for layer in of_layers}
    order = np.array([one.layer for one in layers])
    about = {"layers": order, "epochs": settling.epochs, "threshold": np.array(settling.threshold)}
    save_arrays(path, KIND, {**about, **arrays})


def load_evolution(path: str | Path) -> tuple[list[LayerEvolution], Settling]:
    """What `save_evolution` wrote. Raises ValueError for another kind of file."""
    arrays = load_arrays(path, KIND)
    layers = [
        LayerEvolution(layer=layer, **{name: arrays[f"{layer}/{name}"] for name in ARRAYS})
        for layer in arrays["layers"].tolist()
    ]
    similarity: dict[str, dict[str, NDArray[np.float64]]] = {kind: {} for kind in KINDS}
    settled: dict[str, dict[str, int]] = {kind: {} for kind in KINDS}
    for name in arrays:
        what, _, rest = name.partition("/")
        kind, _, layer = rest.partition("/")
        if what == "similarity":
            similarity[kind][layer] = arrays[name]
        elif what == "settled":
            settled[kind][layer] = int(arrays[name])
    threshold = float(arrays["threshold"])
    return layers, Settling(epochs=arrays["epochs"], similarity=similarity, settled=settled, threshold=threshold)


def draw_fig4(
    layers: Sequence[LayerEvolution], maps: int = 6, picture: str = "projection", *, gain: str = GAIN
) -> Figure:
    """The montage: a block a layer, a row a map, a column an epoch; lines of blocks fill the width.

    maps: how many of each layer at most, the first; picture: "projection", or "patch" for what the images show there;
    gain: of projections, see `gains`. Written over a tile: "dead" where the map answered to nothing in the epoch,
    "died" where the unit that answered most no longer does with the weights of the epoch's end, whose projection is
    empty. Raises ValueError for another picture or gain.
    """
    if picture not in PICTURES:
        raise ValueError(f"picture={picture!r} is not one of {', '.join(PICTURES)}")
    lines = _lines(layers, maps, picture)
    height_in = MARGIN_IN + sum(line[0].height_in for line in lines) + NOTE_IN
    figure, top = Figure(figsize=(style.WIDTH_IN, height_in)), MARGIN_IN
    for line in lines:
        for column, block in enumerate(line):
            left = MARGIN_IN + column * (block.width_in + MARGIN_IN)
            if block.titled:
                style.text(figure, left, top, _title(block.one, picture))
            _draw_block(figure, block, (left, top + TITLE_IN), picture, gain)
        top += line[0].height_in
    style.text(figure, MARGIN_IN, top, _note(picture, gain), fontsize=style.NOTE_PT, color=style.FAINT)
    return figure


@dataclass(frozen=True, kw_only=True)
class _Block:
    """Maps first to before end of a layer, in width_in inches with tiles of tile_in, in a line of height_in."""

    one: LayerEvolution
    first: int
    end: int
    width_in: float
    tile_in: float
    height_in: float
    titled: bool


def _lines(layers: Sequence[LayerEvolution], maps: int, picture: str) -> list[list[_Block]]:
    """Lines of blocks as wide as the figure: as few as leave tiles of LEAST_TILE_IN, the fuller ones first.

    A layer that is alone in the last line lies there in columns, some of its maps in each.
    """
    epochs = max(len(one.epochs) for one in layers)
    least_in = NUMBER_IN + epochs * (1 + GAP) * LEAST_TILE_IN
    least_in = max(least_in, *(LETTER_IN * len(_title(one, picture)) for one in layers))
    across = max(1, int((style.WIDTH_IN - MARGIN_IN) / (least_in + MARGIN_IN)))
    count = rows_of(len(layers), across)
    sizes = [len(layers) // count + (line < len(layers) % count) for line in range(count)]
    lines, at = [], 0
    for size in sizes:
        some = layers[at : at + size]
        at += size
        if size == 1 and across > 1:
            lines.append(_in_columns(some[0], maps, across))
        else:
            lines.append(_line([(one, 0, min(maps, len(one.maps))) for one in some]))
    return lines


def _in_columns(one: LayerEvolution, maps: int, columns: int) -> list[_Block]:
    shown = min(maps, len(one.maps))
    each = rows_of(shown, columns)
    return _line([(one, first, min(first + each, shown)) for first in range(0, shown, each)])


def _line(parts: Sequence[tuple[LayerEvolution, int, int]]) -> list[_Block]:
    """Blocks of equal width, whose tiles fill it up to TILE_IN."""
    width_in = (style.WIDTH_IN - (len(parts) + 1) * MARGIN_IN) / len(parts)
    epochs = max(len(one.epochs) for one, _, _ in parts)
    tile_in = min(TILE_IN, (width_in - NUMBER_IN) / (epochs * (1 + GAP)))
    high = max(end - first for _, first, end in parts)
    height_in = TITLE_IN + HEAD_IN + high * (1 + GAP) * tile_in + MARGIN_IN
    return [
        _Block(
            one=one, first=first, end=end, width_in=width_in, tile_in=tile_in, height_in=height_in, titled=first == 0
        )
        for one, first, end in parts
    ]


def _draw_block(figure: Figure, block: _Block, corner_in: tuple[float, float], picture: str, gain: str) -> None:
    one, tile_in = block.one, block.tile_in
    rows, columns = block.end - block.first, len(one.epochs)
    above, beside = HEAD_IN / tile_in, NUMBER_IN / tile_in
    size = columns * (1 + GAP) + beside, rows * (1 + GAP) + above
    axes = style.bare(figure, *corner_in, size[0] * tile_in, size[1] * tile_in)
    frame(axes, *size)
    for column, epoch in enumerate(one.epochs.tolist()):
        name = f"epoch {epoch}" if column == 0 and tile_in > 0.45 else str(epoch)
        _say(axes, beside + column * (1 + GAP) + 0.5, above * 0.85, name, va="bottom", ha="center")
    for row in range(rows):
        down, number = above + row * (1 + GAP), block.first + row
        _say(axes, beside * 0.85, down + 0.5, str(one.maps[number]), va="center", ha="right")
        for column in range(columns):
            corner = beside + column * (1 + GAP), down
            _draw_tile(axes, one, (column, number), corner, picture, gain)


def _title(one: LayerEvolution, picture: str) -> str:
    height, width = one.patch.shape[2:4]
    return f"{one.layer}: {'projections' if picture == 'projection' else 'image patches'}, {height} × {width} px"


def _draw_tile(
    axes: Axes, one: LayerEvolution, at: tuple[int, int], corner: tuple[float, float], picture: str, gain: str
) -> None:
    """at: which epoch, and which map, of the layer's."""
    if one.image[at] < 0:
        return
    shown = one.patch[at] if picture == "patch" else around_grey(one.projection[at][None], gain=gain)[0]
    place(axes, shown, *corner, 1, 1)
    dead, died = one.value[at] <= 0, one.value_now[at] <= 0
    if picture == "projection" and (dead or died):
        _say(axes, corner[0] + 0.5, corner[1] + 0.5, "dead" if dead else "died", va="center", ha="center", color="w")


def _say(axes: Axes, x: float, y: float, words: str, **options: str) -> None:
    axes.text(x, y, words, fontsize=style.LABEL_PT, clip_on=False, **{"color": style.FAINT, **options})  # type: ignore[arg-type]


def _note(picture: str, gain: str) -> str:
    cut = (
        "Each tile is the receptive field of the unit that answered most strongly in the epoch (the whole image where "
        "that is larger), seen with the weights of the epoch's end.\n"
    )
    if picture == "patch":
        return cut + "What lies beyond the image's border is drawn in the mean colour of the network's input."
    words = '"dead": the map answered to nothing; "died": that unit no longer answers with those weights.'
    return f"{cut}{gain_in_words(gain)}\n{words}"
