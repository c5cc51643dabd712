"""Vehicles seen from the side: one kind of hull for all; wheels, windows, load and chimney tell them apart."""

from __future__ import annotations

import numpy as np

from zfnet.data.parts_world.geometry import Points, ellipse, polygon, rectangle, rotated, rounded
from zfnet.data.parts_world.sketch import Colour, Sketch, mixed, pleasant, tone

GROUND = 0.62  # y of the road; x runs from -1, the rear, to 1, the front
BASE = 0.38  # lower edge of the hull


def vehicle(kind: str, rng: np.random.Generator, light: tuple[float, float]) -> Sketch:
    """A car, bus, truck or tractor that drives to the right."""
    paint, accent = pleasant(rng), pleasant(rng)
    glass = mixed((150, 195, 215), pleasant(rng), 0.25)
    roof, hood = rng.uniform(-0.55, -0.4), rng.uniform(0.25, 0.6)
    sketch = Sketch(light)
    _KINDS[kind](sketch, rng, paint=paint, accent=accent, glass=glass, roof=roof, hood=hood)
    sketch.flat("headlight", ellipse(0.91, 0.14, 0.09, 0.09), (255, 236, 150))
    return sketch


def _hull(sketch: Sketch, part: str, corners: Points, paint: Colour) -> None:
    """A sheet-metal body: rounded outline, a lighter upper side, a dark sill."""
    sketch.flat(part, rounded(corners, 2, 0.12), tone(paint, 0.92))
    left, right = float(corners[:, 0].min()), float(corners[:, 0].max())
    sketch.flat(part, rectangle(left + 0.03, BASE - 0.1, right - 0.03, BASE - 0.03), tone(paint, 0.6), edge=False)
    sketch.flat(part, rectangle(left + 0.04, 0.0, right - 0.06, 0.04), tone(paint, 1.3), edge=False)


def _wheel(sketch: Sketch, rng: np.random.Generator, part: str, x: float, radius: float, *, lugs: bool = False) -> None:
    """A tyre on the ground; with lugs, a tractor's."""
    y, phase, rubber = GROUND - radius, rng.uniform(0, 2 * np.pi), (52, 50, 54)
    if lugs:
        for turn in phase + np.arange(14) * (2 * np.pi / 14):
            lug = rotated(rectangle(0.8 * radius, -0.06, 1.1 * radius, 0.06), turn, (x, y))
            sketch.flat(part, lug, rubber)
    sketch.solid(part, ellipse(x, y, radius, radius), rubber)
    rim = mixed((190, 190, 195), pleasant(rng), 0.3)
    sketch.flat(part, ellipse(x, y, 0.62 * radius, 0.62 * radius), rim)
    for turn in phase + np.arange(5) * (2 * np.pi / 5):
        spoke = rotated(rectangle(0, -0.07 * radius, 0.58 * radius, 0.07 * radius), turn, (x, y))
        sketch.flat(part, spoke, tone(rim, 0.55), edge=False)
    sketch.flat(part, ellipse(x, y, 0.2 * radius, 0.2 * radius), tone(rim, 0.6))


def _pane(sketch: Sketch, part: str, corners: Points, glass: Colour) -> None:
    """A window with a slanted reflection."""
    sketch.flat(part, rounded(corners, 2, 0.1), glass)
    (left, top), (right, bottom) = corners.min(0), corners.max(0)
    wide, high = right - left, bottom - top
    shine = polygon((0.35, 0.2), (0.55, 0.2), (0.4, 0.8), (0.2, 0.8)) * (wide, high) + (left, top)
    sketch.flat(part, shine, tone(glass, 1.55), edge=False)


def _car(
    sketch: Sketch, rng: np.random.Generator, *, paint: Colour, accent: Colour, glass: Colour, roof: float, hood: float
) -> None:
    tail = rng.uniform(0.12, 0.4)
    low = -0.02
    front = 1 - hood
    hull = polygon(
        (-1, BASE), (-1, low), (-1 + 0.4 * tail, low - 0.03), (-1 + tail, roof), (front - 0.28, roof), (front, low),
        (0.97, low + 0.06), (1, BASE),
    )  # fmt: skip
    _hull(sketch, "body", hull, paint)
    top, left, right = roof + 0.07, -1 + tail + 0.03, front - 0.3
    middle = (left + right) / 2
    rear = polygon((left - 0.3 * tail, -0.05), (left, top), (middle - 0.03, top), (middle - 0.03, -0.05))
    ahead = polygon((middle + 0.03, -0.05), (middle + 0.03, top), (right, top), (right + 0.2, -0.05))
    _pane(sketch, "rear_window", rear, glass)
    _pane(sketch, "front_window", ahead, glass)
    sketch.flat("door", rectangle(middle - 0.01, 0.0, middle + 0.01, BASE - 0.05), tone(paint, 0.5), edge=False)
    sketch.flat("door", rectangle(middle + 0.06, 0.07, middle + 0.22, 0.11), tone(paint, 0.4), edge=False)
    radius = rng.uniform(0.22, 0.27)
    _wheel(sketch, rng, "rear_wheel", -0.6, radius)
    _wheel(sketch, rng, "front_wheel", 0.58, radius)


