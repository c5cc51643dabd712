"""The transforms of Fig. 5, done to images as the network sees them.

What lies outside of an image is the network's grey, zero after the mean is subtracted, also where the mean differs from
pixel to pixel: the picture moves, the grey does not. A pixel half outside is half grey.

Settings between pixels are interpolated bilinearly (without smoothing first, where an image is made smaller). Moves by
whole pixels are shifts, and quarter turns of squares swap pixels: neither interpolates. The setting that leaves an
image as it is does nothing at all. Scales and turns keep the image's centre, ((H - 1) / 2, (W - 1) / 2), where it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as F

from zfnet.data import InputFrame

PAPER_PX = 224  # pixels in Fig. 5 are of images this large


@dataclass(frozen=True)
class Transform:
    """identity: the setting that changes nothing, again after each period. defaults: the settings (V,) for a side.

    least: no setting may be below it (nor at it, if strict).
    """

    unit: str
    identity: float
    apply: Callable[[Tensor, float], Tensor]
    defaults: Callable[[int], Tensor]
    least: float = -math.inf
    strict: bool = False
    period: float | None = None
    along: int = -1  # the side that the defaults are for: -2 the height, -1 the width

    def changes_nothing(self, value: float) -> bool:
        """Whether a setting leaves every image as it is."""
        return (value - self.identity) % self.period == 0 if self.period else value == self.identity


def transform(images: Tensor, name: str, value: float, frame: InputFrame | None = None) -> Tensor:
    """Images (B, 3, H, W), as the network sees them, under one setting of a transform: the same shape and dtype.

    Grey images have one channel. Half precision is transformed in float32.

    translation_y, translation_x: pixels down and to the right. scale: times as large. rotation: degrees
    counter-clockwise. brightness: pixel values times the setting, cut off at white. blur: the deviation of a Gaussian
    in pixels, cut off at three of them; the image is mirrored at its borders, so that no grey seeps in.
    frame: how the images were cut and normalised. Without one the mean is taken to be the same at all pixels.

    Raises ValueError for an unknown transform, a setting it cannot have, brightness without a frame (black and white
    are unknown then), and a frame of another size.
    """
    kind = transform_called(name)
    check_setting(name, value, (images.shape[-2], images.shape[-1]))
    if kind.changes_nothing(value):
        return images.clone()
    wide = images.to(torch.promote_types(images.dtype, torch.float32))  # bfloat16 has no places beyond pixel 256
    if name == "brightness":
        return _brightened(wide, value, frame).to(images.dtype)
    uneven = _uneven_mean(wide, frame)
    inside = torch.ones_like(wide[:, :1])
    moved = kind.apply(torch.cat([wide + uneven, inside], 1), value)  # (B, 4, H, W): colours, and how much is image
    return (moved[:, :-1] - moved[:, -1:] * uneven).to(images.dtype)


def transform_called(name: str) -> Transform:
    """The transform of that name. Raises ValueError, with the choices, for another."""
    if name not in TRANSFORMS:
        raise ValueError(f"transform {name!r} is not one of {', '.join(TRANSFORMS)}")
    return TRANSFORMS[name]


def check_setting(name: str, value: float, size: tuple[int, int]) -> None:
    """Raise ValueError unless images of a size (H, W) can have this setting."""
    kind = transform_called(name)
    if not math.isfinite(value) or value < kind.least or (kind.strict and value == kind.least):
        above = f" {'above' if kind.strict else 'from'} {kind.least:g}" if math.isfinite(kind.least) else ""
        raise ValueError(f"{name} {value:g}: expected finite settings{above}")
    if name == "blur" and _radius(value) >= min(size):
        raise ValueError(f"blur {value:g} px reaches {_radius(value)} px, beyond images of {size[0]} x {size[1]} px")


def default_settings(name: str, size: tuple[int, int]) -> Tensor:
    """The paper's settings (V,) for images of a size (H, W); pixels shrink and grow with the image from 224."""
    kind = transform_called(name)
    return kind.defaults(size[kind.along])


def pixels_of(images: Tensor, frame: InputFrame) -> Tensor:
    """Images (B, 3, H, W), as the network sees them, as pixels again: (B, 3, H, W) uint8.

    Raises ValueError where the mean differs between pixels and the images are not of the frame's size.
    """
    return _levels(images, frame).round().clamp(0, 255).to(torch.uint8)


