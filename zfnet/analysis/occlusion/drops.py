"""How much each square takes from the target: where most, and on the mean at each pixel."""

from __future__ import annotations

import torch
from torch import Tensor

from zfnet.analysis.occlusion.sliding_square import Occlusion


def probability_drops(heat: Occlusion) -> Tensor:
    """How much probability the square takes from the target at each place: (R, C) or (B, R, C)."""
    return heat.clean_probability[..., None, None] - heat.probability


def score_drops(heat: Occlusion) -> Tensor:
    """How much the square takes from the target's class score, before the softmax: (R, C) or (B, R, C).

    Raises ValueError where the scores were not kept.
    """
    if heat.score is None or heat.clean_score is None:
        raise ValueError("the heat has no scores: sweep the images anew with occlude(...)")
    return heat.clean_score[..., None, None] - heat.score


def activity_drops(heat: Occlusion) -> Tensor:
    """How much the square takes from the layer's strongest map, its sum: (R, C) or (B, R, C)."""
    return heat.clean_activity[..., None, None] - heat.activity


def greatest_drop(heat: Occlusion) -> Tensor:
    """The centre of the square that takes most from the target: row and column in pixels, (2,) or (B, 2).

    Pixels are counted at their centres: a square of 3 at corner 0 has its centre at 1, one of 2 at 0.5. Equal drops go
    to the first in reading order.
    """
    return greatest_place(probability_drops(heat), heat)


def greatest_place(drops: Tensor, heat: Occlusion) -> Tensor:
    """The centre of the square whose drop, of (R, C) or (B, R, C), is the greatest: (2,) or (B, 2), as above."""
    place = drops.flatten(-2).argmax(-1)  # () or (B,)
    row, column = place // drops.shape[-1], place % drops.shape[-1]
    return torch.stack([heat.rows[row], heat.columns[column]], -1) + (heat.size_px - 1) / 2  # (2,) or (B, 2)


def averaged_drop(heat: Occlusion) -> Tensor:
    """The mean drop over the squares that cover each pixel, zero in gaps: (H, W) or (B, H, W).

    The attribution of captum's Occlusion where steps do not miss the border: captum cuts its last squares off there.
    """
    return spread_over_pixels(probability_drops(heat), heat.rows, heat.columns, heat.size_px)


def spread_over_pixels(drops: Tensor, rows: Tensor, columns: Tensor, size_px: int) -> Tensor:
    """The mean of drops (..., R, C) over the squares that cover each pixel, zero in gaps: (..., H, W)."""
    over_rows, over_columns = (_covers(corners, size_px).to(drops) for corners in (rows, columns))
    count = over_rows.sum(0)[:, None] * over_columns.sum(0)  # (H, W)
    return (over_rows.T @ drops @ over_columns) / count.clamp(min=1)  # (H, R) @ (R, C) @ (C, W)


def _covers(corners: Tensor, size_px: int) -> Tensor:
    """Which pixels along a side the squares at the corners (n,) cover: (n, length)."""
    pixels = torch.arange(int(corners[-1]) + size_px)  # the last square ends with the image
    return (pixels >= corners[:, None]) & (pixels < corners[:, None] + size_px)
