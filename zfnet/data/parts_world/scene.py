"""One image of the parts world: an object in a random pose over clutter, lit, partly hidden, noisy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from zfnet.data.parts_world.annotations import Box, Decoy, Part
from zfnet.data.parts_world.changes import Change, changed
from zfnet.data.parts_world.classes import CLASSES, PartsClass
from zfnet.data.parts_world.clutter import background, clouds, distractors, occluders
from zfnet.data.parts_world.decoys import CONTOUR, Difficulty, Loose, difficulty_of, loose_parts
from zfnet.data.parts_world.geometry import Points, rotated
from zfnet.data.parts_world.raster import Layer, Picture, rasterise
from zfnet.data.parts_world.sketch import Shape

SMALLEST_SIDE_PX = 32
_FLIPPED = {"left": "right", "right": "left"}


@dataclass(frozen=True)
class Drawing:
    """pixels (side, side, 3) uint8; object: the box of the whole object; parts in the order of their names.

    decoys: parts of other classes that lie about, of a hard image.
    """

    pixels: NDArray[np.uint8]
    object: Box
    parts: tuple[Part, ...]
    decoys: tuple[Decoy, ...] = ()


def draw(
    class_index: int, rng: np.random.Generator, side_px: int, omit: frozenset[str] = frozenset(),
    changes: Mapping[str, Change] | None = None, difficulty: str = "easy",
) -> Drawing:  # fmt: skip
    """Draw one image of a class; everything random comes from rng.

    omit: leave out these parts and nothing else: the same rng state gives the same image but for those parts' pixels.
    changes: parts that are moved, recoloured or gone, in the same way. Where no part is left, object is the place that
    was theirs. difficulty: "easy" or "hard" (decoys.py). Raises ValueError if the class, the side or the difficulty is
    out of range, or if the object has no such part.
    """
    kind, level = _class_of(class_index), difficulty_of(difficulty)
    if side_px < SMALLEST_SIDE_PX:
        raise ValueError(f"side_px {side_px} is too small to show parts: use {SMALLEST_SIDE_PX} or more")
    changes = {**(changes or {}), **{part: Change(gone=True) for part in omit}}
    shapes, object_px = _object(kind, rng, side_px, level)
    names = {shape.part for shape in shapes}
    if not changes.keys() <= names:
        odd = sorted(changes.keys() - names)
        raise ValueError(f"no part {odd} in a {kind.name}, whose parts are {', '.join(sorted(names))}")
    picture = background(rng, side_px)
    rasterise(distractors(rng, side_px, level.clutter), side_px, 0.004 * side_px, finer=2).onto(picture)
    loose = _painted_loose(picture, rng, kind, level, object_px, _extent(shapes))
    picture *= _shadow(shapes, rng, side_px)
    seen = changed(shapes, changes, object_px)
    layer = rasterise(seen, side_px, CONTOUR * object_px)
    _lit(layer, rng, side_px).onto(picture)
    rasterise(occluders(rng, side_px, _extent(shapes)), side_px, 0.004 * side_px, finer=2).onto(picture)
    boxes = layer.boxes(seen)
    low, high = (np.clip(corner, 0, side_px - 1).astype(int) for corner in _extent(shapes))
    corners = np.asarray(list(boxes.values()) or [(*low, *(high + 1))])
    whole = (*corners[:, :2].min(0).tolist(), *corners[:, 2:].max(0).tolist())
    parts = tuple(Part(name, box, name in kind.deciding) for name, box in sorted(boxes.items()))
    decoys = () if loose is None else loose.decoys()
    return Drawing(pixels=_photographed(picture, rng), object=whole, parts=parts, decoys=decoys)


def _painted_loose(
    picture: Picture, rng: np.random.Generator, kind: PartsClass, level: Difficulty, object_px: float,
    extent: tuple[Points, Points],
) -> Loose | None:  # fmt: skip
    """Paint decoys onto the picture, lit as the object is; easy images have none and draw nothing from rng for them."""
    if level.decoys[1] <= 1:
        return None
    side_px = len(picture)
    loose = loose_parts(rng, side_px, own=kind, object_px=object_px, extent=extent, count=level.decoys)
    if loose is not None:
        _lit(loose.layer, rng, side_px).onto(picture)
    return loose


def part_names(class_index: int, rng: np.random.Generator) -> list[str]:
    """The parts of the object that `draw` draws from the same rng state, hidden ones too, in the order of their names.

    Raises ValueError if the class is out of range.
    """
    return sorted(
        {shape.part for shape in _object(_class_of(class_index), rng, SMALLEST_SIDE_PX, difficulty_of("easy"))[0]}
    )


def _class_of(class_index: int) -> PartsClass:
    if not 0 <= class_index < len(CLASSES):
        raise ValueError(f"class {class_index} is outside 0..{len(CLASSES) - 1}, the classes of the parts world")
    return CLASSES[class_index]


def _object(kind: PartsClass, rng: np.random.Generator, side_px: int, level: Difficulty) -> tuple[list[Shape], float]:
    """The outlines of an object in the picture, and its longer side in pixels."""
    light = (rng.uniform(-0.8, 0.8), -0.6)
    return _placed(kind.build(kind.name, rng, light).shapes, rng, side_px, level)


def _extent(shapes: list[Shape]) -> tuple[Points, Points]:
    """The least and the greatest x, y of all outlines."""
    corners = np.concatenate([shape.points for shape in shapes])
    return corners.min(0), corners.max(0)


def _placed(
    shapes: list[Shape], rng: np.random.Generator, side_px: int, level: Difficulty
) -> tuple[list[Shape], float]:
    """Stretch, shear, turn, perhaps flip, scale and shift into the image; also the object's longer side in pixels."""
    stretch, shear = np.exp(rng.uniform(-0.12, 0.12)), rng.uniform(-0.12, 0.12)
    matrix: Points = np.array([[stretch, 0], [shear, 1 / stretch]]) @ rotated(np.eye(2), rng.uniform(-0.35, 0.35))
    flip = rng.uniform() < 0.5
    if flip:
        matrix = matrix * (-1, 1)
        shapes = [Shape(_exchanged(shape.part), shape.points, shape.colour, shape.edge) for shape in shapes]
    posed = [shape.moved(matrix, (0, 0)) for shape in shapes]
    low, high = _extent(posed)
    object_px = rng.uniform(level.smallest, level.largest) * side_px
    scale = object_px / float((high - low).max())
    margin = CONTOUR * object_px + 1
    free = side_px - scale * (high - low) - 2 * margin
    corner = margin + rng.uniform(0, 1, 2) * np.maximum(free, 0)
    return [shape.moved(scale * np.eye(2), corner - scale * low) for shape in posed], object_px


