"""Occlusion of any class or unit: what its value loses with a grey square at each place."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from zfnet.analysis import hide
from zfnet.analysis.audit.targets import Targets, values_of
from zfnet.analysis.occlusion import corners_along, spread_over_pixels
from zfnet.deconv import Deconvnet

AT_ONCE = 32  # copies of an image
SQUARES = 4  # along a side; steps are half a square


def hide_squares(
    model: nn.Module, images: Tensor, targets: Targets, size_px: int | None = None, stride_px: int | None = None
) -> Tensor:
    """The mean loss of the target's value over the squares that cover each pixel, (B, 1, H, W).

    size_px: of the square, by default a quarter of the image; stride_px: half of that. Unlike `occlude`, which watches
    probabilities, this asks for scores and for single units; squares that a unit cannot see are left out.
    """
    size = max(1, min(images.shape[2:]) // SQUARES) if size_px is None else size_px
    stride = max(1, size // 2) if stride_px is None else stride_px
    rows, columns = (torch.tensor(corners_along(length, size, stride)) for length in images.shape[2:])
    corners = torch.cartesian_prod(columns, rows)  # (K, 2): left, top
    squares = torch.cat([corners, corners + size], 1)
    deconvnet, grey = Deconvnet(model), torch.zeros_like(images[0])
    heat = torch.zeros(len(images), 1, *images.shape[2:])
    for number, (image, box) in enumerate(zip(images, targets.boxes(*images.shape[2:]), strict=True)):
        seen = _touching(squares, box)
        clean = values_of(deconvnet, image[None], targets, torch.tensor([number]))
        drops = torch.zeros(len(squares), dtype=clean.dtype)
        for some in seen.split(AT_ONCE):
            copies = hide(image, squares[some], grey)
            drops[some] = (clean - values_of(deconvnet, copies, targets, torch.full((len(some),), number))).cpu()
        by_place = drops.reshape(len(columns), len(rows)).T  # (R, C)
        heat[number, 0] = spread_over_pixels(by_place, rows, columns, size)
    return heat


def _touching(squares: Tensor, box: tuple[int, int, int, int]) -> Tensor:
    """Numbers of the squares (K, 4) that share a pixel with the box."""
    left, top, right, bottom = box
    apart = (squares[:, 0] >= right) | (squares[:, 2] <= left) | (squares[:, 1] >= bottom) | (squares[:, 3] <= top)
    return (~apart).nonzero()[:, 0]
