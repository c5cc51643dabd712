"""The network as a picture: a block a layer, as high as its maps and as wide as they are many; and what a unit sees."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from zfnet.pages.atlas.layer_files import LayerAbout

HEIGHT, LINE, GAP = 120.0, 14.0, 10.0
NARROW, WIDE = 9.0, 46.0


@dataclass(frozen=True, kw_only=True)
class Block:
    """A layer in the picture: its rectangle, and the lines of text under it."""

    name: str
    label: str
    lines: tuple[str, ...]
    x: float
    y: float
    width: float
    height: float
    middle: float


@dataclass(frozen=True, kw_only=True)
class Picture:
    width: float
    height: float
    blocks: list[Block]


@dataclass(frozen=True, kw_only=True)
class FieldBox:
    """The field of a layer's middle unit on the image, in its pixels; whole where it sees all of it."""

    name: str
    left: float
    top: float
    width: float
    height: float
    size: str


def draw_network(layers: Sequence[LayerAbout], size_px: int) -> Picture:
    """Heights by the side of the maps (square root, so that small ones stay visible), widths by their number (log)."""
    blocks, x = [], GAP
    for layer in layers:
        side = layer.shape[1] if len(layer.shape) == 3 else 1
        height = max(6.0, HEIGHT * math.sqrt(min(side / size_px, 1)))
        width = NARROW + (WIDE - NARROW) * min(math.log2(1 + layer.maps) / 12, 1)
        lines = (" × ".join(map(str, layer.shape)), f"{_short(layer.parameters)} weights", _seen(layer))
        label = layer.name if len(layer.name) <= 12 else "…" + layer.name[-11:]
        column = max(width, 84.0, 8.6 * len(label))
        blocks.append(Block(
            name=layer.name, label=label, lines=lines,
            x=x + (column - width) / 2, y=HEIGHT - height + 6, width=width, height=height, middle=x + column / 2,
        ))  # fmt: skip
        x += column + GAP
    return Picture(width=x, height=HEIGHT + 6 + 5 * LINE, blocks=blocks)


def field_boxes(layers: Sequence[LayerAbout], size_px: int) -> list[FieldBox]:
    """Where the unit in the middle of each layer looks, one box of those that are equal."""
    boxes: dict[tuple[float, ...], FieldBox] = {}
    for layer in layers:
        if layer.field_px is None or layer.step_px is None or layer.start_px is None:
            continue
        place = [size // 2 for size in layer.shape[1:]] if len(layer.shape) == 3 else [0, 0]
        top, left = (start + step * at for start, step, at in zip(layer.start_px, layer.step_px, place, strict=True))
        height, width = layer.field_px
        size = f"{height} px" if height == width else f"{height} × {width} px"
        box = FieldBox(name=layer.name, left=left, top=top, width=width, height=height, size=size)
        boxes.setdefault((height, width), box)
    return list(boxes.values())


def margin_px(boxes: Sequence[FieldBox], size_px: int) -> float:
    """How far the boxes reach beyond the image, and a little more."""
    return 8 + max([0.0, *(-min(box.left, box.top) for box in boxes), *(
        max(box.left + box.width, box.top + box.height) - size_px for box in boxes
    )])  # fmt: skip


def _seen(layer: LayerAbout) -> str:
    if layer.field_px is None:
        return "sees the image"
    height, width = layer.field_px
    return f"sees {height} px" if height == width else f"sees {height} × {width} px"


def _short(count: int) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:.3g} {letter}"
    return str(count)