def _levels(images: Tensor, frame: InputFrame) -> Tensor:
    return images * frame.scale.to(images) + _mean_under(images, frame)


def _mean_under(images: Tensor, frame: InputFrame) -> Tensor:
    """The frame's mean where the central crop lies: (3, 1, 1) or (3, H, W)."""
    if frame.mean.shape[-1] == 1:
        return frame.mean.to(images)
    size = frame.size_px
    if images.shape[-2:] != (size, size):
        raise ValueError(f"images are {tuple(images.shape)}, the frame is of {size} x {size} px")
    margin = (frame.side_px - size) // 2
    return frame.mean[:, margin : margin + size, margin : margin + size].to(images)


def _uneven_mean(images: Tensor, frame: InputFrame | None) -> Tensor:
    """What the mean of each pixel adds to the mean of all, in the images' own units; exactly zero if they are equal."""
    if frame is None or frame.mean.shape[-1] == 1:
        return images.new_zeros(1, 1, 1)
    mean = _mean_under(images, frame)
    return (mean - mean.mean((1, 2), keepdim=True)) / frame.scale.to(images)


def _brightened(images: Tensor, value: float, frame: InputFrame | None) -> Tensor:
    if frame is None:
        raise ValueError("brightness multiplies pixel values: give the frame, which says what black and white are")
    levels = F.adjust_brightness(_levels(images, frame) / 255, value) * 255
    return (levels - _mean_under(images, frame)) / frame.scale.to(images)


def _moved(images: Tensor, down: float, right: float) -> Tensor:
    if down != round(down) or right != round(right):
        return _affine(images, translate_px=[right, down], scale=1.0)
    height, width = images.shape[-2:]
    (to_rows, from_rows), (to_columns, from_columns) = _overlap(height, round(down)), _overlap(width, round(right))
    moved = torch.zeros_like(images)
    moved[..., to_rows, to_columns] = images[..., from_rows, from_columns]
    return moved


def _overlap(length: int, shift: int) -> tuple[slice, slice]:
    """Which places of a shifted line are covered, and by which of the line."""
    shift = max(-length, min(shift, length))
    return slice(max(shift, 0), length + min(shift, 0)), slice(max(-shift, 0), length - max(shift, 0))


def _scaled(images: Tensor, times: float) -> Tensor:
    return _affine(images, translate_px=[0, 0], scale=times)


def _affine(images: Tensor, *, translate_px: list[float], scale: float) -> Tensor:
    return F.affine(
        images,
        angle=0.0,
        translate=translate_px,
        scale=scale,
        shear=[0.0, 0.0],
        interpolation=InterpolationMode.BILINEAR,
    )


def _turned(images: Tensor, degrees: float) -> Tensor:
    return F.rotate(images, degrees, InterpolationMode.BILINEAR)


def _blurred(images: Tensor, deviation_px: float) -> Tensor:
    size = 2 * _radius(deviation_px) + 1
    deviations = [deviation_px, deviation_px]
    across = F.gaussian_blur(images, [size, 1], deviations)  # one axis after the other is far less work
    return F.gaussian_blur(across, [1, size], deviations)


def _radius(deviation_px: float) -> int:
    return math.ceil(3 * deviation_px)


def _reach(side: int) -> Tensor:
    """Every whole pixel from -60 to 60 at 224."""
    reach = round(60 * side / PAPER_PX)
    return _steps(-reach, reach)


def _steps(first: int, last: int) -> Tensor:
    return torch.arange(first, last + 1, dtype=torch.float64)


TRANSFORMS: dict[str, Transform] = {
    "translation_y": Transform("px", 0.0, lambda images, px: _moved(images, px, 0.0), _reach, along=-2),
    "translation_x": Transform("px", 0.0, lambda images, px: _moved(images, 0.0, px), _reach),
    "scale": Transform("x", 1.0, _scaled, lambda side: _steps(50, 90) / 50, least=0.0, strict=True),
    "rotation": Transform("degrees", 0.0, _turned, lambda side: 5 * _steps(0, 72), period=360.0),
    "brightness": Transform("x", 1.0, torch.mul, lambda side: _steps(8, 32) / 20, least=0.0),
    "blur": Transform("px", 0.0, _blurred, lambda side: _steps(0, 16) / 4 * side / PAPER_PX, least=0.0),
}
