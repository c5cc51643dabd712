"""Random boxes of a given size that keep clear of others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from zfnet.data.parts_world import Box


def clear_places(width: int, height: int, avoid: Sequence[Box], within: Box) -> NDArray[np.int64]:
    """Every corner (P, 2: left, top) at which a box of width x height lies in `within` and touches none of `avoid`."""
    left, top, right, bottom = within
    free = np.ones((max(bottom - top - height + 1, 0), max(right - left - width + 1, 0)), bool)
    for box in avoid:
        touched_x = slice(max(box[0] - width + 1 - left, 0), max(box[2] - left, 0))
        touched_y = slice(max(box[1] - height + 1 - top, 0), max(box[3] - top, 0))
        free[touched_y, touched_x] = False
    rows, columns = free.nonzero()
    return np.stack([columns + left, rows + top], axis=1)


def draw_boxes(
    box: Box, avoid: Sequence[Box], within: Box, draws: int, generator: np.random.Generator
) -> NDArray[np.int64]:
    """Boxes (draws, 4) as large as `box`, at places of `clear_places` drawn at random; (0, 4) where there are none."""
    width, height = box[2] - box[0], box[3] - box[1]
    places = clear_places(width, height, avoid, within)
    chosen = places[generator.integers(len(places), size=draws)] if len(places) else places
    return np.concatenate([chosen, chosen + np.array([width, height])], axis=1)
