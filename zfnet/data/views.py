"""Views: which crop of each image the network sees, flipped or not, cut and normalised in one batch on the device.

Training and ten-view evaluation share this code. Zeiler & Fergus 2013, section 3.1: ten sub-crops of 224 x 224 (the
corners and the centre, with and without flips) of a 256 x 256 image, minus the per-pixel mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zfnet.data.augment import Augmentation, warped
from zfnet.data.frame import InputFrame

VIEW_KINDS = ("ten", "anywhere", "centre")
FEWEST_CUT = 8  # views for one thread: a thread is started in the time that cutting one or two takes


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
        return Views(rows=self.rows[indices], columns=self.columns[indices], flips=self.flips[indices], warps=warps)


def ten_views(side_px: int, size_px: int) -> Views:
    """The paper's ten (N = 10): four corners and the centre, then the same five flipped."""
    far, middle = side_px - size_px, (side_px - size_px) // 2
    corners = torch.tensor([(0, 0), (0, far), (far, 0), (far, far), (middle, middle)] * 2)
    return Views(rows=corners[:, 0], columns=corners[:, 1], flips=torch.arange(10) >= 5)


def centre_views(count: int, side_px: int, size_px: int) -> Views:
    """The central crop, not flipped, for each of `count` images."""
    middle = torch.full((count,), (side_px - size_px) // 2)
    return Views(rows=middle, columns=middle.clone(), flips=torch.zeros(count, dtype=torch.bool))


def training_views(
    kind: str, count: int, side_px: int, size_px: int, seed: int, epoch: int, augmentation: Augmentation | None = None
) -> Views:
    """One view for each training image, drawn from (seed, epoch) alone and looked up by image.

    kind: "ten" draws one of the paper's ten, "anywhere" any corner position and flip, "centre" draws nothing.
    augmentation moves them besides; it changes neither corners nor flips. Raises ValueError for another kind.
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
        return Views(rows=corners[0], columns=corners[1], flips=torch.from_numpy(generator.random(count) < 0.5))
    if kind == "centre":
        return centre_views(count, side_px, size_px)
    raise ValueError(f"views {kind!r} is not one of {', '.join(VIEW_KINDS)}")


def crop_views(images: Tensor, views: Views, frame: InputFrame) -> Tensor:
    """Cut each image's view, warp, flip and normalise it.

    images: (B, 3, side, side) uint8 on the frame's device; views: B of them. Returns (B, 3, size, size) float32 in
    channels-last memory. The mean is subtracted where the crop lies, before the warp and the flip.
    Raises ValueError for images of another size or number than the frame and the views say.
    """
    side_px, channels = frame.side_px, frame.channels
    if images.shape[1:] != (channels, side_px, side_px) or len(views) != len(images):
        expected = f"({len(views)}, {channels}, {side_px}, {side_px})"
        raise ValueError(f"images are {tuple(images.shape)}, expected {expected}, one for each view")
    mean = frame.mean.expand(channels, side_px, side_px).permute(1, 2, 0).contiguous()  # (side, side, C)
    squares, scale = images.permute(0, 2, 3, 1), frame.scale.reshape(channels).repeat(frame.size_px)  # of a whole row
    if views.warps is None:
        crops = (_gathered if images.is_cuda else _sliced)(squares, mean, scale, views, frame.size_px)
    else:
        corners = torch.stack([views.rows, views.columns], dim=1)  # (B, 2)
        crops = _divided(
            warped(squares, mean, corners=corners, flips=views.flips, matrices=views.warps, size_px=frame.size_px),
            scale,
        )
    return crops.permute(0, 3, 1, 2)  # (B, size, size, C) to (B, C, size, size)


def _divided(crops: Tensor, scale: Tensor) -> Tensor:
    """Crops (B, size, size, C) by the scale (size * C,) of a row, in place: whole rows at once."""
    crops.view(len(crops), -1, len(scale)).div_(scale)
    return crops


def _sliced(
    images: Tensor, mean: Tensor, scale: Tensor, views: Views, size_px: int, threads: int | None = None
) -> Tensor:
    """(B, side, side, C) to (B, size, size, C), minus the mean, by the scale (size * C,): the faster way on CPUs.

    Slice by slice, each while it is in the cache; in numpy, since torch would wake its threads anew for every slice,
    which takes longer than the slice. Each thread (as many as torch has, if not told) cuts a run of the images: numpy
    lets go of the interpreter's lock.
    """
    divisor = None if bool((scale == 1).all()) else scale.numpy()
    crops = np.empty((len(images), size_px, size_px, images.shape[3]), np.float32)
    means, squares = (mean.numpy(), mean.flip(1).numpy()), images.numpy()
    corners = list(zip(views.rows.tolist(), views.columns.tolist(), views.flips.tolist(), strict=True))
    threads = max(1, min(threads or torch.get_num_threads(), len(images) // FEWEST_CUT))
    runs = [slice(len(images) * at // threads, len(images) * (at + 1) // threads) for at in range(threads)]
    cut = [partial(_cut, crops[run], squares[run], corners[run], means, divisor) for run in runs]
    if threads == 1:
        cut[0]()
    else:
        with ThreadPoolExecutor(threads - 1, "cut-views") as others:
            promised = [others.submit(one) for one in cut[1:]]
            cut[0]()
            for promise in promised:
                promise.result()
    return torch.from_numpy(crops)


def _cut(
    crops: NDArray[np.float32],
    squares: NDArray[np.uint8],
    corners: Sequence[tuple[int, int, bool]],
    means: tuple[NDArray[np.float32], NDArray[np.float32]],
    divisor: NDArray[np.float32] | None,
) -> None:
    """Fill crops (B, size, size, C) from squares (B, side, side, C); means: as it is, and mirrored."""
    size_px, side_px = crops.shape[1], squares.shape[1]
    for crop, square, (row, column, flip) in zip(crops, squares, corners, strict=True):
        seen, rows = square[row : row + size_px, column : column + size_px], slice(row, row + size_px)
        left = side_px - column - size_px if flip else column  # flipped before the cut: whole runs of memory
        if flip:
            for channel in range(seen.shape[2]):  # a run a channel, not one of three bytes a place
                crop[..., channel] = seen[:, ::-1, channel]
        else:
            crop[...] = seen
        crop -= means[flip][rows, left : left + size_px]
        if divisor is not None:
            whole = crop.reshape(size_px, -1)  # (size, size * C)
            with np.errstate(all="ignore"):  # as torch has it: what is not finite shows in what is made of it
                np.divide(whole, divisor, out=whole)


def _gathered(images: Tensor, mean: Tensor, scale: Tensor, views: Views, size_px: int) -> Tensor:
    """The same by one gather, for GPUs, where a kernel a slice would be the slow way: (B, size, size, C)."""
    device, steps = images.device, torch.arange(size_px, device=images.device)
    flips = views.flips.to(device, non_blocking=True)[:, None]
    rows = views.rows.to(device, non_blocking=True)[:, None] + steps
    columns = views.columns.to(device, non_blocking=True)[:, None] + torch.where(flips, steps.flip(0), steps)
    rows, columns = rows[:, :, None], columns[:, None, :]  # (B, size, 1) and (B, 1, size)
    crops = images[torch.arange(len(images), device=device)[:, None, None], rows, columns] - mean[rows, columns]
    return _divided(crops, scale)
