"""The input frame of a network: which crop it sees and how pixels are normalised; measured for a new network."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zfnet.data.decode import BILINEAR, check_interpolation
from zfnet.data.source import UNREADABLE, ImageSource

IMAGENET_MEAN = (0.485, 0.456, 0.406)  # of torchvision's weights, for pixels in 0..1
IMAGENET_STD = (0.229, 0.224, 0.225)

SCALE_IMAGES = 512
FRAME_KINDS = ("paper", "unit", "torchvision")


def make_frame(kind: str, train: ImageSource, size_px: int) -> InputFrame:
    """How a network will see the images of `train`.

    kind: "paper" subtracts the per-pixel mean over the training set and leaves the scale, about [-128, 128];
    "unit" also divides by each channel's deviation, measured on SCALE_IMAGES evenly spaced images;
    "torchvision" uses torchvision's own numbers. size_px: the side of the crop that the network sees.

    Raises ValueError for another kind, torchvision's for grey images, and a crop larger than the images.
    """
    if kind == "torchvision":
        if train.read([0])[0].shape[1] != len(IMAGENET_MEAN):
            raise ValueError("input_scale=torchvision is for colours and the images are grey: give unit or paper")
        return torchvision_frame(size_px, train.side_px)
    if kind not in FRAME_KINDS:
        raise ValueError(f"input_scale {kind!r} is not one of {', '.join(FRAME_KINDS)}")
    mean = torch.from_numpy(train.mean())
    scale = torch.ones(len(mean), 1, 1) if kind == "paper" else _deviation(train, mean)
    return InputFrame(side_px=train.side_px, size_px=size_px, mean=mean, scale=scale)


def _deviation(train: ImageSource, mean: Tensor) -> Tensor:
    """Standard deviation of each channel around the mean image: (C, 1, 1), in grey levels."""
    sample = np.unique(np.linspace(0, len(train) - 1, min(len(train), SCALE_IMAGES)).round().astype(np.int64))
    squares, count = torch.zeros(len(mean), dtype=torch.float64), 0
    for index in sample.tolist():
        images, labels = train.read([index])
        if labels[0] != UNREADABLE:
            squares += (images[0] - mean).square().double().mean((1, 2))
            count += 1
    return (squares / max(count, 1)).sqrt().clamp(min=1.0).float().reshape(-1, 1, 1)  # (C, 1, 1)


@dataclass(frozen=True)
class InputFrame:
    """The frame a network sees: a size_px crop of a side_px square, (pixels - mean) / scale.

    mean: (3, side_px, side_px) or (3, 1, 1), in 0..255; scale: (3, 1, 1); with 1 in place of 3 for grey images. The
    paper's scale is 1, which leaves the input in about [-128, 128]. interpolation: the filter that brings pictures to
    the square, "bilinear" or "bicubic".

    Raises ValueError for a crop larger than the square, another filter, and other shapes.
    """

    side_px: int
    size_px: int
    mean: Tensor
    scale: Tensor
    interpolation: str = BILINEAR

    def __post_init__(self) -> None:
        check_interpolation(self.interpolation)
        if not 0 < self.size_px <= self.side_px:
            raise ValueError(
                f"the network takes {self.size_px} px but the images are {self.side_px} px squares: "
                "use a smaller input_px or make the images larger (side)"
            )
        channels = 1 if self.channels == 1 else 3
        even, uneven = (channels, 1, 1), (channels, self.side_px, self.side_px)
        if self.mean.shape not in (even, uneven) or self.scale.shape != even:
            shapes = f"mean {tuple(self.mean.shape)} and scale {tuple(self.scale.shape)}"
            raise ValueError(f"{shapes} do not fit: expected mean {even} or {uneven}, scale {even}")

    @property
    def channels(self) -> int:
        """3, or 1 for grey images."""
        return len(self.mean)

    @property
    def grey(self) -> list[int]:
        """The mean colour (3,) in 0..255: what zero means to the network."""
        grey: list[int] = self.mean.mean((1, 2)).expand(3).round().int().tolist()
        return grey

    def to(self, device: torch.device | str) -> InputFrame:
        """The same frame with its mean and scale on a device."""
        return replace(self, mean=self.mean.to(device), scale=self.scale.to(device))

    def state(self) -> dict[str, Any]:
        """Tensors and plain types, for a checkpoint. A bilinear filter is left out: earlier versions knew no other."""
        other = {} if self.interpolation == BILINEAR else {"interpolation": self.interpolation}
        mean, scale = self.mean.cpu(), self.scale.cpu()
        return {"side_px": self.side_px, "size_px": self.size_px, "mean": mean, "scale": scale, **other}

    @staticmethod
    def from_state(state: dict[str, Any]) -> InputFrame:
        """What `state` returned. Raises ValueError for numbers that no pixels can be brought to."""
        mean, scale = state["mean"], state["scale"]
        if not (mean.is_floating_point() and mean.isfinite().all() and scale.isfinite().all() and (scale > 0).all()):
            raise ValueError("an input frame needs a finite mean and a scale above 0")
        return InputFrame(state["side_px"], state["size_px"], mean, scale, state.get("interpolation", BILINEAR))


def plain_frame(side_px: int, size_px: int, channels: int = 3) -> InputFrame:
    """Pixels as they are, in 0..255."""
    return InputFrame(side_px, size_px, torch.zeros(channels, 1, 1), torch.ones(channels, 1, 1))


def torchvision_frame(size_px: int, side_px: int) -> InputFrame:
    """The normalisation of torchvision's own weights."""
    return hub_frame(size_px, side_px, mean=IMAGENET_MEAN, std=IMAGENET_STD)


def hub_frame(
    size_px: int, side_px: int, *, mean: Sequence[float], std: Sequence[float], interpolation: str = BILINEAR
) -> InputFrame:
    """A frame in the numbers of the hubs: mean and deviation of red, green and blue for pixels in 0..1."""
    shift, scale = (255 * torch.tensor(values).reshape(3, 1, 1) for values in (mean, std))
    return InputFrame(side_px, size_px, shift, scale, interpolation)


def frame_fingerprint(frame: InputFrame) -> str:
    """What identifies a frame: its sizes, its mean and scale, and its filter where it is not bilinear."""
    return frame_fingerprints(frame)[0]


def frame_fingerprints(frame: InputFrame) -> tuple[str, ...]:
    """The fingerprint of a frame, and after it the one that earlier versions of this program gave it.

    That has but the sums of the mean and the scale, which red, green and blue in another order leave as they are.
    """
    digest, parts = hashlib.sha256(), [torch.as_tensor(part) for part in (frame.mean, frame.scale)]
    for part in parts:
        digest.update(part.float().cpu().contiguous().numpy().tobytes())
    sums = "-".join(f"{part.double().sum().item():.9g}" for part in parts)
    other = "" if frame.interpolation == BILINEAR else f"-{frame.interpolation}"
    earlier = f"{frame.side_px}-{frame.size_px}-{sums}{other}"
    return f"{earlier}-{digest.hexdigest()[:16]}", earlier
