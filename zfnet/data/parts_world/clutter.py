"""What surrounds the objects: backgrounds, things that are nothing in particular, bits that lie in front."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from zfnet.data.parts_world.geometry import Points, curve, ellipse, rectangle, ribbon, rotated, rounded
from zfnet.data.parts_world.raster import Picture
from zfnet.data.parts_world.sketch import Colour, Shape, mixed, pleasant, tone


def background(rng: np.random.Generator, side_px: int) -> Picture:
    """Two or three related colours in one of six arrangements, under soft mottling."""
    first = pleasant(rng, (0.1, 0.55), (0.45, 0.95))
    second = mixed(first, pleasant(rng, (0.1, 0.6), (0.3, 0.95)), rng.uniform(0.4, 1.0))
    blend = _ARRANGEMENTS[rng.integers(len(_ARRANGEMENTS))](rng, side_px)
    blend = np.clip(blend + rng.uniform(0.05, 0.3) * clouds(rng, side_px, int(rng.integers(4, 24))), 0, 1)[..., None]
    return (1 - blend) * np.asarray(first, np.float32) + blend * np.asarray(second, np.float32)


def clouds(rng: np.random.Generator, side_px: int, cells: int) -> NDArray[np.float32]:
    """Smooth noise of about -1..1 with so many cells along a side, (side, side)."""
    grid = Image.fromarray(rng.uniform(-1, 1, (cells, cells)).astype(np.float32))
    return np.asarray(grid.resize((side_px, side_px), Image.Resampling.BICUBIC))


def _ramp(rng: np.random.Generator, side_px: int) -> NDArray[np.float32]:
    """Position along a random direction, about 0..1."""
    turn = rng.uniform(0, 2 * np.pi)
    along = np.linspace(-0.5, 0.5, side_px, dtype=np.float32)
    return (0.5 + np.cos(turn) * along[None] + np.sin(turn) * along[:, None]).astype(np.float32)


def _horizon(rng: np.random.Generator, side_px: int) -> NDArray[np.float32]:
    down = np.linspace(0, 1, side_px, dtype=np.float32)[:, None] + 0.04 * clouds(rng, side_px, 5)
    ground = down > rng.uniform(0.4, 0.8)
    return (0.35 * down + 0.65 * ground).astype(np.float32)


def _stripes(rng: np.random.Generator, side_px: int) -> NDArray[np.float32]:
    wave = np.sin(_ramp(rng, side_px) * 2 * np.pi * rng.uniform(3, 12) + 2 * clouds(rng, side_px, 4))
    return 0.5 + 0.35 * np.clip(3 * wave, -1, 1)


def _tiles(rng: np.random.Generator, side_px: int) -> NDArray[np.float32]:
    count = int(rng.integers(3, 9))
    grid = Image.fromarray(rng.uniform(0, 1, (count, count)).astype(np.float32))
    return np.asarray(grid.resize((side_px, side_px), Image.Resampling.NEAREST))


def _spotlight(rng: np.random.Generator, side_px: int) -> NDArray[np.float32]:
    x, y = np.linspace(0, 1, side_px, dtype=np.float32) - rng.uniform(0, 1, (2, 1)).astype(np.float32)
    return np.sqrt(x[None] ** 2 + y[:, None] ** 2)


def _mottled(rng: np.random.Generator, side_px: int) -> NDArray[np.float32]:
    return 0.5 + 0.5 * clouds(rng, side_px, 5) + 0.3 * clouds(rng, side_px, 16)


_ARRANGEMENTS = (_ramp, _horizon, _stripes, _tiles, _spotlight, _mottled)


def distractors(rng: np.random.Generator, side_px: int, count: tuple[int, int]) -> list[Shape]:
    """Things without parts, in pixels: blobs, boards, discs, sticks, and bodies and hulls that lack everything else.

    count: how many, from and up to, the last one excluded.
    """
    shapes = []
    for _ in range(rng.integers(*count)):
        outline = _DISTRACTORS[rng.integers(len(_DISTRACTORS))](rng) * rng.uniform(0.08, 0.24)
        colour = pleasant(rng, (0.15, 0.7), (0.35, 0.95))
        placed = (rotated(outline, rng.uniform(0, 2 * np.pi)) + rng.uniform(0, 1, 2)) * side_px
        shapes.append(Shape("clutter", placed, colour, tone(colour, 0.5)))
        shapes.append(Shape("clutter", placed * 0.8 + 0.2 * placed.mean(0), tone(colour, 1.12)))
    return shapes


def _pebble(rng: np.random.Generator) -> Points:
    angle = np.linspace(0, 2 * np.pi, 7, endpoint=False)
    return rounded(np.stack([np.cos(angle), np.sin(angle)], 1) * rng.uniform(0.5, 1, (7, 1)))


def _board(rng: np.random.Generator) -> Points:
    return rectangle(-1, -rng.uniform(0.2, 0.9), 1, 0.3)


def _disc(rng: np.random.Generator) -> Points:
    return 0.6 * ellipse(0, 0, 1, rng.uniform(0.6, 1))


def _shard(rng: np.random.Generator) -> Points:
    return rng.uniform(-1, 1, (3, 2))


def _stick(rng: np.random.Generator) -> Points:
    return ribbon(curve([(-1.4, 0), (0, rng.uniform(-0.6, 0.6)), (1.4, 0)]), rng.uniform(0.1, 0.3))


def _bare_hull(rng: np.random.Generator) -> Points:
    roof, hood = rng.uniform(-0.8, -0.5), rng.uniform(0, 0.8)
    corners = [(-1.2, 0.4), (-1.1, roof), (0.9 - hood, roof), (1.1 - hood, -0.1), (1.2, 0.0), (1.2, 0.4)]
    return rounded(np.asarray(corners), 2, 0.12)


def _bare_body(rng: np.random.Generator) -> Points:
    """A head on a torso with nothing in its face."""
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    waist = 0.75 + 0.2 * np.cos(2 * angle) ** 2
    return np.stack([np.sin(angle) * waist * 0.8, -np.cos(angle) * 1.2], 1)


_DISTRACTORS = (_pebble, _board, _disc, _shard, _stick, _bare_hull, _bare_body)


def occluders(rng: np.random.Generator, side_px: int, within: tuple[Points, Points]) -> list[Shape]:
    """Leaves, in pixels, in front of what lies between the two corners `within`; too small to hide a part."""
    shapes = []
    colour: Colour = pleasant(rng, (0.3, 0.8), (0.4, 0.8))
    for _ in range(rng.integers(0, 5)):
        root = rng.uniform(*within)
        length, width, bend = rng.uniform(0.05, 0.12), rng.uniform(0.02, 0.05), rng.uniform(-0.4, 0.4)
        line = curve([(-1, 0), (0, bend), (1, 0)]) * length
        taper = np.sin(np.linspace(0.05, np.pi - 0.05, len(line)))[:, None]
        blade = rotated(ribbon(line, width * taper), rng.uniform(0, 2 * np.pi)) * side_px + root
        shapes.append(Shape("occluder", blade, tone(colour, rng.uniform(0.8, 1.3)), tone(colour, 0.6)))
    return shapes
