"""Images as the network takes them, back to pixels that can be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zfnet.data import InputFrame, SeenImages

MIDDLE = 127.5
LIMITS = ((1.0, 255.0), (255.0, 1.0))  # images whose values go from 0 to the first are pixels times the second


def as_tensor(values: Any) -> Tensor:
    """A tensor or an array, on the CPU. Raises ValueError for what is neither, and for NaN and infinity."""
    try:
        tensor = torch.as_tensor(values).detach().cpu()
    except (TypeError, RuntimeError, ValueError) as error:
        kind = type(values).__name__
        raise ValueError(
            f"of {kind} nothing can be drawn ({error}): expected a tensor or an array, or what help(zfnet.plot) lists"
        ) from error
    odd = int(tensor.numel() - tensor.isfinite().sum())
    if odd:
        raise ValueError(
            f"{odd} of the {tensor.numel()} values to draw are NaN or infinite: look for such in the weights and "
            "images, or give what torch.nan_to_num makes of them"
        )
    return tensor


def pixels_of(images: Tensor, frame: InputFrame | None) -> tuple[Tensor, list[int]]:
    """Images (B, C, H, W) as pixels (B, 3, H, W) uint8, and the colour that lies beyond their border.

    frame: undone, where it is given. Without one: bytes, values from 0 to 1 and from 0 to 255 are pixels; of others,
    which are normalised somehow, each image is drawn around grey, its largest |value| black or white.
    Raises ValueError for images of other than 1 or 3 channels.
    """
    if images.ndim != 4 or images.shape[1] not in (1, 3):
        raise ValueError(f"images are {tuple(images.shape)}, expected (images, 3, rows, columns), or 1 in place of 3")
    wide, grey = images.float(), [128, 128, 128]
    if frame is not None:
        mean, top, left = frame.mean.cpu(), *((full - size) // 2 for full, size in _margins(frame, images))
        mean = mean[:, top : top + images.shape[2], left : left + images.shape[3]] if mean.shape[1] > 1 else mean
        wide, grey = wide * frame.scale.cpu() + mean, frame.grey
    elif images.dtype != torch.uint8:
        low, high = float(wide.min()), float(wide.max())
        times = next((times for limit, times in LIMITS if low >= 0 and high <= limit), None)
        largest = wide.abs().amax((1, 2, 3), keepdim=True).clamp(min=torch.finfo(torch.float32).tiny)
        wide = MIDDLE + MIDDLE * wide / largest if times is None else wide * times
    pixels = wide.round().clamp(0, 255).to(torch.uint8)
    return pixels.expand(-1, 3, -1, -1), grey


def _margins(frame: InputFrame, images: Tensor) -> list[tuple[int, int]]:
    return [(frame.mean.shape[1 + axis], images.shape[2 + axis]) for axis in (0, 1)]


def picture_of(image: Any, frame: InputFrame | None) -> NDArray[np.uint8]:
    """One image (C, H, W), or (1, C, H, W), as a picture (H, W, 3)."""
    values = as_tensor(image)
    pixels, _ = pixels_of(values if values.ndim == 4 else values[None], frame)
    picture: NDArray[np.uint8] = pixels[0].permute(1, 2, 0).contiguous().numpy()
    return picture


class Fetched:
    """Images by number from anything that gives image i as images[i], or a tuple with it first."""

    def __init__(self, images: Any, frame: InputFrame | None) -> None:
        self.images, self.frame = images, frame
        _, self.grey = pixels_of(self._one(0)[None], frame)

    def _one(self, number: int) -> Tensor:
        try:
            found = self.images[number]
        except LookupError as error:
            raise ValueError(f"images[{number}] is not there: give all the images that were mined, in order") from error
        image = torch.as_tensor(found[0] if isinstance(found, tuple | list) else found).detach()
        if image.ndim != 3:
            raise ValueError(f"images[{number}] is {tuple(image.shape)}, expected an image (3, rows, columns)")
        return image

    def __call__(self, numbers: Sequence[int]) -> SeenImages:
        images = torch.stack([self._one(number) for number in numbers])  # (B, 3, H, W)
        return SeenImages(images.float(), pixels_of(images.cpu(), self.frame)[0])
