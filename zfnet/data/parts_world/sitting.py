"""Creatures that sit and look at you: one body and one head for all; ears, eyes and nose tell them apart."""

from __future__ import annotations

import numpy as np

from zfnet.data.parts_world.geometry import Points, curve, ellipse, mirrored, polygon, ribbon, rotated, rounded
from zfnet.data.parts_world.sketch import INK, WHITE, Colour, Sketch, mixed, pleasant, tone

SIDES = (("left", -1), ("right", 1))


def sitting(kind: str, rng: np.random.Generator, light: tuple[float, float]) -> Sketch:
    """A cat, dog, rabbit or owl. Everything but ears, eyes, nose or beak, whiskers and wings is drawn alike for all."""
    coat, accent = pleasant(rng), pleasant(rng)
    pale = mixed(coat, WHITE, rng.uniform(0.45, 0.7))
    sketch = Sketch(light)
    _tail(sketch, rng, coat)
    _body(sketch, rng, coat, pale, winged=kind == "owl")
    head = Sketch(light)
    width, height = rng.uniform(0.58, 0.7), rng.uniform(0.5, 0.58)
    _ears(kind, head, rng, coat=coat, pale=pale, width=width, height=height)
    head.solid("head", rounded(_head_outline(rng, width, height), 1), coat)
    turn = rng.uniform(-0.09, 0.09)
    _eyes(kind, head, rng, accent, turn)
    _NOSES[kind](head, rng, pale, accent, turn)
    tilt = rng.uniform(-0.2, 0.2)
    sketch.add(head, rotated(np.eye(2), tilt), (0.25 * tilt + rng.uniform(-0.06, 0.06), -0.35))
    return sketch


def _head_outline(rng: np.random.Generator, width: float, height: float) -> Points:
    jowl = rng.uniform(0.0, 0.12)
    angle = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    bulge = 1 + jowl * np.clip(np.sin(angle), 0, 1)
    return np.stack([width * 1.03 * np.cos(angle) * bulge, height * 1.03 * np.sin(angle)], 1)


def _tail(sketch: Sketch, rng: np.random.Generator, coat: Colour) -> None:
    side = rng.choice((-1, 1))
    length, lift = rng.uniform(0.25, 0.5), rng.uniform(0.2, 0.7)
    line = curve([(side * 0.3, 0.85), (side * (0.45 + 0.5 * length), 0.8), (side * (0.5 + length), 0.85 - lift)])
    sketch.flat("tail", ribbon(line, np.linspace(0.2, rng.uniform(0.06, 0.2), len(line))[:, None]), tone(coat, 0.9))


def _body(sketch: Sketch, rng: np.random.Generator, coat: Colour, pale: Colour, *, winged: bool) -> None:
    """A torso with a pattern, two feet, and two arms or wings."""
    width, height = rng.uniform(0.42, 0.56), rng.uniform(0.48, 0.58)
    sketch.solid("body", ellipse(0, 0.5, width, height), coat)
    pattern = rng.integers(4)
    if pattern == 0:
        sketch.flat("body", ellipse(0, 0.6, 0.6 * width, 0.66 * height), pale, edge=False)
    elif pattern == 1:
        for _ in range(9):
            radius, angle = 0.75 * np.sqrt(rng.uniform()), rng.uniform(0, 2 * np.pi)
            x, y, size = radius * width * np.cos(angle), 0.5 + radius * height * np.sin(angle), rng.uniform(0.04, 0.08)
            sketch.flat("body", ellipse(x, y, size, size, corners=14), tone(coat, 0.6), edge=False)
    elif pattern == 2:
        for level in (-0.1, 0.25, 0.6):
            half = 0.85 * width * np.sqrt(1 - level**2)
            line = curve([(-half, 0.5 + level * height), (0, 0.58 + level * height), (half, 0.5 + level * height)])
            sketch.flat("body", ribbon(line, 0.09), tone(coat, 0.6), edge=False)
    for name, side in SIDES:
        sketch.solid(f"{name}_foot", ellipse(side * 0.55 * width, 1.0, 0.2, 0.11), tone(coat, 0.92))
        swing = rng.uniform(0.0, 0.35)
        if winged:
            _wing(sketch, f"{name}_wing", side=side, width=width, swing=swing, colour=tone(coat, 0.75))
        else:
            arm = ellipse(side * (0.72 * width + 0.1 * swing), 0.55, 0.11, 0.3, turn=-side * swing)
            sketch.solid(f"{name}_arm", arm, tone(coat, 0.92))


