"""Which channels of a layer answer most to an image, and which differ most between two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

PICKS = ("strongest", "changed")


@dataclass(frozen=True)
class Peaks:
    """The largest value of each of C channels and its place, the first of equals: value, row, column (C,)."""

    value: NDArray[np.floating]
    row: NDArray[np.int64]
    column: NDArray[np.int64]


def peaks(values: NDArray[np.floating]) -> Peaks:
    """The peaks of one image's maps (C, h, w)."""
    flat = values.reshape(len(values), -1)  # (C, h * w)
    place = flat.argmax(1)  # (C,)
    row, column = np.unravel_index(place, values.shape[1:])
    return Peaks(value=flat[np.arange(len(flat)), place], row=row, column=column)


def strongest_channels(values: NDArray[np.floating], count: int = 1) -> NDArray[np.int64]:
    """The numbers (count,) of one image's channels (C, h, w) with the largest peaks, strongest first.

    Of equals the lower first.
    """
    return np.argsort(-peaks(values).value, kind="stable")[:count]


def changed_channels(one: NDArray[np.floating], other: NDArray[np.floating], count: int = 1) -> NDArray[np.int64]:
    """The numbers (count,) of the channels (C, h, w) that differ most between two images at any one place.

    The largest difference first. Place by place, so that a change of one eye shows where the other eye keeps the
    channel's peak as it was: the images should be of the same scene.
    """
    difference = np.abs(one - other).reshape(len(one), -1).max(1)  # (C,)
    return np.argsort(-difference, kind="stable")[:count]


def check_channels(channels: Sequence[Any], count: int, layer: str) -> NDArray[np.int64]:
    """Channel numbers as an array (n,). Raises ValueError, with the choices, for none and for what is no such one."""
    choices = f"layer {layer!r}, which has channels 0 to {count - 1}"
    if not len(channels):
        raise ValueError(f"no channel was given of {choices}")
    for channel in channels:
        if not isinstance(channel, int | np.integer) or not 0 <= channel < count:
            raise ValueError(f"channel {channel} is not in {choices}")
    return np.array(channels, np.int64)
