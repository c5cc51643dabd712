"""What the atlas knows of a layer's maps, as arrays: saved beside the site, and put on its pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zfnet.files import load_arrays, save_arrays

KIND = "atlas-layer"
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class LayerNumbers:
    """M maps of a layer, k strongest places of each, P of them drawn.

    value, image, row, column (M, k); label (M,) of the strongest image; corner (M, k, 2) of their fields and focus
    (M, P, 2), the middle of the projection's energy, in pixels. answered .. share: as MapStatistics has them. order,
    neighbour, correlation: as Likeness. below (M, D, 2) layer and map, given (M, D) what it adds on average over the P
    places, given_share (M, D) its part in the sum of all |contributions|; total, bias (M,) the sum of all
    contributions and the bias. above (M, D, 2), above_share (M, D): the maps in whose sum this one has the largest
    parts. -1 where there are fewer. part (M, T) index into part_names, -1 for none, and part_count (M, T) of the P
    places. name (M,) of class scores.
    """

    value: Floats
    image: Ints
    row: Ints
    column: Ints
    label: Ints
    corner: Ints
    focus: Ints
    answered: Floats
    low: Floats
    high: Floats
    histogram: Ints
    selectivity: Floats
    favourite: Ints
    best: Ints
    precision: Floats
    strongest: Ints
    share_class: Ints
    share: Floats
    order: Ints
    neighbour: Ints
    correlation: Floats
    below: Ints
    given: Floats
    given_share: Floats
    total: Floats
    bias: Floats
    above: Ints
    above_share: Floats
    part: Ints
    part_count: Ints
    part_names: NDArray[np.str_]
    name: NDArray[np.str_]


def save_numbers(path: Path, numbers: LayerNumbers) -> None:
    save_arrays(path, KIND, asdict(numbers))


def load_numbers(path: str | Path) -> LayerNumbers:
    """What `save_numbers` wrote. Raises ValueError for another kind of file."""
    arrays = load_arrays(path, KIND)
    return LayerNumbers(**{field.name: arrays[field.name] for field in fields(LayerNumbers)})


def as_columns(numbers: LayerNumbers, scores: bool) -> dict[str, Any]:
    """The same for the page, a list an item: each map's line is at its number."""
    there = numbers.image >= 0
    dead = (numbers.value[:, 0] <= 0) & (not scores)
    likeness_rank = np.empty(len(numbers.order), np.int64)
    likeness_rank[numbers.order] = np.arange(len(numbers.order))
    return {
        "value": [row[own] for row, own in zip(numbers.value, there, strict=True)],
        "image": [row[own] for row, own in zip(numbers.image, there, strict=True)],
        "corner": [row[own] for row, own in zip(numbers.corner, there, strict=True)],
        "focus": numbers.focus, "label": numbers.label,
        "dead": np.flatnonzero(dead), "answered": numbers.answered, "low": numbers.low, "high": numbers.high,
        "histogram": numbers.histogram, "selectivity": numbers.selectivity, "favourite": numbers.favourite,
        "precision": _pairs(numbers.best, numbers.precision), "strongest": numbers.strongest,
        "share": _pairs(numbers.share_class, numbers.share), "likeness": likeness_rank,
        "neighbours": _pairs(numbers.neighbour, numbers.correlation),
        "below": _linked(numbers.below, numbers.given, numbers.given_share), "total": numbers.total,
        "bias": numbers.bias, "above": _linked(numbers.above, numbers.above_share),
        "parts": _pairs(numbers.part, numbers.part_count), "part_names": numbers.part_names, "name": numbers.name,
    }  # fmt: skip


def _pairs(keys: Ints, values: NDArray[Any]) -> list[list[list[Any]]]:
    """Of each map the (key, value) of those keys that are there."""
    return [
        [[key, value] for key, value in zip(*row, strict=True) if key >= 0]
        for row in zip(keys.tolist(), values.tolist(), strict=True)
    ]


def _linked(places: Ints, *values: NDArray[Any]) -> list[list[list[Any]]]:
    """Of each map the (layer, map, values ...) of those that are there."""
    rows: Sequence[Any] = list(zip(places.tolist(), *(one.tolist() for one in values), strict=True))
    return [[[*place, *rest] for place, *rest in zip(*row, strict=True) if place[0] >= 0] for row in rows]