def _wing(sketch: Sketch, part: str, *, side: int, width: float, swing: float, colour: Colour) -> None:
    for feather in range(3):
        turn = -side * (0.1 + swing + 0.22 * feather)
        points = rotated(ellipse(0, 0.34, 0.11, 0.36), turn, (side * 0.75 * width, 0.18))
        sketch.solid(part, points, tone(colour, 1.1 - 0.12 * feather))


def _ears(
    kind: str, head: Sketch, rng: np.random.Generator, *, coat: Colour, pale: Colour, width: float, height: float
) -> None:
    """Pointed for cat and owl alike, hanging for the dog, long for the rabbit."""
    size = rng.uniform(0.9, 1.15)
    for name, side in SIDES:
        lean = rng.uniform(-0.15, 0.15)
        if kind in ("cat", "owl"):
            outer = polygon((-0.24, 0.12), (0.0, -0.5), (0.24, 0.12)) * size
            at, turn = (0.6 * width, -0.74 * height), 0.42 + lean
        elif kind == "rabbit":
            outer = rounded(
                polygon((-0.16, 0.1), (-0.22, -0.5), (-0.1, -0.95), (0.1, -0.95), (0.22, -0.5), (0.16, 0.1))
            )
            outer, at, turn = outer * size, (0.42 * width, -0.75 * height), 0.2 + 1.6 * lean
        else:
            outer = rounded(polygon((-0.1, -0.1), (0.24, -0.12), (0.32, 0.4), (0.22, 0.8), (-0.06, 0.78), (-0.1, 0.3)))
            outer, at, turn = outer * size, (0.78 * width, -0.55 * height), -0.25 + lean
        outer = rotated(outer, turn) + at
        inner = rotated((rotated(outer - at, -turn)) * (0.55, 0.75), turn) + at
        outer, inner = (outer, inner) if side > 0 else (mirrored(outer), mirrored(inner))
        head.flat(f"{name}_ear", outer, tone(coat, 0.7 if kind == "dog" else 0.95))
        head.flat(f"{name}_ear", inner, tone(coat, 0.8) if kind == "dog" else pale, edge=False)


def _eyes(kind: str, head: Sketch, rng: np.random.Generator, accent: Colour, turn: float) -> None:
    """Slit pupils for the cat, rings for the owl, plain round eyes for dog and rabbit."""
    size, gap, gaze = rng.uniform(0.15, 0.18), rng.uniform(0.25, 0.3), rng.uniform(-0.03, 0.03)
    for name, side in SIDES:
        x, y, part = side * gap + turn, -0.08 + rng.uniform(-0.02, 0.02), f"{name}_eye"
        if kind == "owl":
            for factor, colour in ((1.6, WHITE), (1.25, tone(accent, 0.7)), (0.95, (250, 200, 60)), (0.5, INK)):
                head.flat(part, ellipse(x, y, factor * size, factor * size), colour)
        elif kind == "cat":
            almond = rounded(polygon((-1.35, 0.1), (-0.4, -1.1), (0.6, -1.1), (1.45, -0.35), (0.5, 1.0), (-0.5, 1.0)))
            almond = almond * size if side > 0 else mirrored(almond) * size
            head.flat(part, rotated(almond, 0.0, (x, y)), mixed(accent, (230, 240, 90), 0.6))
            head.flat(part, ellipse(x + gaze, y, 0.22 * size, 0.85 * size), INK, edge=False)
        else:
            head.flat(part, ellipse(x, y, size, size), WHITE)
            head.flat(part, ellipse(x + gaze, y, 0.68 * size, 0.68 * size), tone(accent, 0.7), edge=False)
            head.flat(part, ellipse(x + gaze, y, 0.42 * size, 0.42 * size), INK, edge=False)
        head.flat(part, ellipse(x + 0.2 * size, y - 0.25 * size, 0.16 * size, 0.16 * size), WHITE, edge=False)


