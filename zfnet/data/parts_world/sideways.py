"""Creatures seen from the side: one round body and one eye for both; beak, wing and legs, or fins, tell them apart."""

from __future__ import annotations

import numpy as np

from zfnet.data.parts_world.geometry import curve, ellipse, polygon, ribbon, rotated, rounded
from zfnet.data.parts_world.sketch import INK, WHITE, Colour, Sketch, mixed, pleasant, tone


def sideways(kind: str, rng: np.random.Generator, light: tuple[float, float]) -> Sketch:
    """A bird or a fish that looks to the right."""
    coat, accent = pleasant(rng), pleasant(rng)
    long, tall = rng.uniform(0.72, 0.85), rng.uniform(0.44, 0.6)
    sketch = Sketch(light)
    behind, front = (_bird_behind, _bird_front) if kind == "bird" else (_fish_behind, _fish_front)
    behind(sketch, rng, coat=coat, long=long, tall=tall)
    nose = rng.uniform(0.0, 0.15)
    angle = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    outline = np.stack([long * np.cos(angle) * (1 + nose * np.cos(angle)), tall * np.sin(angle)], 1)
    sketch.solid("body", rounded(outline * 1.02, 1), coat)
    _pattern(sketch, rng, coat=coat, long=long, tall=tall)
    front(sketch, rng, coat=coat, accent=accent, long=long, tall=tall)
    x, y, size = 0.55 * long, -0.28 * tall, rng.uniform(0.13, 0.16)
    sketch.flat("eye", ellipse(x, y, size, size), WHITE)
    sketch.flat("eye", ellipse(x + 0.2 * size, y, 0.68 * size, 0.68 * size), tone(accent, 0.7), edge=False)
    sketch.flat("eye", ellipse(x + 0.2 * size, y, 0.42 * size, 0.42 * size), INK, edge=False)
    sketch.flat("eye", ellipse(x + 0.35 * size, y - 0.25 * size, 0.16 * size, 0.16 * size), WHITE, edge=False)
    return sketch


def _pattern(sketch: Sketch, rng: np.random.Generator, *, coat: Colour, long: float, tall: float) -> None:
    """Nothing, stripes, spots or a pale belly: any of them on either creature."""
    pattern = rng.integers(4)
    if pattern == 0:
        sketch.flat("body", ellipse(0, 0.42 * tall, 0.7 * long, 0.45 * tall), mixed(coat, WHITE, 0.5), edge=False)
    elif pattern == 1:
        for x in (-0.55, -0.2, 0.15):
            half = 0.9 * tall * np.sqrt(1 - x**2)
            line = curve([(x * long, -half), (x * long + 0.08, 0), (x * long, half)])
            sketch.flat("body", ribbon(line, 0.11), tone(coat, 0.65), edge=False)
    elif pattern == 2:
        for _ in range(9):
            radius, turn = 0.75 * np.sqrt(rng.uniform()), rng.uniform(0, 2 * np.pi)
            x, y, size = radius * long * np.cos(turn), radius * tall * np.sin(turn), rng.uniform(0.05, 0.09)
            sketch.flat("body", ellipse(x, y, size, size, corners=14), tone(coat, 0.65), edge=False)


def _bird_behind(sketch: Sketch, rng: np.random.Generator, *, coat: Colour, long: float, tall: float) -> None:
    """Legs and tail feathers."""
    for name, x in (("rear_leg", -0.12), ("front_leg", 0.14)):
        foot = x + rng.uniform(-0.06, 0.1)
        leg = polygon((x, 0.8 * tall), (foot, tall + 0.38))
        sketch.flat(name, ribbon(leg, 0.06), (226, 140, 60))
        for toe in (-0.12, 0.05, 0.17):
            sketch.flat(name, ribbon(polygon((foot, tall + 0.36), (foot + toe, tall + 0.44)), 0.055), (226, 140, 60))
    lift = rng.uniform(-0.2, 0.5)
    for feather in (-0.22, 0.0, 0.22):
        points = rotated(ellipse(-0.36, 0, 0.42, 0.1), lift + feather, (-0.8 * long, -0.05))
        sketch.solid("tail", points, tone(coat, 0.75 + 0.5 * abs(feather)))


