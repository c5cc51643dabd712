"""From what each place's channels contribute to which maps drive a map, and which above it feeds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLOCK = 64  # maps at once
DRIVING, HOLDING = 8, 3  # kept of those below that add most, and of those that take away most


@dataclass(frozen=True, kw_only=True)
class Wires:
    """M maps with C channels below. mean (M, C): what each adds, averaged over the map's places; total (M,) its sum.

    part (M, C): mean over the sum of the channels' |mean|. strongest (M, D): the channels that add most, then those
    that take away most; -1 where there are fewer.
    """

    mean: NDArray[np.float32]
    total: NDArray[np.float64]
    part: NDArray[np.float32]
    strongest: NDArray[np.int64]


def map_wires(contributions: NDArray[np.floating], there: NDArray[np.bool_]) -> Wires:
    """Of contributions (M, P, C) at the places that are `there` (M, P)."""
    maps, _, channels = contributions.shape
    mean = np.zeros((maps, channels), np.float32)
    for first in range(0, maps, BLOCK):
        own = slice(first, first + BLOCK)
        known = there[own, :, None]
        mean[own] = (np.asarray(contributions[own], np.float64) * known).sum(1) / np.maximum(known.sum(1), 1)
    size = np.abs(mean).sum(1, keepdims=True)
    part = np.divide(mean, size, out=np.zeros_like(mean), where=size > 0)
    order = np.argsort(-mean, axis=1, kind="stable")
    strongest = np.full((maps, DRIVING + HOLDING), -1)
    driving, holding = order[:, :DRIVING], order[:, ::-1][:, :HOLDING]
    rows = np.arange(maps)[:, None]
    strongest[:, : driving.shape[1]] = np.where(mean[rows, driving] > 0, driving, -1)
    strongest[:, DRIVING : DRIVING + holding.shape[1]] = np.where(mean[rows, holding] < 0, holding, -1)
    return Wires(mean=mean, total=mean.sum(1, dtype=np.float64), part=part, strongest=strongest)


def fed(part: NDArray[np.floating], channels: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Those maps (n, F) above, and their parts (n, F), in which the chosen channels (n,) have the largest parts (M, C).

    -1 where a channel adds to fewer.
    """
    own = part[:, channels].T  # (n, M)
    order = np.argsort(-own, axis=1, kind="stable")[:, :DRIVING]
    values = np.take_along_axis(own, order, 1)
    maps, parts = np.full((len(channels), DRIVING), -1), np.zeros((len(channels), DRIVING))
    maps[:, : order.shape[1]], parts[:, : order.shape[1]] = np.where(values > 0, order, -1), np.maximum(values, 0)
    return maps, parts
