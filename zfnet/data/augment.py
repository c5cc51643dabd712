"""Augmentation: views that are also rotated, shifted, sheared and zoomed, by numbers drawn for each image and epoch."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Augmentation:
    """How far a training view may be moved; every number is drawn evenly from what its limit allows.

    rotation_deg: by up to so many degrees either way. shift: by up to this share of the view, along rows and along
    columns. shear: a row slides sideways by up to this share of its distance from the middle. zoom: rows and columns
    are scaled apart, by 1 - zoom to 1 + zoom.

    Raises ValueError for a limit that is negative or too large.
    """

    rotation_deg: float = 0.0
    shift: float = 0.0
    shear: float = 0.0
    zoom: float = 0.0

    def __post_init__(self) -> None:
        for name, most in (("rotation_deg", 180.0), ("shift", 1.0), ("shear", 1.0), ("zoom", 0.9)):
            if not 0 <= getattr(self, name) <= most:
                raise ValueError(f"{name}={getattr(self, name)!r}, expected a number from 0 to {most:g}")

    def __bool__(self) -> bool:
        """Whether it moves anything."""
        return any((self.rotation_deg, self.shift, self.shear, self.zoom))

    def draw(self, count: int, size_px: int, generator: np.random.Generator) -> Tensor:
        """Where `count` views of size_px look: matrices (count, 2, 3) float32.

        The pixel at p = (row, column) from the middle of a view shows what lies at M[:, :2] p + M[:, 2] from the middle
        of its crop: M is rotation (counter-clockwise, as the picture is seen) times shear times scales, and the shift.
        """
        angle, shear, *scales, down, right = generator.uniform(-1, 1, (6, count))
        angle = angle * math.radians(self.rotation_deg)
        rotation = _matrices(np.cos(angle), np.sin(angle), -np.sin(angle), np.cos(angle))
        ones, zeros = np.ones(count), np.zeros(count)
        sheared = _matrices(ones, zeros, self.shear * shear, ones)
        scaled = _matrices(1 + self.zoom * scales[0], zeros, zeros, 1 + self.zoom * scales[1])
        shifted = self.shift * size_px * np.stack([down, right], axis=1)  # (count, 2)
        matrices = np.concatenate([rotation @ sheared @ scaled, shifted[..., None]], axis=2)  # (count, 2, 3)
        return torch.from_numpy(matrices.astype(np.float32))


def _matrices(*entries: np.ndarray) -> np.ndarray:
    """Matrices (N, 2, 2) from their four entries (N,), row by row."""
    return np.stack(entries, axis=1).reshape(-1, 2, 2)


def warped(images: Tensor, mean: Tensor, *, corners: Tensor, flips: Tensor, matrices: Tensor, size_px: int) -> Tensor:
    """Crops (B, size, size, C) of images (B, side, side, C) minus the mean (side, side, C), seen through matrices.

    corners (B, 2): row and column of each crop in its image; flips (B,): mirrored last; matrices (B, 2, 3) as
    `Augmentation.draw` gives them. Pixels in between are bilinear; beyond the image the nearest pixel of its border is
    seen.
    """
    device, side_px = images.device, images.shape[1]
    corners, flips, matrices = (part.to(device, non_blocking=True) for part in (corners, flips, matrices))
    middle = (size_px - 1) / 2
    steps = torch.arange(size_px, device=device) - middle
    columns = torch.where(flips[:, None], -steps, steps)  # (B, size)
    rows_part = steps[:, None] * matrices[:, None, :, 0]  # (B, size, 2): what a step down adds
    columns_part = columns[:, :, None] * matrices[:, None, :, 1] + (corners + middle + matrices[:, :, 2])[:, None]
    places = rows_part[:, :, None] + columns_part[:, None]  # (B, size, size, 2): row, column in the image
    grid = places.flip(3) * (2 / max(side_px - 1, 1)) - 1  # grid_sample counts from -1 to 1, column first
    pixels = (images - mean).permute(0, 3, 1, 2)  # (B, C, side, side)
    seen = F.grid_sample(pixels, grid, mode="bilinear", padding_mode="border", align_corners=True)
    return seen.permute(0, 2, 3, 1).contiguous()  # (B, size, size, C)
