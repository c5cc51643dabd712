"""Pictures that a page may speak of: decoded once with care, kept by a random name, the oldest forgotten."""

from __future__ import annotations

import secrets
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zfnet.data import InputFrame, UnreadableImage, as_seen, decode_square

MOST_UPLOAD_BYTES = 24_000_000
MOST_MEGAPIXELS = 40.0
KEPT = 200  # pictures; as squares, pixels and inputs about 1 MB each at 224 px
KEPT_DRAWN = 40  # beside those, or a slider that is moved would push out what others look at


class Forgotten(KeyError):
    """A picture that is not, or no longer, kept."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture as each of the networks sees it.

    key: what the page calls it. squares: (side, side, 3) uint8, those that the networks' frames are cut from.
    pixels: (size, size, 3) uint8. inputs: (1, C, size, size). recipe: how a drawn one came about, else "".
    """

    key: str
    name: str
    squares: tuple[NDArray[np.uint8], ...]
    pixels: tuple[NDArray[np.uint8], ...]
    inputs: tuple[Tensor, ...]
    recipe: str = ""


@dataclass
class Pictures:
    """Those that are kept for all pages together. A page knows the names of its own alone."""

    frames: Sequence[InputFrame]
    kept: int = KEPT
    _held: OrderedDict[str, Picture] = field(default_factory=OrderedDict)
    _drawn: OrderedDict[str, Picture] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _decoding: threading.Lock = field(default_factory=threading.Lock)  # one at a time: a picture may take 0.5 GB

    def of_bytes(self, content: bytes, name: str) -> Picture:
        """A picture from the bytes of an image file. Raises ValueError, in one line, for what is none or too large."""
        if not content:
            raise ValueError("the file is empty: give an image")
        if len(content) > MOST_UPLOAD_BYTES:
            raise ValueError(
                f"{len(content) / 1e6:.0f} MB are more than the {MOST_UPLOAD_BYTES // 1_000_000} MB that this page "
                "takes: shrink the image"
            )
        with self._decoding, tempfile.TemporaryDirectory(prefix="zfnet-live-") as folder:
            path = Path(folder) / "upload"
            path.write_bytes(content)
            try:
                squares = [
                    decode_square(str(path), frame.side_px, MOST_MEGAPIXELS, frame.interpolation)
                    for frame in self.frames
                ]
            except UnreadableImage as error:
                raise ValueError(f"this image cannot be read: {_bare(str(error), str(path))}") from None
        return self.of_squares(squares, name)

    def of_file(self, path: str | Path) -> Picture:
        """One of the gallery, by its file. Raises ValueError as `of_bytes` does, and OSError."""
        return self.of_bytes(Path(path).read_bytes(), Path(path).name)

    def of_squares(
        self, squares: Sequence[NDArray[np.uint8]], name: str, *, recipe: str = "", key: str | None = None
    ) -> Picture:  # fmt: skip
        """A picture from squares (side, side, 3) uint8, one for each network's frame.

        key: of a drawn one, from which it can be drawn again; others get a random one, and are gone when forgotten.
        """
        seen = [
            as_seen(torch.from_numpy(np.array(square)).permute(2, 0, 1)[None], frame)
            for square, frame in zip(squares, self.frames, strict=True)
        ]
        picture = Picture(
            key=key or secrets.token_urlsafe(12), name=name[:80], squares=tuple(squares), recipe=recipe,
            pixels=tuple(one.pixels[0].permute(1, 2, 0).contiguous().numpy() for one in seen),
            inputs=tuple(one.inputs for one in seen),
        )  # fmt: skip
        held, most = (self._drawn, KEPT_DRAWN) if key else (self._held, self.kept)
        with self._lock:
            held[picture.key] = picture
            while len(held) > most:
                held.popitem(last=False)
        return picture

    def __getitem__(self, key: str) -> Picture:
        with self._lock:
            held = next((one for one in (self._held, self._drawn) if key in one), None)
            if held is None:
                raise Forgotten("this picture is no longer kept: drop it in again")
            held.move_to_end(key)
            return held[key]


def _bare(message: str, path: str) -> str:
    """The reason without the path of the upload, which is nobody's business; without advice for the console."""
    reason = message.removeprefix(f"{path}: ").replace(path, "it").partition(": shrink it")[0]
    return reason.replace("max_megapixels=", "").replace("million", "million pixels")[:300]