def _bird_front(
    sketch: Sketch, rng: np.random.Generator, *, coat: Colour, accent: Colour, long: float, tall: float
) -> None:
    """Beak and wing."""
    y, length, gape = -0.1 * tall, rng.uniform(0.34, 0.46), rng.uniform(0.0, 0.16)
    root, colour = 0.88 * long, (245, 165, 45)
    lower = rotated(polygon((0, 0), (0.8 * length, 0.02), (0, 0.16)), gape, (root, y))
    upper = rotated(polygon((0, 0.02), (length, 0.02), (0.3 * length, -0.15), (0, -0.2)), -gape, (root, y))
    sketch.flat("beak", lower, tone(colour, 0.8))
    sketch.flat("beak", upper, colour)
    lift = rng.uniform(-0.3, 0.7)
    wing = mixed(tone(coat, 0.7), accent, 0.35)
    for feather in range(4):
        size = 1 - 0.12 * feather
        place = (0.18, -0.05 + 0.05 * feather)
        points = rotated(ellipse(-0.32 * size, 0, 0.38 * size, 0.12), lift - 0.28 * feather, place)
        sketch.solid("wing", points, tone(wing, 0.85 + 0.1 * feather))


def _fish_behind(sketch: Sketch, rng: np.random.Generator, *, coat: Colour, long: float, tall: float) -> None:
    """Forked tail and the fins on back and belly."""
    fin = tone(coat, 0.75)
    spread, root = rng.uniform(0.38, 0.55), -0.88 * long
    tail = polygon(
        (root + 0.12, -0.1), (root - 0.45, -spread), (root - 0.28, 0.0), (root - 0.45, spread), (root + 0.12, 0.1)
    )
    sketch.flat("tail", rounded(tail, 2, 0.2), fin)
    for bend in (-0.5, 0.5):
        sketch.flat(
            "tail", ribbon(polygon((root, 0.08 * bend), (root - 0.34, bend * spread)), 0.02), tone(fin, 0.7), edge=False
        )
    height, lean = rng.uniform(0.3, 0.42), rng.uniform(-0.3, -0.1)
    back = polygon(
        (0.3, -0.8 * tall), (0.1 + lean, -tall - height), (-0.35 + lean, -tall - 0.5 * height), (-0.45, -0.7 * tall)
    )
    sketch.flat("dorsal_fin", rounded(back, 2, 0.2), fin)
    for x in (-0.25, -0.05, 0.12):
        ray = polygon((x, -0.85 * tall), (x + 0.8 * lean, -tall - 0.6 * height))
        sketch.flat("dorsal_fin", ribbon(ray, 0.02), tone(fin, 0.7), edge=False)
    sketch.flat("belly_fin", rounded(polygon((0.1, 0.8 * tall), (-0.3, 0.8 * tall), (-0.35, tall + 0.24)), 2, 0.2), fin)


def _fish_front(
    sketch: Sketch, rng: np.random.Generator, *, coat: Colour, accent: Colour, long: float, tall: float
) -> None:
    """Gill, side fin and mouth."""
    gill = curve([(0.3 * long, -0.6 * tall), (0.2 * long, 0.0), (0.3 * long, 0.65 * tall)])
    sketch.flat("gill", ribbon(gill, 0.04), tone(coat, 0.5), edge=False)
    flap = polygon((0, 0), (-0.42, -0.2), (-0.5, 0.02), (-0.36, 0.2))
    flap = rotated(flap, rng.uniform(-0.4, 0.5), (0.06 * long, 0.12 * tall))
    sketch.flat("side_fin", rounded(flap, 2, 0.2), mixed(tone(coat, 0.75), accent, 0.3))
    x, y, open_ = 0.97 * long, 0.2 * tall, rng.uniform(0.06, 0.1)
    sketch.flat("mouth", ellipse(x, y, 0.1, open_), (225, 110, 110))
    sketch.flat("mouth", ellipse(x + 0.02, y, 0.05, 0.5 * open_), tone(coat, 0.3), edge=False)
