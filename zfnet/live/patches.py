"""The strongest training patches of a map: from a mined file and its images, or from an atlas."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from zfnet.data import SeenImages
from zfnet.forward import cut_windows
from zfnet.live.lens import Lens
from zfnet.mining import Mined

PLACES = 9
SMALL_PX = 96
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
    """What an atlas (the folder with its index.html) has of each layer: where its sprites are, and their tiles."""

    folder: Path
    layers: dict[str, dict[str, Any]]

    def of(self, layer: str, number: int) -> dict[str, Any] | None:
        """The sprite of a map, with the size of its tiles and the row of patches in it; None where it has none."""
        about = self.layers.get(layer)
        if about is None or not 0 <= number < about["maps"]:
            return None
        at = f"m-{about['number']:03d}-{number:04d}.{about['ending']}"
        row = about["rows"].index("patch") if "patch" in about["rows"] else 0
        return {
            "sprite": f"atlas/pictures/{at}", "page": f"atlas/index.html#{layer}/{number}", "tile": about["tile"],
            "row": row, "places": about["places"], "columns": about["columns"], "rows": len(about["rows"]),
        }  # fmt: skip


def open_atlas(folder: str | Path) -> AtlasPatches:
    """Raises ValueError for a folder that is no atlas: expected is the one with index.html in it."""
    folder = Path(folder)
    inner = folder / "atlas" if (folder / "atlas" / "index.html").is_file() else folder
    try:
        text = (inner / "data" / "front.js").read_text(encoding="utf-8")
        found = re.fullmatch(r"atlas\.take\(\.\.\.(.*)\);\n?", text)
        listed = json.loads(found[1] if found else "")[1]["layers"]
        layers = {one["name"]: {**one, "number": number} for number, one in enumerate(listed)}
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise ValueError(
            f"atlas={folder} is no atlas: give the folder that zfnet atlas wrote, with index.html in it"
        ) from error
    return AtlasPatches(folder=inner, layers=layers)
