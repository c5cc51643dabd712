"""A layer's pictures as files: a sprite a map, and sheets of small tiles for the layer's page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zfnet.pages.atlas.sprites import ending, is_small, save_picture, sheet
from zfnet.pages.atlas.tiles import SMALL_PX, Tiles, mean_tiles, resized, tile_size

SHEET = 64  # maps in a sheet
SHEET_COLUMNS = 8


@dataclass(frozen=True, kw_only=True)
class LayerAbout:
    """What the pages say of a layer. field_px, step_px, start_px: rows and columns; None where units see it all.

    tile: the size of its pictures; places: drawn of each map; rules: those under which the strongest is drawn too.
    wires: why its wiring is left out, "" where it is there. scores: whether its values are class scores.
    """

    number: int
    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    field_px: tuple[int, int] | None
    step_px: tuple[int, int] | None
    start_px: tuple[int, int] | None
    tile: tuple[int, int]
    places: int
    rules: tuple[str, ...]
    wires: str
    scores: bool

    @property
    def maps(self) -> int:
        return self.shape[0]


@dataclass(frozen=True, kw_only=True)
class LayerPictures:
    """Tiles of a layer's maps, on disk: projection, patch (M, P, h, w, 3), rules: each (M, h, w, 3); there (M, P).

    patch: None without photographs, and where it would be the whole image.
    """

    projection: Tiles
    patch: Tiles | None
    rules: Mapping[str, Tiles]
    there: NDArray[np.bool_]


def picture_facts(about: LayerAbout, pictures: LayerPictures) -> dict[str, Any]:
    """What a page needs to find a picture in the files that `write_pictures` writes."""
    small = tile_size(*about.tile, SMALL_PX)
    return {
        "tile": about.tile, "small": small, "columns": _columns(about, pictures),
        "rows": ["projection", *(["patch"] if pictures.patch is not None else []), *(["rules"] if about.rules else [])],
        "sheet": SHEET, "sheet_columns": SHEET_COLUMNS, "ending": ending(lossless=is_small(about.tile)),
        "sheet_ending": ending(lossless=is_small(small)), "pixelated": is_small(about.tile),
        "kinds": _kinds(pictures),
    }  # fmt: skip


def write_pictures(folder: Path, about: LayerAbout, pictures: LayerPictures, maps: range) -> None:
    """The files of some maps, a multiple of SHEET from the first; those that are there already are left alone."""
    for number in maps:
        path = folder / f"m-{about.number:03d}-{number:04d}.{ending(lossless=is_small(about.tile))}"
        if not path.exists():
            save_picture(path, _of_map(about, pictures, number), lossless=is_small(about.tile))
    write_tiles(folder, about, pictures, maps)


def write_tiles(folder: Path, about: LayerAbout, pictures: LayerPictures, maps: range) -> None:
    """The sheets of small tiles of some maps, for the layer's page; as `write_pictures` has them."""
    small = tile_size(*about.tile, SMALL_PX)
    own = slice(maps.start, maps.stop)
    drawn = {
        "projection": lambda: np.asarray(pictures.projection[own, 0]),
        "mean": lambda: mean_tiles(np.asarray(pictures.projection[own]), pictures.there[own]),
    }
    patch = pictures.patch
    if patch is not None:
        drawn["patch"] = lambda: np.asarray(patch[own, 0])
    for kind in _kinds(pictures):
        path = folder / f"t-{about.number:03d}-{maps.start // SHEET:03d}-{kind}.{ending(lossless=is_small(small))}"
        if not path.exists():
            rows = resized(drawn[kind](), small)
            split = [rows[at : at + SHEET_COLUMNS] for at in range(0, len(rows), SHEET_COLUMNS)]
            save_picture(path, sheet(split, SHEET_COLUMNS), lossless=is_small(small))


def _kinds(pictures: LayerPictures) -> list[str]:
    """What the small tiles show: a mean only where there are several, a patch only where there is one."""
    several = pictures.projection.shape[1] > 1
    return ["projection", *(["mean"] if several else []), *(["patch"] if pictures.patch is not None else [])]


def _columns(about: LayerAbout, pictures: LayerPictures) -> int:
    return max(pictures.projection.shape[1], len(about.rules))


def _of_map(about: LayerAbout, pictures: LayerPictures, number: int) -> Tiles:
    rows = [np.asarray(pictures.projection[number])]
    if pictures.patch is not None:
        rows.append(np.asarray(pictures.patch[number]))
    if about.rules:
        rows.append(np.stack([pictures.rules[rule][number] for rule in about.rules]))
    return sheet(rows, _columns(about, pictures))
