"""The strongest training patches of a map: from a mined file and its images, or from an atlas."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from zfnet.data import SeenImages
from zfnet.forward import cut_windows
from zfnet.live.lens import Lens
from zfnet.mining import Mined
from zfnet.models import weights_fingerprint

PLACES = 9
Fetch = Callable[[Sequence[int]], SeenImages]


@dataclass(frozen=True, kw_only=True)
class MinedPatches:
    """The strongest places of every map of a lens, and the images they lie in. fetch: image numbers -> images."""

    mined: Mined
    fetch: Fetch

    def of(self, lens: Lens, layer: str, number: int) -> list[NDArray[np.uint8]]:
        """Up to nine patches (h, w, 3), strongest first; none for a layer that was not mined."""
        if layer not in self.mined:
            return []
        units = self.mined[layer].units(number)[:PLACES]  # (n, 4)
        if not len(units):
            return []
        images, place = units[:, 0].unique(return_inverse=True)
        pixels = self.fetch(images.tolist()).pixels.cpu().to(torch.int16)  # (B, 3, H, W)
        field = lens.layer(layer).field
        size = tuple(pixels.shape[2:]) if field is None else field.size_px
        corners = units.new_zeros((len(units), 2)) if field is None else field.corners(units[:, 2:])
        grey = torch.tensor(lens.network.frame.grey, dtype=torch.int16)[:, None, None]
        cut = cut_windows(pixels - grey, place, corners, (size[0], size[1])) + grey  # (n, 3, h, w)
        return list(cut.to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy())


@dataclass(frozen=True, kw_only=True)
class AtlasPatches:
    """What an atlas (the folder with its index.html) has of each layer: where its pictures are, and their tiles.

    photographs: whether it has the images themselves. ending: of their files. network: the fingerprint of the weights
    that it is of, "" where nobody knows.
    """

    folder: Path
    layers: dict[str, dict[str, Any]]
    photographs: bool = False
    ending: str = ""
    network: str = ""

    def of(self, layer: str, number: int) -> dict[str, Any] | None:
        """A map's page and its patches: tiles of a sprite, or whole images where its units see all; None without it."""
        about = self.layers.get(layer)
        if about is None or not 0 <= number < about["maps"]:
            return None
        at, there = f"m-{about['number']:03d}-{number:04d}.{about['ending']}", "patch" in about["rows"]
        sprite = {
            "sprite": f"atlas/pictures/{at}", "tile": about["tile"], "row": about["rows"].index("patch"),
            "places": min(PLACES, about["places"]), "columns": about["columns"], "rows": len(about["rows"]),
        } if there else None  # fmt: skip
        images = [] if there else self.images_of(about["number"], number)
        return {"page": f"atlas/index.html#{layer}/{number}", "sprite": sprite, "images": images}

    def images_of(self, layer: int, number: int) -> list[str]:
        """The addresses of the images of a map's strongest places, for a layer whose units see whole images."""
        if not self.photographs:
            return []
        found = _taken(self.folder / "data" / f"layer-{layer:03d}.js")["image"][number][:PLACES]
        names = [f"images/i-{image:06d}.{self.ending}" for image in found]
        return [f"atlas/{name}" for name in names if (self.folder / name).is_file()]

    def check(self, lens: Lens) -> None:
        """Raise ValueError where it is an atlas of another network."""
        own = {name: list(layer.shape) for name, layer in lens.layers.items()}
        other = next((name for name, one in self.layers.items() if own.get(name) != one["shape"]), None)
        weights = weights_fingerprint(lens.model)
        if other is None and self.network in ("", weights):
            return
        why = f"its weights are {self.network}, this network's {weights}" if other is None else (
            f"its layer {other} is {self.layers[other]['shape']}, this network's {own.get(other, 'is not there')}"
        )  # fmt: skip
        raise ValueError(f"atlas={self.folder} is of another network than {lens.title} ({why}): make one of this")


def open_atlas(folder: str | Path) -> AtlasPatches:
    """Raises ValueError for a folder that is no atlas: expected is the one with index.html in it."""
    folder = Path(folder)
    inner = folder / "atlas" if (folder / "atlas" / "index.html").is_file() else folder
    try:
        front = _taken(inner / "data" / "front.js")
        return AtlasPatches(
            folder=inner, layers={one["name"]: {**one, "number": number} for number, one in enumerate(front["layers"])},
            photographs=front["photographs"], ending=front["image_ending"], network=_network_of(inner.parent),
        )  # fmt: skip
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise ValueError(
            f"atlas={folder} is no atlas: give the folder that zfnet atlas wrote, with index.html in it"
        ) from error


@lru_cache(maxsize=4)
def _taken(path: Path) -> dict[str, Any]:
    """What a file of an atlas gives to its page. Raises OSError, and ValueError for another kind of file."""
    found = re.fullmatch(r"atlas\.take\(\.\.\.(.*)\);\n?", path.read_text(encoding="utf-8"))
    taken: dict[str, Any] = json.loads(found[1] if found else "")[1]
    return taken


def _network_of(run: Path) -> str:
    """The weights that a run's manifest names first, "" without one: an atlas may have been copied elsewhere."""
    path = run / "manifest.json"
    networks = json.loads(path.read_text(encoding="utf-8")).get("networks", {}) if path.is_file() else {}
    return str(next(iter(networks.values()), ""))