def _exchanged(part: str) -> str:
    """left_ and right_ mean the sides of the image, so a flip exchanges them."""
    side, _, rest = part.partition("_")
    return f"{_FLIPPED[side]}_{rest}" if side in _FLIPPED else part


def _shadow(shapes: list[Shape], rng: np.random.Generator, side_px: int) -> Picture:
    """What is left of the light (H, W, 1) behind the whole object, whatever of it is drawn."""
    small = max(side_px // 4, 16)
    shift = np.array([rng.uniform(-0.05, 0.05), rng.uniform(0.02, 0.05)]) * small
    outlines = [shape.moved(small / side_px * np.eye(2), shift) for shape in shapes if shape.edge is not None]
    cast = Image.new("L", (small, small))
    paint = ImageDraw.Draw(cast)
    for outline in outlines:
        paint.polygon(outline.points.ravel().tolist(), fill=255)
    soft = cast.filter(ImageFilter.GaussianBlur(small * 0.025)).resize((side_px, side_px), Image.Resampling.BICUBIC)
    return 1 - np.float32(rng.uniform(0.2, 0.5) / 255) * np.asarray(soft, np.float32)[..., None]


def _lit(layer: Layer, rng: np.random.Generator, side_px: int) -> Layer:
    """Light from one side and a mottled material, on this layer only."""
    turn, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0.0, 0.35)
    along = np.linspace(-strength, strength, side_px, dtype=np.float32)
    light = 1 + np.float32(np.cos(turn)) * along[None] + np.float32(np.sin(turn)) * along[:, None]
    light += np.float32(rng.uniform(0.0, 0.12)) * clouds(rng, side_px, int(rng.integers(12, 48)))
    on_layer = light[slice(*layer.rows), slice(*layer.columns), None]  # (h, w, 1)
    return replace(layer, colour=np.minimum(layer.colour * on_layer, 255 * layer.alpha))


def _photographed(picture: Picture, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Exposure, tint, contrast and grain."""
    gain = (rng.uniform(0.85, 1.2) * rng.uniform(0.92, 1.08, 3)).astype(np.float32)
    contrast = np.float32(rng.uniform(0.75, 1.1))
    grain = rng.standard_normal((*picture.shape[:2], 1), np.float32) * np.float32(rng.uniform(1, 9))
    picture = picture * (gain * contrast) + (128 - 128 * contrast)
    picture += grain
    return np.clip(picture, 0, 255, out=picture).astype(np.uint8)
