"""Fig. 4: what maps of each layer respond to at epochs of the training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from zfnet.figures.drawing import style
from zfnet.figures.drawing.montage import CONTRAST, around_grey, frame, place
from zfnet.figures.settling import KINDS, Settling
from zfnet.files import load_arrays, save_arrays

KIND = "fig4"
PICTURES = ("projection", "patch")
LEAST_BLOCKS = 2  # side by side; more where there are few epochs
MARGIN_IN, TITLE_IN, HEAD_IN, NUMBER_IN, NOTE_IN, TILE_IN = 0.2, 0.2, 0.16, 0.27, 0.52, 0.62
GAP = 0.06  # between tiles, in tiles
LETTER_IN = 0.075  # of a block's title, whose room is kept where there are few epochs


@dataclass(frozen=True, kw_only=True)
class LayerEvolution:
    """M maps of a layer at E epochs: the strongest view of each.

    epochs (E,); maps (M,); value, value_now, image, label (E, M), path (E, M), as in analysis.evolution_moment;
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


def draw_fig4(layers: Sequence[LayerEvolution], maps: int = 6, picture: str = "projection") -> Figure:
    """The montage: a block a layer, a row a map, a column an epoch.

    maps: how many of each layer at most, the first; picture: "projection", or "patch" for what the images show there.
    Written over a tile: "dead" where the map answered to nothing in the epoch, "died" where the unit that answered most
    no longer does with the weights of the epoch's end, whose projection is empty.
    """
    if picture not in PICTURES:
        raise ValueError(f"picture={picture!r} is not one of {', '.join(PICTURES)}")
    tiled_in = NUMBER_IN + max(len(one.epochs) for one in layers) * (1 + GAP) * TILE_IN
    widest_in = max(tiled_in, *(LETTER_IN * len(_title(one, picture)) for one in layers)) + MARGIN_IN
    blocks = max(LEAST_BLOCKS, int((style.WIDTH_IN - MARGIN_IN) / widest_in))
    width_in = (style.WIDTH_IN - (blocks + 1) * MARGIN_IN) / blocks
    tiles_in = [min(TILE_IN, (width_in - NUMBER_IN) / (len(one.epochs) * (1 + GAP))) for one in layers]
    heights = [
        TITLE_IN + HEAD_IN + min(maps, len(one.maps)) * (1 + GAP) * tile + MARGIN_IN
        for one, tile in zip(layers, tiles_in, strict=True)
    ]
    rows_in = [max(heights[at : at + blocks]) for at in range(0, len(layers), blocks)]
    figure = Figure(figsize=(style.WIDTH_IN, MARGIN_IN + sum(rows_in) + NOTE_IN))
    for at, (one, tile) in enumerate(zip(layers, tiles_in, strict=True)):
        row, column = divmod(at, blocks)
        left, top = MARGIN_IN + column * (width_in + MARGIN_IN), MARGIN_IN + sum(rows_in[:row])
        _draw_block(figure, one, maps, picture, (left, top), tile)
    style.text(figure, MARGIN_IN, MARGIN_IN + sum(rows_in), _note(picture), fontsize=style.NOTE_PT, color=style.FAINT)
    return figure


def _draw_block(
    figure: Figure, one: LayerEvolution, maps: int, picture: str, corner_in: tuple[float, float], tile_in: float
) -> None:
    left, top = corner_in
    style.text(figure, left, top, _title(one, picture))
    rows, columns = min(maps, len(one.maps)), len(one.epochs)
    size = columns * (1 + GAP), rows * (1 + GAP)
    above, beside = HEAD_IN / tile_in, NUMBER_IN / tile_in
    axes = style.bare(
        figure, left, top + TITLE_IN, (size[0] + beside) * tile_in, (size[1] + above) * tile_in
    )  # fmt: skip
    frame(axes, size[0] + beside, size[1] + above)
    for column, epoch in enumerate(one.epochs.tolist()):
        name = f"epoch {epoch}" if column == 0 and tile_in > 0.45 else str(epoch)
        _say(axes, beside + column * (1 + GAP) + 0.5, above * 0.85, name, va="bottom", ha="center")
    for row in range(rows):
        _say(axes, beside * 0.85, above + row * (1 + GAP) + 0.5, str(one.maps[row]), va="center", ha="right")
        for column in range(columns):
            corner = beside + column * (1 + GAP), above + row * (1 + GAP)
            _draw_tile(axes, one, column, row, picture, corner)


def _title(one: LayerEvolution, picture: str) -> str:
    height, width = one.patch.shape[2:4]
    return f"{one.layer}: {'projections' if picture == 'projection' else 'image patches'}, {height} × {width} px"


def _draw_tile(
    axes: Axes, one: LayerEvolution, column: int, row: int, picture: str, corner: tuple[float, float]
) -> None:
    if one.image[column, row] < 0:
        return
    shown = one.patch[column, row] if picture == "patch" else around_grey(one.projection[column, [row]])[0]
    place(axes, shown, *corner, 1, 1)
    dead, died = one.value[column, row] <= 0, one.value_now[column, row] <= 0
    if picture == "projection" and (dead or died):
        _say(axes, corner[0] + 0.5, corner[1] + 0.5, "dead" if dead else "died", va="center", ha="center", color="w")


def _say(axes: Axes, x: float, y: float, words: str, **options: str) -> None:
    axes.text(x, y, words, fontsize=style.LABEL_PT, clip_on=False, **{"color": style.FAINT, **options})  # type: ignore[arg-type]


def _note(picture: str) -> str:
    cut = (
        "Each tile is the receptive field of the unit that answered most strongly in the epoch (the whole image where "
        "that is larger), seen with the weights of the epoch's end.\n"
    )
    if picture == "patch":
        return cut + "What lies beyond the image's border is drawn in the mean colour of the network's input."
    words = '"dead": the map answered to nothing; "died": that unit no longer answers with those weights.'
    return f"{cut}{CONTRAST}\n{words}"
