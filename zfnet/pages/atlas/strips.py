"""A few maps of each layer for the front page, which need not load the numbers of all."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zfnet.pages.atlas.numbers import LayerNumbers

SHOWN = 8  # maps of a layer


def strip_of(numbers: LayerNumbers, *, scores: bool) -> dict[str, Any]:
    """Maps, and what a tile says of each: those first that tell a class, every class once before one comes again.

    Where no class is judged, every image once. The keys are those of `as_columns`, each by the map's number.
    """
    maps = _chosen(numbers, scores).tolist()
    return {
        "maps": maps,
        "image": {one: int(numbers.image[one, 0]) for one in maps},
        "value": {one: [numbers.value[one, 0]] for one in maps},
        "label": {one: int(numbers.label[one]) for one in maps},
        "precision": {one: _first(numbers.best[one], numbers.precision[one]) for one in maps},
        "parts": {one: _first(numbers.part[one], numbers.part_count[one]) for one in maps},
        "part_names": numbers.part_names,
        "name": {one: numbers.name[one] for one in maps if len(numbers.name)},
    }


def _chosen(numbers: LayerNumbers, scores: bool) -> NDArray[np.int64]:
    alive = np.flatnonzero((numbers.image[:, 0] >= 0) & ((numbers.value[:, 0] > 0) | scores))
    worth = np.where(numbers.best[:, 0] >= 0, numbers.precision[:, 0], 0) + 1e-6 * numbers.value[:, 0]
    ranked = alive[np.argsort(-worth[alive], kind="stable")]
    told, turns = numbers.best[:, 0] >= 0, dict[tuple[bool, int], int]()
    turn = np.zeros(len(ranked), np.int64)
    for at, one in enumerate(ranked.tolist()):
        key = bool(told[one]), int(numbers.best[one, 0] if told[one] else numbers.image[one, 0])
        turn[at] = turns[key] = turns.get(key, 0) + 1
    return ranked[np.argsort(turn, kind="stable")][:SHOWN]


def _first(keys: NDArray[np.int64], values: NDArray[Any]) -> list[list[Any]]:
    return [[int(keys[0]), values[0]]] if len(keys) and keys[0] >= 0 else []
