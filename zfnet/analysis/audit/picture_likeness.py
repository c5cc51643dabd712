"""How alike two pictures are: of the ranks of what matters, of its structure, of the signed values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr
from torch import Tensor

from zfnet.analysis.audit.methods import Pictures

MEASURES = ("spearman", "ssim", "cosine")
WINDOW_PX = 7  # structural_similarity's own
Box = tuple[int, int, int, int]
Floats = NDArray[np.float64]


def likeness(first: Pictures, second: Pictures, boxes: Sequence[Box]) -> dict[str, Floats]:
    """How alike the pictures of each image are within its box (left, top, right, bottom): measure -> (B,).

    spearman: of |values| summed over channels; ssim: of the same, each scaled by its own largest; cosine: of the
    values with their signs. 1: the same picture; 0: nothing in common. Where one of the two is blank they have nothing
    in common, 0; where both are there is nothing to compare, nan.
    """
    found = [
        _of_two(*(picture.values[number, :, top:bottom, left:right] for picture in (first, second)))
        for number, (left, top, right, bottom) in enumerate(boxes)
    ]
    arrays = np.array(found, np.float64).reshape(-1, len(MEASURES))
    return {measure: arrays[:, at] for at, measure in enumerate(MEASURES)}


def _of_two(first: Tensor, second: Tensor) -> tuple[float, float, float]:
    """Of two pictures (C, h, w): in the order of MEASURES."""
    blank = [bool((one == 0).all()) or not bool(one.isfinite().all()) for one in (first, second)]
    if any(blank):
        value = float("nan") if all(blank) else 0.0
        return value, value, value
    a, b = (one.abs().sum(0).double().numpy() for one in (first, second))
    signed = (first.double() * second.double()).sum() if first.shape == second.shape else None
    cosine = float("nan") if signed is None else float(signed / (first.double().norm() * second.double().norm()))
    return rank_correlation(a, b), structure(a, b), cosine


def rank_correlation(a: Floats, b: Floats) -> float:
    """Spearman's, of two pictures (h, w); 0 where one is the same everywhere, so that it orders nothing."""
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(spearmanr(a.ravel(), b.ravel()).statistic)


def structure(a: Floats, b: Floats) -> float:
    """Structural similarity of two pictures (h, w), each scaled by its largest; nan of those under 7 px."""
    if min(a.shape) < WINDOW_PX:
        return float("nan")
    found = _structural_similarity()(a / a.max(), b / b.max(), data_range=1.0)
    return float(found)


def _structural_similarity() -> Any:
    """scikit-image's. Raises ValueError where it is not installed."""
    try:
        from skimage.metrics import structural_similarity
    except ImportError as error:
        raise ValueError("structural similarity needs scikit-image: pip install 'zfnet[audit]'") from error
    return structural_similarity
