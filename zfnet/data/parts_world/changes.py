"""Parts of a drawn object moved, recoloured or taken away, all else left as it was."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from zfnet.data.parts_world.sketch import Colour, Shape


@dataclass(frozen=True, kw_only=True)
class Change:
    """What becomes of a part. right, down: a shift in parts of the object's longer side; hue: 0..1, None for its own;
    gone: it is not drawn at all."""

    right: float = 0.0
    down: float = 0.0
    hue: float | None = None
    gone: bool = False


def changed(shapes: Sequence[Shape], changes: Mapping[str, Change], object_px: float) -> list[Shape]:
    """The shapes (in pixels of the picture) after the changes, by part; those of parts that are gone are left out."""
    return [
        shape if shape.part not in changes else _changed(shape, changes[shape.part], object_px)
        for shape in shapes
        if not (shape.part in changes and changes[shape.part].gone)
    ]


def _changed(shape: Shape, change: Change, object_px: float) -> Shape:
    moved = shape.moved(np.eye(2), (change.right * object_px, change.down * object_px))
    if change.hue is None:
        return moved
    edge = None if shape.edge is None else recoloured(shape.edge, change.hue)
    return Shape(shape.part, moved.points, recoloured(shape.colour, change.hue), edge)


def recoloured(colour: Colour, hue: float) -> Colour:
    """The colour with another hue, as light as it was; what is nearly grey is coloured a little."""
    _, saturation, value = colorsys.rgb_to_hsv(*(channel / 255 for channel in colour))
    red, green, blue = colorsys.hsv_to_rgb(hue, max(saturation, 0.35), value)
    return round(red * 255), round(green * 255), round(blue * 255)
