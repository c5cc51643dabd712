"""An image file of any kind to an RGB square of pixels (paper 3.1: shortest side to `side`, centre crop)."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, UnidentifiedImageError, features

from zfnet.files import shown

BILINEAR = "bilinear"
FILTERS = {  # Pillow widens them when shrinking (antialiased): torchvision's Resize does the same
    BILINEAR: Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}
DRAFT_MARGIN = 2.0  # the JPEG's scaled decode must leave at least this many pixels for each one kept
# Nothing else is tried, whatever a file is called: for an EPS Pillow runs Ghostscript; rarer decoders are fragile.
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM", *(("AVIF",) if features.check("avif") else ()))
MAX_MEGAPIXELS = 64.0  # as a palette with a transparent colour they take 0.8 GB and 2.2 s, measured
PILLOWS_MEGAPIXELS = 178.9  # above it Pillow refuses

_ORIENTATION_TAG = 0x0112
_UPRIGHT = {  # EXIF orientation -> what turns the stored picture upright (EXIF 2.3, table of tag 0x0112)
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class UnreadableImage(ValueError):
    """A file that cannot be decoded in full; the message names the path and the reason."""


def check_interpolation(name: str) -> str:
    """The name. Raises ValueError for one that is not in FILTERS."""
    if name not in FILTERS:
        raise ValueError(f"interpolation {name!r} is not one of {', '.join(FILTERS)}")
    return name


def check_max_megapixels(value: float) -> float:
    """The value, in million pixels. Raises ValueError where Pillow would not go along."""
    if not 0 < value <= PILLOWS_MEGAPIXELS:
        raise ValueError(
            f"max_megapixels={value!r}, expected more than 0 and at most {PILLOWS_MEGAPIXELS}, Pillow's limit"
        )
    return value


def read_rgb(path: str, max_megapixels: float = MAX_MEGAPIXELS) -> Image.Image:
    """The whole picture in RGB, upright by its EXIF orientation.

    Grey is repeated; 16-bit grey is divided by 257 and rounded; transparency lies over white; CMYK follows Adobe's
    inversion where the file says so. Raises UnreadableImage if the file is missing, no image of FORMATS, truncated,
    or of more than max_megapixels million pixels.
    """
    with _opened(path, max_megapixels) as image:
        return _upright(_to_rgb(image), image)


def upright_size(path: str, max_megapixels: float = PILLOWS_MEGAPIXELS) -> tuple[int, int]:
    """Width and height of what read_rgb gives, mostly from the file's head alone. Raises UnreadableImage as it does."""
    with _opened(path, max_megapixels) as image:
        if image.format == "TIFF":
            image.load()  # which turns it; its size may be turned before
        width, height = image.size
        return (height, width) if _orientation(image) in (5, 6, 7, 8) else (width, height)  # a quarter turn


def square(image: Image.Image, side_px: int, interpolation: str = BILINEAR) -> NDArray[np.uint8]:
    """The centre square of an RGB image, brought to (side, side, 3) with an antialiased filter of FILTERS.

    The same as resizing the shortest side to `side_px` and cropping the centre, with the crop centred exactly rather
    than to a whole pixel and only its own pixels computed. Small images are enlarged.
    """
    return np.asarray(_centre(image, side_px, *image.size, interpolation))


def decode_square(
    path: str, side_px: int, max_megapixels: float = MAX_MEGAPIXELS, interpolation: str = BILINEAR
) -> NDArray[np.uint8]:
    """`square(read_rgb(path), side_px, interpolation)`, with the JPEG's own scaled decode where it is exact enough.

    Returns (side, side, 3). libjpeg can decode at 1/2, 1/4 or 1/8 of the size. That is used where the scaled picture
    keeps DRAFT_MARGIN times `side_px` pixels on its shortest side. Measured on 100 ImageNet photographs against the
    full decode, in grey levels of 255: at 64 px (92 of them) mean difference 0.44, largest 16, the 100 read 1.4 times
    as fast; at 112 px (15) 0.52, 11 and 1.14 times; at 128 px (5) 0.54, 10 and 1.05 times; at 256 px only what is 1024
    px or more is touched (1 of them, 0.22 and 4). Without a margin the mean would be 1.2 to 1.8 and the largest 57;
    another resampling filter (bicubic) changes 1.7 to 2.0.
    Raises UnreadableImage as read_rgb does.
    """
    with _opened(path, max_megapixels) as image:
        drafted = _draft(image, side_px)
        rgb = _to_rgb(image)
        width, height = drafted or rgb.size
        return np.asarray(_upright(_centre(rgb, side_px, width, height, interpolation), image))


