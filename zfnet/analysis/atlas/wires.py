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
    mean, strongest = np.zeros((maps, channels), np.float32), np.full((maps, DRIVING + HOLDING), -1)
    for first in range(0, maps, BLOCK):
        own = slice(first, first + BLOCK)
        known = there[own, :, None]
        mean[own] = (np.asarray(contributions[own], np.float64) * known).sum(1) / np.maximum(known.sum(1), 1)
        strongest[own] = _strongest(mean[own])
    size = np.abs(mean).sum(1, keepdims=True)
    part = np.divide(mean, size, out=np.zeros_like(mean), where=size > 0)
    return Wires(mean=mean, total=mean.sum(1, dtype=np.float64), part=part, strongest=strongest)


def _strongest(mean: NDArray[np.floating]) -> NDArray[np.int64]:
    """Of contributions (m, C) the channels that add most and those that take away most, (m, D)."""
    order = np.argsort(-mean, axis=1, kind="stable")
    found, rows = np.full((len(mean), DRIVING + HOLDING), -1), np.arange(len(mean))[:, None]
    driving, holding = order[:, :DRIVING], order[:, ::-1][:, :HOLDING]
    found[:, : driving.shape[1]] = np.where(mean[rows, driving] > 0, driving, -1)
    found[:, DRIVING : DRIVING + holding.shape[1]] = np.where(mean[rows, holding] < 0, holding, -1)
    return found


def fed(
    part: NDArray[np.floating], source: NDArray[np.int64], maps: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """For each of the maps below those above (maps, F), and their parts, in whose sum it has the largest parts.

    part (M, C) of channels; source (C,): which map below each channel is, -1 for none of these. A map that is read
    through several channels has the parts of all. -1 where it adds to fewer.
    """
    above, parts = np.full((maps, DRIVING), -1), np.zeros((maps, DRIVING))
    for first in range(0, maps, BLOCK):
        own = np.zeros((min(BLOCK, maps - first), len(part)))  # (n, M)
        for channel in np.flatnonzero((source >= first) & (source < first + BLOCK)):
            own[source[channel] - first] += part[:, channel]
        order = np.argsort(-own, axis=1, kind="stable")[:, :DRIVING]
        values, lines = np.take_along_axis(own, order, 1), slice(first, first + BLOCK)
        above[lines, : order.shape[1]], parts[lines, : order.shape[1]] = np.where(values > 0, order, -1), values
    return above, np.maximum(parts, 0)
