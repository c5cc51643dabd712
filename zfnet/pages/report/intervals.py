"""An effect as a bar: its interval, its value, the line at nothing, and its floors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

WIDTH, HEIGHT, EDGE = 240.0, 22.0, 8.0


@dataclass(frozen=True, kw_only=True)
class Bar:
    """Places across an SVG of width x height; floors: name -> place. None where there is no interval."""

    width: float
    height: float
    zero: float
    low: float
    high: float
    value: float
    floors: Mapping[str, float]


def bar(value: float, low: float, high: float, floors: Mapping[str, float]) -> Bar | None:
    """Scaled so that 0, the interval and every floor are seen."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return None
    known = {name: one for name, one in floors.items() if math.isfinite(one)}
    every = [0.0, low, high, value, *known.values()]
    least, span = min(every), max(max(every) - min(every), 1e-12)

    def at(number: float) -> float:
        return round(EDGE + (WIDTH - 2 * EDGE) * (number - least) / span, 1)

    return Bar(
        width=WIDTH, height=HEIGHT, zero=at(0), low=at(low), high=at(high), value=at(value),
        floors={name: at(one) for name, one in known.items()},
    )  # fmt: skip
