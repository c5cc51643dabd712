"""Arrays as a page takes them: PNG in a data address, bytes in base64, plain numbers."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from zfnet.figures.drawing.montage import around_grey
from zfnet.live.answers import Guess, Tiles, drawn_maps
from zfnet.live.hiding import Hidden
from zfnet.live.lens import Lens, Projected

GAIN = "p99.9"


def png(pixels: NDArray[np.uint8], words: Mapping[str, str] | None = None) -> bytes:
    """Pixels (h, w, 3) as a PNG file, with words in it where there are any."""
    file, info = io.BytesIO(), PngInfo()
    for key, text in (words or {}).items():
        info.add_itxt(key, text)
    Image.fromarray(pixels).save(file, format="PNG", compress_level=1, pnginfo=info)
    return file.getvalue()


def address(pixels: NDArray[np.uint8]) -> str:
    """Pixels (h, w, 3) as a data: address."""
    return "data:image/png;base64," + base64.b64encode(png(pixels)).decode()


def told_guesses(guesses: Sequence[Guess]) -> list[dict[str, Any]]:
    return [asdict(guess) for guess in guesses]


def told_tiles(lens: Lens, layer: str, tiles: Tiles) -> dict[str, Any]:
    """pixels: the tiles one after another, a byte a pixel, row by row."""
    count, height, width = tiles.tiles.shape
    return {
        "maps": tiles.maps.tolist(), "value": numbers(tiles.value), "row": tiles.row.tolist(),
        "column": tiles.column.tolist(), "changed": list(tiles.changed), "total": tiles.total, "shape": tiles.shape,
        "count": count, "height": height, "width": width,
        "names": [lens.class_of(layer, one) for one in tiles.maps.tolist()],
        "pixels": base64.b64encode(tiles.tiles.tobytes()).decode(),
    }  # fmt: skip


def told_units(lens: Lens, layer: str, found: Projected) -> list[dict[str, Any]]:
    """Each unit with its projection around grey, and where in the picture it lies."""
    colours = np.rint(255 * around_grey(found.pixels.numpy(), gain=GAIN)).astype(np.uint8)  # (n, h, w, 3)
    nothing = ~found.pixels.flatten(1).any(1)
    return [
        {
            "map": number, "row": row, "column": column, "value": rounded(value), "name": lens.class_of(layer, number),
            "top": top, "left": left, "height": picture.shape[0], "width": picture.shape[1],
            "picture": address(picture), "nothing": bool(empty),
        }
        for (_, number, row, column), value, (top, left), picture, empty in zip(
            found.units.tolist(), found.values.tolist(), found.corners.tolist(), colours, nothing, strict=True
        )
    ]  # fmt: skip


def told_hidden(hidden: Hidden) -> dict[str, Any]:
    """Of the map: its strongest value and place, and what is drawn of it."""
    drawn, place = drawn_maps(hidden.map[None]), int(hidden.map.argmax())
    return {
        "row": place // hidden.map.shape[1], "column": place % hidden.map.shape[1],
        "value": rounded(float(hidden.map.max())), "sum": rounded(float(hidden.map.clamp(min=0).sum())),
        "height": drawn.shape[1], "width": drawn.shape[2], "pixels": base64.b64encode(drawn.tobytes()).decode(),
    }  # fmt: skip


def numbers(values: NDArray[np.floating]) -> list[float]:
    return [rounded(value) for value in values.tolist()]


def rounded(value: float) -> float:
    return float(f"{value:.5g}")
