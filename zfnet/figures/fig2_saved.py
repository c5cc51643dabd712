"""The arrays behind Fig. 2, from which it can be drawn again with no network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zfnet.files import load_arrays, save_arrays

KIND = "fig2"


@dataclass(frozen=True, kw_only=True)
class LayerFeatures:
    """M maps of a layer and the k places each answers to most, strongest first.

    maps (M,); value, image, row, column, label (M, k), -1 in the last four where there is none; projection
    (M, k, 3, h, w) signed pixels; patch (M, k, h, w, 3) uint8; corner (M, k, 2) of the patch in the image, in pixels;
    map_name (M,) what a map stands for, or "". optimised (M, h, w, 3) uint8: an image made to make the map strong.
    """

    layer: str
    maps: NDArray[np.int64]
    value: NDArray[np.floating]
    image: NDArray[np.int64]
    row: NDArray[np.int64]
    column: NDArray[np.int64]
    label: NDArray[np.int64]
    projection: NDArray[np.float32]
    patch: NDArray[np.uint8]
    corner: NDArray[np.int64]
    map_name: NDArray[np.str_]
    optimised: NDArray[np.uint8] | None = None

    def part(self, first: int, end: int) -> LayerFeatures:
        """The maps from one place to before another."""
        arrays = {name: getattr(self, name) for name in ARRAYS}
        return replace(self, **{name: array[first:end] for name, array in arrays.items() if array is not None})


@dataclass(frozen=True, kw_only=True)
class ImageClasses:
    """The C classes of the images that were mined: a readable name, and how many images each has (C,).

    names: empty where there are none. images: None in arrays of before, which do not know base rates.
    """

    names: Sequence[str] = ()
    images: NDArray[np.int64] | None = None


OPTIONAL = "optimised"
ARRAYS = [field.name for field in fields(LayerFeatures) if field.name != "layer"]


def save_features(path: Path, layers: Sequence[LayerFeatures], classes: ImageClasses) -> None:
    """Write the arrays of Fig. 2, from which `load_features` and `draw_fig2` draw it again."""
    named = {f"{one.layer}/{name}": getattr(one, name) for one in layers for name in ARRAYS}
    arrays = {name: array for name, array in named.items() if array is not None}
    about = {"layers": np.array([one.layer for one in layers]), "names": np.array(classes.names, dtype=np.str_)}
    if classes.images is not None:
        about["class_images"] = classes.images
    save_arrays(path, KIND, {**about, **arrays}, compressed=False)


def load_features(path: str | Path) -> tuple[list[LayerFeatures], ImageClasses]:
    """What `save_features` wrote: the layers and the classes. Raises ValueError for another kind of file."""
    arrays = load_arrays(path, KIND)
    layers = [
        LayerFeatures(
            layer=layer,
            **{name: arrays[f"{layer}/{name}"] for name in ARRAYS if name != OPTIONAL or f"{layer}/{name}" in arrays},
        )
        for layer in arrays["layers"].tolist()
    ]
    return layers, ImageClasses(names=arrays["names"].tolist(), images=arrays.get("class_images"))
