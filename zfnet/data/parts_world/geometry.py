"""Outlines as (N, 2) arrays of x, y: ellipses, rounded polygons, ribbons. y grows downwards, as in an image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]  # (N, 2): x, y


def ellipse(x: float, y: float, rx: float, ry: float, turn: float = 0.0, corners: int = 36) -> Points:
    """An ellipse (corners, 2) about (x, y), its x axis turned by `turn` radians (clockwise as seen)."""
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    return rotated(np.stack([rx * np.cos(angle), ry * np.sin(angle)], 1), turn, (x, y))


def polygon(*corners: tuple[float, float]) -> Points:
    """The outline (N, 2) through corners given as (x, y)."""
    return np.asarray(corners, np.float64)


def rectangle(left: float, top: float, right: float, bottom: float) -> Points:
    """The outline (4, 2) of an upright rectangle."""
    return polygon((left, top), (right, top), (right, bottom), (left, bottom))


def rounded(corners: Points, rounds: int = 2, cut: float = 0.25) -> Points:
    """Cut every corner of a closed polygon, again and again (Chaikin 1974): a smooth outline inside the polygon."""
    for _ in range(rounds):
        following = np.roll(corners, -1, 0)
        pair = np.stack([corners + cut * (following - corners), following + cut * (corners - following)], 1)
        corners = pair.reshape(-1, 2)
    return corners


def curve(knots: Sequence[tuple[float, float]], steps: int = 8) -> Points:
    """A smooth open line through the knots (Catmull-Rom)."""
    known = np.asarray(knots, np.float64)
    padded = np.concatenate([2 * known[:1] - known[1:2], known, 2 * known[-1:] - known[-2:-1]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    pieces = []
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        pieces.append(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3))
    return np.concatenate([*pieces, known[-1:]])


def ribbon(line: Points, width: float | Points) -> Points:
    """The outline of a line of the given width, one number or one a point (N, 1)."""
    along = np.gradient(line, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    across = np.stack([-along[:, 1], along[:, 0]], 1) * np.asarray(width) / 2
    return np.concatenate([line + across, (line - across)[::-1]])


def rotated(points: Points, turn: float, to: tuple[float, float] = (0.0, 0.0)) -> Points:
    """Turn about the origin by `turn` radians (clockwise as seen), then bring the origin `to` a place."""
    cos, sin = np.cos(turn), np.sin(turn)
    return points @ np.array([[cos, sin], [-sin, cos]]) + np.asarray(to)


def mirrored(points: Points) -> Points:
    """Left and right exchanged about x = 0."""
    return points * (-1, 1)


def shrunk(points: Points, factor: float, shift: tuple[float, float] = (0.0, 0.0)) -> Points:
    """Scale about the centre of the bounding box, then shift."""
    centre = (points.min(0) + points.max(0)) / 2
    return centre + factor * (points - centre) + shift
