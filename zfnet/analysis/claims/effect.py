"""An effect with its interval, and what it says of a sentence."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zfnet.analysis import difference_interval, drawn_interval, mean_interval
from zfnet.analysis.claims.sentences import Sentence

HOLDS, FAILS, NOT_HERE = "holds", "does not hold", "not measurable here"
Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What was found of a sentence, so that above 0 agrees with it.

    low, high: the 95 % interval, nan where there were too few. over: what was drawn for it (images, filters, folds,
    seeds), count: how many. floors: the same measure where nothing was learned or looked at: "fresh weights",
    "centre", "chance". parts: what the effect is a difference of.
    """

    name: str
    value: float
    low: float
    high: float
    over: str
    count: int
    floors: Mapping[str, float] = field(default_factory=dict)
    parts: Mapping[str, float] = field(default_factory=dict)

    @property
    def measured(self) -> bool:
        return math.isfinite(self.low) and math.isfinite(self.high)

    @property
    def above_zero(self) -> bool:
        return self.measured and self.low > 0

    def beyond(self, floor: str) -> bool:
        """Whether all of the interval lies above a floor."""
        return self.measured and self.low > self.floors[floor]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A sentence, its effects, and the verdict: it holds if every effect's interval lies above 0.

    why: why it was not measured, or what else is to be known. effects: none where it was not.
    """

    sentence: Sentence
    effects: Sequence[Effect]
    why: str = ""

    @property
    def verdict(self) -> str:
        if not any(one.measured for one in self.effects):
            return NOT_HERE
        return HOLDS if all(one.above_zero for one in self.effects if one.measured) else FAILS

    @property
    def remarks(self) -> list[str]:
        """What the verdict alone would hide: effects that go the other way, and floors that are not passed."""
        told = [f"{one.name}: it is the other way round" for one in self.effects if one.measured and one.high < 0]
        told += [
            f"{one.name}: no more than {floor} gives" for one in self.effects if one.above_zero
            for floor in one.floors if not one.beyond(floor)
        ]  # fmt: skip
        told += [f"{one.name}: too few {one.over} ({one.count}) to say" for one in self.effects if not one.measured]
        return [*told, *([self.why] if self.why else [])]


def mean_effect(
    name: str, values: Floats, *, over: str = "images", draws: int = 2000, **more: Mapping[str, float]
) -> Effect:
    """The mean of values (n,), a value each of what is drawn; nan ones are left out. more: floors, parts."""
    found = np.asarray(values, np.float64)
    found = found[np.isfinite(found)]
    low, high = mean_interval(found, draws=draws) if len(found) else (float("nan"),) * 2
    value = float(found.mean()) if len(found) else float("nan")
    return Effect(name=name, value=value, low=low, high=high, over=over, count=len(found), **more)


def difference_effect(
    name: str, one: NDArray[Any], other: NDArray[Any], *, over: str, draws: int = 2000,
    **more: Mapping[str, float],
) -> Effect:  # fmt: skip
    """The mean of one sample less that of another, each drawn by itself. more: floors, parts."""
    one, other = (
        values[np.isfinite(values)] for values in (np.asarray(one, np.float64), np.asarray(other, np.float64))
    )
    low, high = difference_interval(one, other, draws=draws)
    value = float(one.mean() - other.mean()) if len(one) and len(other) else float("nan")
    return Effect(name=name, value=value, low=low, high=high, over=over, count=len(one) + len(other), **more)


def drawn_effect(
    name: str, count: int, statistic: Callable[[NDArray[np.int64]], float], *, over: str, draws: int = 1000,
    **more: Mapping[str, float],
) -> Effect:  # fmt: skip
    """A statistic of the numbers of what is drawn, together. more: floors, parts."""
    low, high = drawn_interval(count, statistic, draws=draws)
    value = statistic(np.arange(count)) if count else float("nan")
    return Effect(name=name, value=float(value), low=low, high=high, over=over, count=count, **more)