def _cat_nose(head: Sketch, rng: np.random.Generator, pale: Colour, accent: Colour, turn: float) -> None:
    x, y = 1.3 * turn, 0.17
    for name, side in SIDES:
        for lift in (-0.1, 0.02, 0.14):
            reach = 0.52 + rng.uniform(-0.05, 0.08)
            line = curve(
                [(x + side * 0.1, y + 0.06), (x + side * 0.35, y + 0.05 + 0.4 * lift), (x + side * reach, y + lift)]
            )
            head.flat(f"{name}_whiskers", ribbon(line, 0.04), WHITE)
    mouth = curve([(x - 0.16, y + 0.14), (x - 0.08, y + 0.2), (x, y + 0.1), (x + 0.08, y + 0.2), (x + 0.16, y + 0.14)])
    head.flat("mouth", ribbon(mouth, 0.03), INK, edge=False)
    head.flat("nose", rounded(polygon((x - 0.22, y - 0.1), (x + 0.22, y - 0.1), (x, y + 0.16))), (236, 120, 130))


def _dog_nose(head: Sketch, rng: np.random.Generator, pale: Colour, accent: Colour, turn: float) -> None:
    x, y = 1.6 * turn, 0.2
    drop = rng.uniform(0.28, 0.36)
    head.solid("muzzle", ellipse(x, y + 0.08, 0.32, 0.24), pale)
    tongue = rounded(polygon((x - 0.1, y + 0.14), (x + 0.1, y + 0.14), (x + 0.12, y + drop), (x - 0.12, y + drop)))
    head.flat("tongue", tongue, (232, 96, 110))
    head.flat("mouth", ribbon(curve([(x - 0.2, y + 0.12), (x, y + 0.18), (x + 0.2, y + 0.12)]), 0.03), INK, edge=False)
    head.solid("nose", ellipse(x, y - 0.02, 0.17, 0.12), (58, 48, 54))


def _rabbit_nose(head: Sketch, rng: np.random.Generator, pale: Colour, accent: Colour, turn: float) -> None:
    x, y = 1.3 * turn, 0.17
    for name, side in SIDES:
        head.solid(f"{name}_cheek", ellipse(x + side * 0.14, y + 0.1, 0.16, 0.13), pale)
    for side in (-1, 1):
        left, right = sorted((x + side * 0.01, x + side * 0.14))
        head.flat("teeth", polygon((left, y + 0.14), (right, y + 0.14), (right, y + 0.36), (left, y + 0.36)), WHITE)
    head.flat("nose", ellipse(x, y, 0.16, 0.11), (240, 150, 165))


def _owl_beak(head: Sketch, rng: np.random.Generator, pale: Colour, accent: Colour, turn: float) -> None:
    x, y, length = 1.5 * turn, 0.02, rng.uniform(0.32, 0.4)
    head.flat(
        "beak",
        rounded(polygon((x - 0.16, y + 0.02), (x, y - 0.08), (x + 0.16, y + 0.02), (x, y + length)), 1),
        (240, 170, 50),
    )
    head.flat("beak", polygon((x, y), (x + 0.1, y + 0.05), (x, y + 0.8 * length)), (215, 135, 35), edge=False)


_NOSES = {"cat": _cat_nose, "dog": _dog_nose, "rabbit": _rabbit_nose, "owl": _owl_beak}
