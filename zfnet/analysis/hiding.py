"""Hiding a part of an image, and what is seen in its place: grey, the mean, a blur, noise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur

from zfnet.data import SeenImages

FILLS = ("mean", "blur", "noise")
Fill = float | Sequence[float] | Tensor | str


def canvas_of(images: Tensor, fill: Fill, size_px: int, generator: torch.Generator | None) -> Tensor:
    """What the square shows at each pixel, (B, 3, H, W) for images (B, 3, H, W).

    fill: a number; one a channel; 'mean', the image's own mean of each channel; 'blur', the image under a Gaussian
    whose sigma is a quarter of the square; 'noise', normal noise with the image's mean and deviation of each channel,
    drawn once an image, so that squares of neighbouring places show the same noise where they overlap.

    Raises ValueError for other names, another number of channels, and noise without a generator.
    """
    if isinstance(fill, str):
        return _made_from(images, fill, size_px, generator)
    values = (fill if isinstance(fill, Tensor) else torch.as_tensor(fill, dtype=torch.float64)).to(images)
    if values.ndim > 1 or (values.ndim == 1 and len(values) != images.shape[1]):
        raise ValueError(
            f"fill of shape {tuple(values.shape)}: expected a number or {images.shape[1]}, one for each channel"
        )
    return values.reshape(-1, 1, 1).expand_as(images)  # (1, 1, 1) or (3, 1, 1) to (B, 3, H, W)


def _made_from(images: Tensor, fill: str, size_px: int, generator: torch.Generator | None) -> Tensor:
    if fill not in FILLS:
        raise ValueError(f"fill {fill!r} is not a number, one a channel, or one of {', '.join(FILLS)}")
    if fill == "blur":
        radius = 3 * size_px // 4  # three sigma; less than the image's side, as reflection at the border needs
        wide = images.to(torch.promote_types(images.dtype, torch.float32))  # half precision takes minutes on CPUs
        return gaussian_blur(wide, [2 * radius + 1, 2 * radius + 1], [size_px / 4, size_px / 4]).to(images)
    mean = images.mean((2, 3), keepdim=True)  # (B, 3, 1, 1)
    if fill == "mean":
        return mean.expand_as(images)
    if generator is None:
        raise ValueError("fill 'noise' needs a generator: generator=torch.Generator().manual_seed(0)")
    deviation = images.std((2, 3), correction=0, keepdim=True)
    drawn = torch.randn(images.shape, generator=generator, device=generator.device, dtype=torch.float64)
    return mean + deviation * drawn.to(images)


def hide(image: Tensor, boxes: NDArray[np.int64] | Tensor, canvas: Tensor) -> Tensor:
    """Copies (K, 3, H, W) of an image (3, H, W), each showing the canvas (3, H, W) in one of the boxes (K, 4).

    Boxes are left, top, right, bottom in pixels, the last two the first ones outside; of those that reach beyond the
    image what lies in it is hidden.
    """
    copies = image.repeat(len(boxes), 1, 1, 1)  # (K, 3, H, W)
    for copy, box in zip(copies, boxes.tolist(), strict=True):
        left, top, right, bottom = (max(edge, 0) for edge in box)  # slices count what is below 0 from the other end
        copy[:, top:bottom, left:right] = canvas[:, top:bottom, left:right]
    return copies


def with_square(
    seen: SeenImages, square: tuple[int, int, int], grey: Sequence[int], fill: Fill = 0.0
) -> SeenImages:  # fmt: skip
    """Images with a square (top, left, side in pixels) over each, which may reach beyond the border.

    grey: the pixels' colour there (3,) in 0..255. Raises ValueError for a square without a side.
    """
    top, left, side = square
    if side < 1:
        raise ValueError(f"a square of {side} px hides nothing: expected top, left and a side of at least 1")
    box = np.array([[left, top, left + side, top + side]])
    canvas = canvas_of(seen.inputs, fill, side, None)
    colour = torch.tensor(grey, dtype=torch.uint8, device=seen.pixels.device)[:, None, None].expand(
        seen.pixels.shape[1:]
    )
    return SeenImages(
        torch.cat([hide(one, box, shown) for one, shown in zip(seen.inputs, canvas, strict=True)]),
        torch.cat([hide(one, box, colour) for one in seen.pixels]),
    )
