"""Training curves as points of an SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, LEFT, BOTTOM = 320.0, 150.0, 34.0, 22.0


@dataclass(frozen=True, kw_only=True)
class Curve:
    """A line of a picture: its name, its points as SVG has them, its last value in words."""

    name: str
    points: str
    last: str


@dataclass(frozen=True, kw_only=True)
class CurvePicture:
    title: str
    width: float
    height: float
    left: float
    bottom: float
    curves: list[Curve]
    low: str
    high: str
    first: str
    final: str


def curve_picture(title: str, across: Sequence[float], lines: Mapping[str, Sequence[float]]) -> CurvePicture:
    """Lines over the same places across, from 0 (or the least, if below) to the largest of them all."""
    values = [value for line in lines.values() for value in line if value == value]
    low, high = min([0.0, *values]), max([*values, 1e-9])
    first, final = (across[0], across[-1]) if across else (0.0, 0.0)
    floor = HEIGHT - BOTTOM

    def point(at: float, value: float) -> str:
        x = LEFT + (WIDTH - LEFT - 8) * (at - first) / max(final - first, 1e-9)
        return f"{x:.1f},{6 + (floor - 6) * (1 - (value - low) / max(high - low, 1e-9)):.1f}"

    curves = [
        Curve(
            name=name, last=f"{line[-1]:.3g}" if line else "",
            points=" ".join(point(at, value) for at, value in zip(across, line, strict=True) if value == value),
        )
        for name, line in lines.items()
    ]  # fmt: skip
    return CurvePicture(
        title=title, width=WIDTH, height=HEIGHT, left=LEFT, bottom=floor, curves=curves, low=f"{low:.3g}",
        high=f"{high:.3g}", first=f"{first:g}", final=f"{final:g}",
    )  # fmt: skip
