"""What makes an image harder: smaller objects, more clutter, and parts that decide other classes, lying about loose."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from zfnet.data.parts_world.annotations import Decoy
from zfnet.data.parts_world.classes import CLASSES, PartsClass
from zfnet.data.parts_world.geometry import Points, rotated
from zfnet.data.parts_world.raster import Layer, rasterise
from zfnet.data.parts_world.sketch import Shape

CONTOUR = 0.010  # contour width in parts of the object's longer side
TRIES = 40  # at a place for a decoy that touches nothing
Corners = tuple[Points, Points]  # the least and the greatest x, y


@dataclass(frozen=True, kw_only=True)
class Difficulty:
    """How images are drawn. Counts are from and up to, the last one excluded.

    smallest, largest: the longer side of the object's box in parts of the image's side. clutter: things that are
    nothing in particular. decoys: deciding parts of other classes beside the object, as large as its own would be.
    """

    smallest: float
    largest: float
    clutter: tuple[int, int]
    decoys: tuple[int, int]


DIFFICULTIES = {
    "easy": Difficulty(smallest=0.52, largest=0.92, clutter=(3, 9), decoys=(0, 1)),
    "hard": Difficulty(smallest=0.40, largest=0.60, clutter=(6, 13), decoys=(3, 6)),
}


def difficulty_of(name: str) -> Difficulty:
    """Raises ValueError for a name that is not one of DIFFICULTIES."""
    if name not in DIFFICULTIES:
        raise ValueError(f"difficulty {name!r} is not one of {', '.join(DIFFICULTIES)}")
    return DIFFICULTIES[name]


@dataclass(frozen=True, kw_only=True)
class Loose:
    """Decoys in a picture: the paint, and whose part each is."""

    layer: Layer
    shapes: tuple[Shape, ...]
    whose: tuple[tuple[str, str], ...]  # (part, wnid) of each, in the order of their numbers

    def decoys(self) -> tuple[Decoy, ...]:
        """Those that are seen, each with its box."""
        boxes = self.layer.boxes(self.shapes)
        return tuple(
            Decoy(name, wnid, boxes[str(number)])
            for number, (name, wnid) in enumerate(self.whose) if str(number) in boxes
        )  # fmt: skip


def loose_parts(
    rng: np.random.Generator,
    side_px: int,
    *,
    own: PartsClass,
    object_px: float,
    extent: Corners,
    count: tuple[int, int],
) -> Loose | None:
    """Deciding parts of classes other than `own` beside the object's extent and each other; None if none has a place.

    object_px: the longer side of an object that they would belong to.
    """
    others, taken = [kind for kind in CLASSES if kind != own], [extent]
    shapes: list[Shape] = []
    whose: list[tuple[str, str]] = []
    for _ in range(rng.integers(*count)):
        kind = others[rng.integers(len(others))]
        part = sorted(kind.deciding)[rng.integers(len(kind.deciding))]
        outlines = _posed(_outlines(kind, part, rng, object_px), rng)
        low, high = _extent(outlines)
        corner = _free_corner(rng, side_px, high - low, taken)
        if corner is not None:
            taken.append((corner, corner + high - low))
            shapes += [replace(one.moved(np.eye(2), corner - low), part=str(len(whose))) for one in outlines]
            whose.append((part, kind.wnid))
    if not shapes:
        return None
    return Loose(layer=rasterise(shapes, side_px, CONTOUR * object_px), shapes=tuple(shapes), whose=tuple(whose))


def _outlines(kind: PartsClass, part: str, rng: np.random.Generator, object_px: float) -> list[Shape]:
    """The outlines of one part, as large as on a whole object of that size, in pixels."""
    shapes = kind.build(kind.name, rng, (rng.uniform(-0.8, 0.8), -0.6)).shapes
    low, high = _extent(shapes)
    scale = object_px / float((high - low).max())
    return [shape.moved(scale * np.eye(2), (0, 0)) for shape in shapes if shape.part == part]


def _posed(shapes: list[Shape], rng: np.random.Generator) -> list[Shape]:
    """Turned, and perhaps flipped, as objects are."""
    matrix = rotated(np.eye(2), rng.uniform(-0.35, 0.35)) * ((-1, 1) if rng.uniform() < 0.5 else (1, 1))
    return [shape.moved(matrix, (0, 0)) for shape in shapes]


def _extent(shapes: list[Shape]) -> Corners:
    corners = np.concatenate([shape.points for shape in shapes])
    return corners.min(0), corners.max(0)


def _free_corner(rng: np.random.Generator, side_px: int, size: Points, taken: list[Corners]) -> Points | None:
    """Where a box of that size (2,) touches none of those taken, in the image; None where no try finds a place."""
    for corner in rng.uniform(0, 1, (TRIES, 2)) * np.maximum(side_px - size, 0):
        if all(((corner > high) | (corner + size < low)).any() for low, high in taken):
            found: Points = corner
            return found
    return None