def _centre(image: Image.Image, side_px: int, width: float, height: float, interpolation: str) -> Image.Image:
    """The centre square of the leading width x height pixels (fractions allowed), resampled to side_px."""
    shortest = min(width, height)
    left, top = (width - shortest) / 2, (height - shortest) / 2
    box = left, top, left + shortest, top + shortest
    return image.resize((side_px, side_px), FILTERS[check_interpolation(interpolation)], box=box)


def _draft(image: Image.Image, side_px: int) -> tuple[float, float] | None:
    """Ask a JPEG for its scaled decode; return the size of the picture in the pixels it will then have, or None.

    A scaled JPEG rounds its size up and repeats the last pixels: 375 becomes 188 where the picture ends at 187.5.
    Taking 188 for the size would more than double the error.
    """
    width, height = image.size
    scale = int(min(width, height) // (side_px * DRAFT_MARGIN))
    if image.format != "JPEG" or scale < 2:
        return None
    scaled = image.draft(None, (width // scale, height // scale))
    return scaled[1][2:] if scaled else None


@contextmanager
def _opened(path: str, max_megapixels: float) -> Iterator[Image.Image]:
    """The image file opened; whatever goes wrong with it inside the block is told as UnreadableImage.

    Of all exceptions, for a damaged file can make a decoder raise any of them (seen: RuntimeError of AVIF's,
    NotImplementedError, IndexError, MemoryError for a size that it only claims).
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # opening a named pipe would wait for a writer
            raise OSError("not a regular file")
        with Image.open(path, formats=FORMATS) as image:
            _check_size(image, max_megapixels)
            yield image
    except Exception as error:
        raise UnreadableImage(f"{shown(path)}: {_reason(error)}") from error


def _check_size(image: Image.Image, max_megapixels: float) -> None:
    width, height = image.size
    if width * height > max_megapixels * 1e6:
        raise OSError(
            f"{width} x {height} px are more than max_megapixels={max_megapixels:g} million: shrink it, or allow more"
        )


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return f"not an image of {', '.join(FORMATS[:-1])} or {FORMATS[-1]}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    message = " ".join(str(error).split())
    named = bool(message) and isinstance(error, OSError | ValueError)
    return message if named else f"{type(error).__name__} {message}".rstrip()


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 (upright) where there is none or the EXIF block itself is damaged."""
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:  # of many kinds; a picture that is itself cut short shows when it is decoded
        return 1


def _upright(picture: Image.Image, loaded: Image.Image) -> Image.Image:
    """A picture made of a file that is loaded, turned by its EXIF orientation: Pillow turns a TIFF as it loads it."""
    method = _UPRIGHT.get(_orientation(loaded))
    return picture if method is None else picture.transpose(method)


def _to_rgb(image: Image.Image) -> Image.Image:
    """Decode, and bring any mode of Pillow's to RGB."""
    image.load()
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith("I"):
        image = _from_16_bit(image)
    if image.mode == "F":
        raise ValueError("floating-point pixels, whose range is not known")
    if image.mode == "CMYK" and image.format == "JPEG" and "adobe" not in image.info:
        image = ImageChops.invert(image)  # Pillow inverts every CMYK JPEG, but only Adobe's are stored inverted
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return image.convert("RGB")


def _from_16_bit(image: Image.Image) -> Image.Image:
    """16-bit grey (Pillow's modes I;16 and I) to 8 bits: 65535 / 257 = 255, where convert("L") would clip at 255."""
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise ValueError(f"grey values {values.min()}..{values.max()}, expected 16 bits (0..65535)")
    return Image.fromarray(((values + 128) // 257).astype(np.uint8))
