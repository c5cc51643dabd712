"""Projections and patches as small pictures of one size, for sprites."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from zfnet.figures.drawing.montage import around_grey

TILE_PX = 96  # of projections and patches on a map's page
SMALL_PX = 64  # of a map's tile on its layer's page
NATIVE_PX = 48  # fields up to this side are kept pixel by pixel
GREY = 128
BYTES = 4 * 2**20  # of projections that are drawn at once
Tiles = NDArray[np.uint8]


def tile_size(height_px: int, width_px: int, most_px: int = TILE_PX) -> tuple[int, int]:
    """The size (rows, columns) of a tile for fields of that size: their own up to NATIVE_PX, else most_px at most."""
    longest = max(height_px, width_px)
    if longest <= min(NATIVE_PX, most_px):
        return height_px, width_px
    return max(1, round(most_px * height_px / longest)), max(1, round(most_px * width_px / longest))


def projection_tiles(projection: NDArray[np.floating], size: tuple[int, int], gain: str) -> Tiles:
    """Projections (n, 3, h, w) around grey, each scaled by its own numbers (`gains`): (n, *size, 3).

    A few at a time: on the way they are float64, several times over.
    """
    tiles = np.empty((len(projection), *size, 3), np.uint8)
    some = max(1, BYTES // max(1, projection[:1].nbytes))
    for at in range(0, len(projection), some):
        own = slice(at, at + some)
        tiles[own] = resized(np.rint(255 * around_grey(projection[own], gain=gain)).astype(np.uint8), size)
    return tiles


def resized(pictures: Tiles, size: tuple[int, int]) -> Tiles:
    """Pictures (n, h, w, 3) brought to a size (rows, columns)."""
    if pictures.shape[1:3] == size or not len(pictures):
        return pictures.reshape(-1, *size, 3) if not len(pictures) else pictures
    wanted = (size[1], size[0])
    small = [
        np.asarray(Image.fromarray(one).resize(wanted, Image.Resampling.BOX, reducing_gap=None)) for one in pictures
    ]
    return np.stack(small)


def mean_tiles(tiles: Tiles, there: NDArray[np.bool_]) -> Tiles:
    """The mean (m, h, w, 3) of each map's tiles (m, k, h, w, 3) around grey, drawn as strongly as one of them.

    there (m, k): which of them are pictures at all.
    """
    signed = (tiles.astype(np.float32) - GREY) * there[..., None, None, None]
    mean = signed.sum(1) / np.maximum(there.sum(1), 1)[:, None, None, None]
    reach = np.percentile(np.abs(mean).reshape(len(mean), -1), 99.5, axis=1)
    scaled = mean / np.maximum(reach, 1)[:, None, None, None] * 127
    return np.asarray(np.clip(np.rint(scaled + GREY), 0, 255), np.uint8)
