"""Boxes of the written image in the network's view, against pictures that really went through the frame."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from zfnet.data.boxes import box_in_view, is_within
from zfnet.data.decode import square
from zfnet.data.frame import torchvision_frame
from zfnet.data.views import centre_views, crop_views


def seen(box: tuple[int, int, int, int], size: tuple[int, int], side_px: int, size_px: int) -> np.ndarray:
    """How much of each pixel of the view a box covers, 0 to 1, by drawing it white on black: (size_px, size_px)."""
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    left, top, right, bottom = box
    pixels[top:bottom, left:right] = 255
    frame = torchvision_frame(size_px, side_px)
    squared = torch.from_numpy(square(Image.fromarray(pixels), side_px).copy()).permute(2, 0, 1)[None]
    view = crop_views(squared, centre_views(1, side_px, size_px), frame)[0] * frame.scale + frame.mean
    return view[0].numpy() / 255


@pytest.mark.parametrize(
    ("size", "side", "crop"), [((256, 256), 128, 112), ((500, 375), 256, 224), ((90, 133), 72, 64), ((64, 64), 73, 67)]
)
def test_a_box_holds_what_the_part_covers_in_the_view(size: tuple[int, int], side: int, crop: int):
    generator = np.random.default_rng(0)
    for _ in range(10):
        left, top = (int(generator.integers(length * 0.2, length * 0.6)) for length in size)
        box = (left, top, left + int(generator.integers(9, size[0] // 3)), top + int(generator.integers(9, 30)))
        covered = seen(box, size, side, crop)
        left, top, right, bottom = box_in_view(box, *size, side, crop)
        inside = np.zeros_like(covered, bool)
        inside[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = True
        assert not (covered[~inside] > 0.51).any()  # what is mostly part is in the box
        inner = covered[max(top + 2, 0) : max(bottom - 2, 0), max(left + 2, 0) : max(right - 2, 0)]
        assert (inner > 0.99).all()  # and the box is no wider than the part, but for the smoothing at its rim
        assert is_within((left, top, right, bottom), crop) == (min(left, top) >= 0 and max(right, bottom) <= crop)


def test_edges_fall_where_the_arithmetic_says():
    assert box_in_view((16, 32, 48, 65), 256, 256, 128, 112) == (0, 8, 16, 25)  # halved, less 8; 24.5 touches pixel 24
    assert box_in_view((62, 0, 438, 375), 500, 375, 256, 256) == (-1, 0, 257, 256)  # the square is 62.5 to 437.5
    assert box_in_view((0, 0, 500, 375), 500, 375, 375, 375) == (-63, 0, 438, 375)
