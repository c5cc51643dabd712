"""A layer's maps on images as colours: the two ways to scale a channel, colour maps, and maps laid over the image."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.colors import Colormap
from numpy.typing import NDArray

COLOURS = "viridis"
UNKNOWN = (math.nan, math.nan)
INTERPOLATION = ("bilinear", "nearest")
DARKENED = 0.7  # of the picture under a map: colours hardly show on white
OPACITY = (0.15, 0.85)  # of the lowest and of the highest colour: what is not answered to stays visible


@dataclass(frozen=True, kw_only=True)
class LayerMaps:
    """A layer's maps (B, C, h, w) on B images.

    stage: a word on the ReLU. first_px, step_px: the centre of the first unit's receptive field in pixels (row,
    column) and the steps between units; unknown (nan), maps are stretched over the image.
    """

    layer: str
    values: NDArray[np.floating]
    stage: str = ""
    first_px: NDArray[np.float64] | tuple[float, float] = UNKNOWN
    step_px: NDArray[np.float64] | tuple[float, float] = UNKNOWN


def unit_scaled(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Each channel of maps (B, C, h, w) from its least to its largest value over the images: 0..1; 0 if it has one."""
    low, high = (f(values, axis=(0, 2, 3), keepdims=True).astype(np.float64) for f in (np.min, np.max))
    scaled: NDArray[np.float64] = (values - low) / np.where(high > low, high - low, 1)
    return scaled


def standard_scaled(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Each channel of maps (B, C, h, w) standardised: 64 (x - mean) / standard deviation + 128, clipped to 0..255.

    Chollet's convention (Deep Learning with Python, 2017, section 5.4.1); a channel of one value is 128.
    """
    values = values.astype(np.float64)
    mean, deviation = (f(values, axis=(0, 2, 3), keepdims=True) for f in (np.mean, np.std))
    even = values.max((0, 2, 3), keepdims=True) == values.min((0, 2, 3), keepdims=True)  # rounding leaves its deviation
    scaled: NDArray[np.float64] = np.where(even, 0, values - mean) / np.where(even, 1, deviation)
    return (64 * scaled + 128).clip(0, 255)


@dataclass(frozen=True, kw_only=True)
class Scale:
    """scaled: what it makes of maps (B, C, h, w), from 0 to top; in words; what the first and last colour stand for."""

    scaled: Callable[[NDArray[np.floating]], NDArray[np.float64]]
    top: float
    words: str
    ends: tuple[str, str]


SCALES = {
    "unit": Scale(
        scaled=unit_scaled, top=1, words="each channel from its least to its largest value", ends=("least", "largest"),
    ),
    "standard": Scale(
        scaled=standard_scaled, top=255, words="each channel as 64 (x - mean) / std + 128, clipped to 0..255",
        ends=("mean - 2 std or less", "mean + 2 std or more"),
    ),
}  # fmt: skip


def shades(values: NDArray[np.floating], scale: str) -> NDArray[np.float64]:
    """Maps (B, C, h, w) as places 0..1 on a colour map. Raises ValueError for an unknown scale."""
    if scale not in SCALES:
        raise ValueError(f"scale {scale!r} is not one of {', '.join(SCALES)}")
    return SCALES[scale].scaled(values) / SCALES[scale].top


def colour_map(name: str) -> Colormap:
    """matplotlib's colour map of that name. Raises ValueError, with those that are written much like it."""
    if name not in mpl.colormaps:
        close = difflib.get_close_matches(name, list(mpl.colormaps), n=4) or ["viridis", "magma", "gray", "coolwarm"]
        raise ValueError(f"colour map {name!r} is not one of matplotlib's; close to it: {', '.join(close)}")
    return mpl.colormaps[name]


def coloured(shaded: NDArray[np.floating], colours: str) -> NDArray[np.uint8]:
    """Places 0..1 (..., h, w) as colours (..., h, w, 3) uint8. Raises ValueError for an unknown colour map."""
    return np.asarray(colour_map(colours)(shaded, bytes=True))[..., :3]


def resized(
    values: NDArray[np.floating], size: Sequence[int], first_px: Sequence[float] | NDArray[np.float64],
    step_px: Sequence[float] | NDArray[np.float64], interpolation: str = "bilinear",
) -> NDArray[np.float64]:  # fmt: skip
    """A map (h, w) at every pixel of an image of size (H, W, ...): (H, W).

    Value (r, c) lies at pixel first_px + step_px * (r, c); where that is nan the map is stretched over the image, the
    outer edges of its cells on the image's. Pixels beyond the outermost values take theirs. Raises ValueError for an
    unknown interpolation.
    """
    if interpolation not in INTERPOLATION:
        raise ValueError(f"interpolation {interpolation!r} is not one of {', '.join(INTERPOLATION)}")
    result = np.asarray(values, np.float64)
    for axis in (0, 1):
        count, pixels = result.shape[axis], size[axis]
        step = pixels / count if np.isnan(step_px[axis]) else step_px[axis]
        first = (step - 1) / 2 if np.isnan(first_px[axis]) else first_px[axis]
        at = ((np.arange(pixels) - first) / step).clip(0, count - 1)
        if interpolation == "nearest":
            at = np.floor(at + 0.5).clip(0, count - 1)
        low = np.floor(at).astype(np.int64)
        share = (at - low).reshape((-1, 1) if axis == 0 else (1, -1))
        below, above = (result.take(places, axis) for places in (low, np.minimum(low + 1, count - 1)))
        result = below + share * (above - below)
    return result


def over(picture: NDArray[np.uint8], shaded: NDArray[np.floating], colours: str = COLOURS) -> NDArray[np.uint8]:
    """Places 0..1 (H, W) on a colour map, laid over the picture (H, W, 3) in darkened grey, the denser the higher.

    Raises ValueError for an unknown colour map.
    """
    grey = DARKENED * picture.mean(axis=2, keepdims=True)
    share = (OPACITY[0] + (OPACITY[1] - OPACITY[0]) * shaded)[..., None]
    mixed: NDArray[np.uint8] = ((1 - share) * grey + share * coloured(shaded, colours)).round().astype(np.uint8)
    return mixed


def placing(maps: LayerMaps) -> str:
    """Where a map's values lie on the image, in words."""
    if np.isnan(maps.first_px).any():
        return "the map stretched over the image"
    return "each value at the centre of its unit's receptive field"
