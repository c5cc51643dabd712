"""Where the square goes."""

from __future__ import annotations

import torch
from torch import Tensor


def corners_along(length_px: int, size_px: int, stride_px: int) -> list[int]:
    """The first pixels of the squares along one side: 0, stride, 2 stride ... and length - size where steps miss it."""
    last = length_px - size_px
    starts = list(range(0, last + 1, stride_px))
    return starts if starts[-1] == last else [*starts, last]


def grid(image_size: tuple[int, int], size_px: int, stride_px: int) -> tuple[Tensor, Tensor]:
    """Corners of the rows (R,) and columns (C,) of squares on an image (H, W), int64.

    Raises ValueError for a size or a step under 1 and a square larger than the image.
    """
    if size_px < 1 or stride_px < 1:
        raise ValueError(f"size_px={size_px}, stride_px={stride_px}: both are pixels, expected 1 or more")
    if size_px > min(image_size):
        raise ValueError(f"size_px={size_px} is larger than the image, which has {image_size[0]} x {image_size[1]} px")
    rows, columns = (torch.tensor(corners_along(length, size_px, stride_px)) for length in image_size)
    return rows, columns
