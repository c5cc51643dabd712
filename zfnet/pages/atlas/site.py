"""The folder of an atlas: written under another name, and given its own when nothing is missing."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from zfnet.figures.drawing.heat import Squares
from zfnet.files import write_text
from zfnet.pages import POLICY, as_script, copy_static, environment
from zfnet.pages.atlas.curves import CurvePicture
from zfnet.pages.atlas.layer_files import SHEET, LayerAbout, LayerPictures, picture_facts, write_pictures
from zfnet.pages.atlas.network_picture import draw_network, field_boxes, margin_px
from zfnet.pages.atlas.numbers import LayerNumbers, as_columns
from zfnet.pages.atlas.sprites import ending, is_small, save_picture, sheet
from zfnet.pages.atlas.tiles import Tiles, resized

PACKAGE = "zfnet.pages.atlas"
SCRIPTS = (  # each uses those before it
    "atlas.js", "tiles.js", "front_page.js", "layer.js", "map_numbers.js", "time.js", "optimised.js", "map.js",
    "classes.js", "image.js", "compare.js", "search.js", "start.js",
)  # fmt: skip
CALL = "atlas.take"
BLOCK = SHEET  # maps that are written together
THUMB_PX, SHOWN_PX, SHOWN_TILE_PX = 128, 224, 64


@dataclass(frozen=True, kw_only=True)
class Front:
    """What the front page says.

    title, data (in words), facts (a manifest's lines); size_px of the network's images, and how many were mined;
    classes and how many images of each; sample: an image on which receptive fields are drawn; notes: what was left
    out, and why.
    """

    title: str
    data: str
    images: int
    size_px: int
    rule: str
    top: int
    photographs: bool
    classes: Sequence[str]
    class_images: Sequence[int]
    curves: Sequence[CurvePicture] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    sample: int | None = None
    notes: Sequence[str] = ()
    shown: Sequence[int] = ()
    epochs: Sequence[int] = ()
    compared: str = ""
    compared_at: str = ""


class Site:
    """An atlas under way in `folder`.partial. Several processes may write its pictures, one its pages."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.partial = folder, folder.with_name(folder.name + ".partial")
        for name in ("data", "pictures", "images"):
            (self.partial / name).mkdir(parents=True, exist_ok=True)

    def layer_pictures(self, about: LayerAbout, pictures: LayerPictures, maps: range) -> None:
        """The pictures of some maps: BLOCK of them, from a multiple of it."""
        write_pictures(self.partial / "pictures", about, pictures, maps)

    def layer(self, about: LayerAbout, numbers: LayerNumbers) -> None:
        """The numbers of a layer's maps."""
        self.data(f"layer-{about.number:03d}", as_columns(numbers, about.scores))

    def data(self, key: str, value: Any) -> None:
        """Anything that a page loads by its key."""
        write_text(self.partial / "data" / f"{key}.js", as_script(CALL, key, value))

    def thumbnail(self, number: int, pixels: Tiles, *, large: bool) -> None:
        """An image (H, W, 3) by its number in the data set."""
        name, most = (f"l-{number:06d}", SHOWN_PX) if large else (f"i-{number:06d}", THUMB_PX)
        path = self.partial / "images" / f"{name}.{ending(lossless=False)}"
        if not path.exists():
            side = min(most, max(pixels.shape[:2]))
            save_picture(path, resized(pixels[None], (side, side))[0], lossless=False)

    def shown_image(self, number: int, about: Mapping[str, Any], tiles: Sequence[Tiles], heat: Tiles | None) -> None:
        """The page of an image: tiles (n, h, w, 3) a layer, and colours (h, w, 3) of what hiding each place does."""
        folder, columns = self.partial / "pictures", max(map(len, tiles))
        save_picture(folder / f"s-{number:06d}.{ending(lossless=False)}", sheet(tiles, columns), lossless=False)
        if heat is not None:
            save_picture(folder / f"h-{number:06d}.{ending(lossless=True)}", heat, lossless=True)
        self.data(f"image-{number:06d}", {**about, "columns": columns, "tile": SHOWN_TILE_PX})

    def strip(self, name: str, rows: Sequence[Tiles], *, lossless: bool) -> None:
        """Rows of tiles side by side, such as a map's through the epochs, of which there may be more by now."""
        path = self.partial / "pictures" / f"{name}.{ending(lossless=lossless)}"
        save_picture(path, sheet(rows, max(map(len, rows))), lossless=lossless)

    def optimised(self, layer: int, number: int, tile: Tiles) -> None:
        """The image (h, w, 3) that was made for a map."""
        self.strip(f"o-{layer:03d}-{number:04d}", [tile[None]], lossless=is_small(tile.shape[:2]))

    def front(self, front: Front, layers: Sequence[LayerAbout], pictures: Sequence[LayerPictures]) -> None:
        """The page itself, and what it says to its scripts."""
        listed = [
            {**_facts(about), **picture_facts(about, own), **self._also(about.number)}
            for about, own in zip(layers, pictures, strict=True)
        ]
        self.data("front", {
            "title": front.title, "layers": listed, "classes": list(front.classes), "size": front.size_px,
            "class_images": list(front.class_images), "images": front.images, "photographs": front.photographs,
            "shown": list(front.shown), "epochs": list(front.epochs), "rule": front.rule,
            "compared": front.compared, "compared_at": front.compared_at, "image_ending": ending(lossless=False),
            "heat_ending": ending(lossless=True), "top": front.top,
        })  # fmt: skip
        copy_static(PACKAGE, self.partial)
        boxes = field_boxes(layers, front.size_px)
        page = environment(PACKAGE).get_template("index.html").render(
            policy=POLICY, front=front, layers=layers, network=draw_network(layers, front.size_px),
            boxes=boxes, margin=margin_px(boxes, front.size_px), scripts=SCRIPTS,
            maps=sum(about.maps for about in layers), image_ending=ending(lossless=False),
        )  # fmt: skip
        write_text(self.partial / "index.html", page)

    def _also(self, layer: int) -> dict[str, bool]:
        """What there is of a layer that not every layer has: the page asks for no file that is missing."""
        return {key: (self.partial / "data" / f"{key}-{layer:03d}.js").exists() for key in ("time", "optimised")}

    def commit(self) -> None:
        """Give the folder its name; one that was there before goes."""
        before = self.folder.with_name(self.folder.name + ".before")
        shutil.rmtree(before, ignore_errors=True)
        if self.folder.exists():
            self.folder.rename(before)
        self.partial.rename(self.folder)
        shutil.rmtree(before, ignore_errors=True)


def heat_picture(probability: np.ndarray[Any, Any], squares: Squares) -> tuple[Tiles, tuple[int, int, int, int]]:
    """Probabilities (R, C) as colours of the image's pixels, each around the middle of its square, as figures have it.

    Returns the picture, and where on the image it lies: top, left, height and width.
    """
    across, down = (np.floor(edges + 0.5).astype(int) for edges in squares.edges())
    drawn = heat_colours(probability).repeat(np.diff(down), axis=0).repeat(np.diff(across), axis=1)
    return drawn, (int(down[0]), int(across[0]), *drawn.shape[:2])


def heat_colours(probability: np.ndarray[Any, Any]) -> Tiles:
    """Probabilities (R, C) of 0 to their largest as colours (R, C, 3), from dark blue to yellow."""
    stops = np.array([[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]], float)  # viridis
    scaled = np.clip(probability / max(float(probability.max()), 1e-12), 0, 1) * (len(stops) - 1)
    at = np.minimum(scaled.astype(int), len(stops) - 2)
    colours = stops[at] + (stops[at + 1] - stops[at]) * (scaled - at)[..., None]
    return np.rint(colours).astype(np.uint8)


def _facts(about: LayerAbout) -> dict[str, Any]:
    return {
        "name": about.name, "kind": about.kind, "shape": about.shape, "parameters": about.parameters,
        "field": about.field_px, "step": about.step_px, "start": about.start_px, "places": about.places,
        "rules": about.rules, "wires": about.wires, "scores": about.scores, "maps": about.maps,
    }  # fmt: skip
