"""Sheets of small pictures as files: WebP, or JPEG and PNG where Pillow has none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, features

from zfnet.files import whole_file
from zfnet.pages.atlas.tiles import GREY, NATIVE_PX, Tiles

QUALITY = 70


def ending(*, lossless: bool) -> str:
    """The files' ending. Pictures of a few pixels are kept as they are: WebP and JPEG would smear their colours."""
    if features.check("webp"):
        return "webp"
    return "png" if lossless else "jpg"


def is_small(size: Sequence[int]) -> bool:
    """Whether tiles of this size (rows, columns) are kept pixel by pixel."""
    return max(size) <= NATIVE_PX


def save_picture(path: Path, picture: Tiles, *, lossless: bool) -> None:
    """Write a picture (h, w, 3) to path, whole or not at all; the ending is the path's own."""
    kind = {"webp": "WEBP", "jpg": "JPEG", "png": "PNG"}[path.suffix[1:]]
    options = {
        "WEBP": {"quality": 40 if lossless else QUALITY, "lossless": lossless, "method": 1},
        "JPEG": {"quality": QUALITY, "subsampling": 0},
        "PNG": {"compress_level": 6},
    }[kind]
    with whole_file(path) as file:
        Image.fromarray(picture).save(file, kind, **options)


def sheet(rows: Sequence[Tiles], columns: int) -> Tiles:
    """Rows of tiles (n, h, w, 3), of one size, n up to `columns`, as one picture; grey where a row is short."""
    height, width = rows[0].shape[1:3]
    whole = np.full((len(rows) * height, columns * width, 3), GREY, np.uint8)
    for at, row in enumerate(rows):
        for column, tile in enumerate(row):
            whole[at * height : (at + 1) * height, column * width : (column + 1) * width] = tile
    return whole
