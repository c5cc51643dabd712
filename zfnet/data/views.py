"""Views: which crop of each image the network sees, flipped or not, cut and normalised in one batch on the device.

Training and ten-view evaluation share this code. Zeiler & Fergus 2013, section 3.1: ten sub-crops of 224 x 224 (the
corners and the centre, with and without flips) of a 256 x 256 image, minus the per-pixel mean.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zfnet.data.augment import Augmentation, warped

IMAGENET_MEAN = (0.485, 0.456, 0.406)  # of torchvision's weights, for pixels in 0..1
IMAGENET_STD = (0.229, 0.224, 0.225)
VIEW_KINDS = ("ten", "anywhere", "centre")


@dataclass(frozen=True)
class InputFrame:
    """The frame a network sees: a size_px crop of a side_px square, (pixels - mean) / scale.

    mean: (3, side_px, side_px) or (3, 1, 1), in 0..255; scale: (3, 1, 1); with 1 in place of 3 for grey images. The
    paper's scale is 1, which leaves the input in about [-128, 128].
    """

    side_px: int
    size_px: int
    mean: Tensor
    scale: Tensor

    def __post_init__(self) -> None:
        if not 0 < self.size_px <= self.side_px:
            raise ValueError(
                f"the network takes {self.size_px} px but the images are {self.side_px} px squares: "
                "use a smaller input_px or make the images larger (side)"
            )
        channels = 1 if self.channels == 1 else 3
        one, allowed = (channels, 1, 1), ((channels, 1, 1), (channels, self.side_px, self.side_px))
        if self.mean.shape not in allowed or self.scale.shape != one:
            shapes = f"mean {tuple(self.mean.shape)} and scale {tuple(self.scale.shape)}"
            raise ValueError(f"{shapes} do not fit: expected mean {allowed[0]} or {allowed[1]}, scale {one}")

    @property
    def channels(self) -> int:
        """3, or 1 for grey images."""
        return len(self.mean)

    def to(self, device: torch.device | str) -> InputFrame:
        return InputFrame(self.side_px, self.size_px, self.mean.to(device), self.scale.to(device))

    def state(self) -> dict[str, Any]:
        """Tensors and plain numbers, for a checkpoint."""
        return {"side_px": self.side_px, "size_px": self.size_px, "mean": self.mean.cpu(), "scale": self.scale.cpu()}

    @staticmethod
    def from_state(state: dict[str, Any]) -> InputFrame:
        """What `state` returned. Raises ValueError for numbers that no pixels can be brought to."""
        mean, scale = state["mean"], state["scale"]
        if not (mean.is_floating_point() and mean.isfinite().all() and scale.isfinite().all() and (scale > 0).all()):
            raise ValueError("an input frame needs a finite mean and a scale above 0")
        return InputFrame(state["side_px"], state["size_px"], mean, scale)


def torchvision_frame(size_px: int, side_px: int) -> InputFrame:
    """The normalisation of torchvision's own weights."""
    mean, scale = (255 * torch.tensor(values).reshape(3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
    return InputFrame(side_px, size_px, mean, scale)


@dataclass(frozen=True)
class Views:
    """A view for each of N images: rows, columns (N,) int64, the crop's corner in pixels; flips (N,) bool.

    warps: (N, 2, 3) float32, where each view looks from its crop (Augmentation.draw); None for the crops as they are.
    """

    rows: Tensor
    columns: Tensor
    flips: Tensor
    warps: Tensor | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, indices: Tensor | slice) -> Views:
        warps = None if self.warps is None else self.warps[indices]
        return Views(self.rows[indices], self.columns[indices], self.flips[indices], warps)


def ten_views(side_px: int, size_px: int) -> Views:
    """The paper's ten: four corners and the centre, then the same five flipped."""
    far, middle = side_px - size_px, (side_px - size_px) // 2
    corners = torch.tensor([(0, 0), (0, far), (far, 0), (far, far), (middle, middle)] * 2)
    return Views(corners[:, 0], corners[:, 1], torch.arange(10) >= 5)


def centre_views(count: int, side_px: int, size_px: int) -> Views:
    """The central crop, not flipped, for each of `count` images."""
    middle = torch.full((count,), (side_px - size_px) // 2)
    return Views(middle, middle.clone(), torch.zeros(count, dtype=torch.bool))


def training_views(
    kind: str, count: int, side_px: int, size_px: int, seed: int, epoch: int, augmentation: Augmentation | None = None
) -> Views:
    """One view for each training image, drawn from (seed, epoch) alone and looked up by image.

    kind: "ten" draws one of the paper's ten, "anywhere" any corner position and flip, "centre" draws nothing.
    augmentation moves them besides; it changes neither corners nor flips.
    """
    views = _crops(kind, count, side_px, size_px, np.random.default_rng([seed, epoch, 1]))
    if not augmentation:
        return views
    return replace(views, warps=augmentation.draw(count, size_px, np.random.default_rng([seed, epoch, 2])))


def _crops(kind: str, count: int, side_px: int, size_px: int, generator: np.random.Generator) -> Views:
    if kind == "ten":
        return ten_views(side_px, size_px)[torch.from_numpy(generator.integers(10, size=count))]
    if kind == "anywhere":
        corners = torch.from_numpy(generator.integers(side_px - size_px + 1, size=(2, count)))
        return Views(corners[0], corners[1], torch.from_numpy(generator.random(count) < 0.5))
    if kind == "centre":
        return centre_views(count, side_px, size_px)
    raise ValueError(f"views {kind!r} is not one of {', '.join(VIEW_KINDS)}")


def cut(images: Tensor, views: Views, frame: InputFrame) -> Tensor:
    """Cut each image's view, warp, flip and normalise it.

    images: (B, 3, side, side) uint8 on the frame's device; views: B of them. Returns (B, 3, size, size) float32 in
    channels-last memory. The mean is subtracted where the crop lies, before the warp and the flip.
    """
    side_px, channels = frame.side_px, frame.channels
    if images.shape[1:] != (channels, side_px, side_px) or len(views) != len(images):
        expected = f"({len(views)}, {channels}, {side_px}, {side_px})"
        raise ValueError(f"images are {tuple(images.shape)}, expected {expected}, one for each view")
    mean = frame.mean.expand(channels, side_px, side_px).permute(1, 2, 0).contiguous()
    crops = _crops_of(images.permute(0, 2, 3, 1), mean, views, frame.size_px)
    rows = crops.view(len(crops), -1, channels * frame.size_px)  # whole rows at once
    rows.div_(frame.scale.reshape(channels).repeat(frame.size_px))
    return crops.permute(0, 3, 1, 2)


def _crops_of(images: Tensor, mean: Tensor, views: Views, size_px: int) -> Tensor:
    """(B, side, side, C) to (B, size, size, C), minus the mean (side, side, C)."""
    if views.warps is not None:
        corners = torch.stack([views.rows, views.columns], dim=1)
        return warped(images, mean, corners, views.flips, views.warps, size_px)
    return (_gathered if images.is_cuda else _sliced)(images, mean, views, size_px)


def _sliced(images: Tensor, mean: Tensor, views: Views, size_px: int) -> Tensor:
    """(B, side, side, C) to (B, size, size, C): slice by slice, the faster way on CPUs.

    In numpy, since torch would wake its threads anew for every slice, which takes longer than the slice.
    """
    crops = np.empty((len(images), size_px, size_px, images.shape[3]), np.float32)
    squares, side_px = list(images.numpy()), images.shape[1]
    for index, flipped in zip(views.flips.nonzero()[:, 0].tolist(), images[views.flips].flip(2).numpy(), strict=True):
        squares[index] = flipped  # flipped before the cut: rows stay whole runs of memory
    means = mean.numpy(), mean.flip(1).numpy()
    corners = zip(views.rows.tolist(), views.columns.tolist(), views.flips.tolist(), strict=True)
    for crop, square, (row, column, flip) in zip(crops, squares, corners, strict=True):
        left = side_px - column - size_px if flip else column
        place = slice(row, row + size_px), slice(left, left + size_px)
        np.subtract(square[place], means[flip][place], out=crop)
    return torch.from_numpy(crops)


def _gathered(images: Tensor, mean: Tensor, views: Views, size_px: int) -> Tensor:
    """The same by one gather, for GPUs, where a kernel a slice would be the slow way."""
    device, steps = images.device, torch.arange(size_px, device=images.device)
    flips = views.flips.to(device, non_blocking=True)[:, None]
    rows = views.rows.to(device, non_blocking=True)[:, None] + steps
    columns = views.columns.to(device, non_blocking=True)[:, None] + torch.where(flips, steps.flip(0), steps)
    rows, columns = rows[:, :, None], columns[:, None, :]
    return images[torch.arange(len(images), device=device)[:, None, None], rows, columns] - mean[rows, columns]