def _bus(
    sketch: Sketch, rng: np.random.Generator, *, paint: Colour, accent: Colour, glass: Colour, roof: float, hood: float
) -> None:
    front = 1 - 0.75 * hood
    hull = polygon((-1, BASE), (-1, roof), (front - 0.08, roof), (front, 0.0), (0.97, 0.04), (1, BASE))
    _hull(sketch, "body", hull, paint)
    sketch.flat("body", rectangle(-0.98, 0.06, front, 0.13), accent, edge=False)
    count, gap, top = int(rng.integers(4, 6)), 0.045, roof + 0.09
    door = front - 0.34
    step = (door + 0.94) / count
    for index in range(count):
        left = -0.94 + index * step
        _pane(sketch, "windows", rectangle(left, top, left + step - gap, top + 0.3), glass)
    sketch.flat("door", rectangle(door, top, door + 0.22, BASE - 0.03), tone(paint, 0.6))
    _pane(sketch, "door", rectangle(door + 0.02, top + 0.03, door + 0.1, BASE - 0.1), glass)
    _pane(sketch, "door", rectangle(door + 0.12, top + 0.03, door + 0.2, BASE - 0.1), glass)
    radius = rng.uniform(0.2, 0.25)
    _wheel(sketch, rng, "rear_wheel", -0.6, radius)
    _wheel(sketch, rng, "front_wheel", 0.6, radius)


def _truck(
    sketch: Sketch, rng: np.random.Generator, *, paint: Colour, accent: Colour, glass: Colour, roof: float, hood: float
) -> None:
    cab = rng.uniform(0.3, 0.42)
    front = 1 - 0.5 * hood
    sketch.flat("chassis", rectangle(-0.97, BASE - 0.12, 0.9, BASE), tone(paint, 0.4))
    load = rectangle(-1, roof - rng.uniform(-0.1, 0.1), cab - 0.08, BASE - 0.1)
    sketch.flat("cargo", load, accent)
    (left, top), (right, bottom) = load.min(0), load.max(0)
    if rng.uniform() < 0.5:
        for level in np.linspace(top, bottom, 5)[1:-1]:
            sketch.flat("cargo", rectangle(left, level - 0.03, right, level + 0.03), tone(accent, 0.65), edge=False)
    else:
        for x in np.linspace(left, right, 7)[1:-1]:
            sketch.flat("cargo", rectangle(x - 0.03, top, x + 0.03, bottom), tone(accent, 0.65), edge=False)
    hull = polygon((cab, BASE), (cab, roof + 0.02), (front - 0.1, roof + 0.02), (front, 0.0), (0.98, 0.05), (1, BASE))
    _hull(sketch, "body", hull, paint)
    window = polygon((cab + 0.08, -0.02), (cab + 0.08, roof + 0.1), (front - 0.14, roof + 0.1), (front - 0.06, -0.02))
    _pane(sketch, "front_window", window, glass)
    radius = rng.uniform(0.2, 0.23)
    _wheel(sketch, rng, "rear_wheel", -0.72, radius)
    _wheel(sketch, rng, "middle_wheel", -0.24, radius)
    _wheel(sketch, rng, "front_wheel", 0.62, radius)


def _tractor(
    sketch: Sketch, rng: np.random.Generator, *, paint: Colour, accent: Colour, glass: Colour, roof: float, hood: float
) -> None:
    front = 0.55 - 0.9 * hood
    chimney = rng.uniform(front + 0.25, 0.8)
    sketch.flat("chimney", rectangle(chimney - 0.06, roof - 0.05, chimney + 0.06, 0.0), (96, 92, 96))
    sketch.flat("chimney", rectangle(chimney - 0.09, roof - 0.13, chimney + 0.09, roof - 0.02), (70, 66, 70))
    hull = polygon((-0.9, BASE), (-0.82, roof), (front - 0.06, roof), (front, -0.08), (0.97, -0.02), (1, BASE))
    _hull(sketch, "body", hull, paint)
    window = polygon((-0.74, -0.06), (-0.7, roof + 0.08), (front - 0.12, roof + 0.08), (front - 0.08, -0.06))
    _pane(sketch, "rear_window", window, glass)
    for x in np.linspace(front + 0.15, 0.75, 4):
        sketch.flat("grille", rectangle(x, 0.04, x + 0.05, 0.24), tone(paint, 0.5), edge=False)
    _wheel(sketch, rng, "front_wheel", 0.66, rng.uniform(0.2, 0.25))
    _wheel(sketch, rng, "rear_wheel", -0.5, rng.uniform(0.42, 0.5), lugs=True)


_KINDS = {"car": _car, "bus": _bus, "truck": _truck, "tractor": _tractor}
