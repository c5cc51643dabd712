"""A drawing as a list of coloured outlines, each belonging to a named part, painted from first to last."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np

from zfnet.data.parts_world.geometry import Points, shrunk

Colour = tuple[int, int, int]
INK: Colour = (32, 26, 30)
WHITE: Colour = (246, 244, 238)


@dataclass(frozen=True)
class Shape:
    """One filled outline. `edge` is the colour of its contour, None for none."""

    part: str
    points: Points
    colour: Colour
    edge: Colour | None = None

    def moved(self, matrix: Points, shift: Points | tuple[float, float]) -> Shape:
        """The same outline with its points multiplied by matrix (2, 2) from the right, then shifted."""
        return Shape(self.part, self.points @ matrix + shift, self.colour, self.edge)


class Sketch:
    """Shapes in the order in which they are painted, in the object's own coordinates (y down, size about 2).

    light: the direction (x, y) that highlights move in, of length about 1.
    """

    def __init__(self, light: tuple[float, float]) -> None:
        self.light = light
        self.shapes: list[Shape] = []

    def flat(self, part: str, points: Points, colour: Colour, *, edge: bool = True) -> None:
        """Paint one outline in one colour, with a darker contour unless edge=False."""
        self.shapes.append(Shape(part, points, colour, tone(colour, 0.45) if edge else None))

    def solid(self, part: str, points: Points, colour: Colour) -> None:
        """Paint a blob that looks round: from a shaded rim to a light that sits off its centre."""
        self.flat(part, points, tone(colour, 0.8))
        reach = float(np.ptp(points, 0).min())
        for factor, brightness in ((0.93, 0.9), (0.82, 1.0), (0.62, 1.08), (0.38, 1.16)):
            shift = (1 - factor) * 0.3 * reach
            inner = shrunk(points, factor, (self.light[0] * shift, self.light[1] * shift))
            self.shapes.append(Shape(part, inner, tone(colour, brightness)))

    def add(self, other: Sketch, matrix: Points, shift: tuple[float, float] = (0.0, 0.0)) -> None:
        """Paint another sketch on top, its points multiplied by matrix (2, 2) and shifted."""
        self.shapes.extend(shape.moved(matrix, shift) for shape in other.shapes)


def tone(colour: Colour, factor: float) -> Colour:
    """Darker below 1, lighter (towards white) above."""
    if factor <= 1:
        red, green, blue = (round(channel * factor) for channel in colour)
    else:
        red, green, blue = (round(channel + (255 - channel) * min(factor - 1, 1)) for channel in colour)
    return red, green, blue


def mixed(first: Colour, second: Colour, share: float) -> Colour:
    """`share` of the second colour in the first."""
    red, green, blue = (round(a + share * (b - a)) for a, b in zip(first, second, strict=True))
    return red, green, blue


def pleasant(
    rng: np.random.Generator, saturation: tuple[float, float] = (0.3, 0.75), value: tuple[float, float] = (0.5, 0.95)
) -> Colour:
    """A random hue, neither garish nor muddy."""
    red, green, blue = colorsys.hsv_to_rgb(rng.uniform(), rng.uniform(*saturation), rng.uniform(*value))
    return round(red * 255), round(green * 255), round(blue * 255)
