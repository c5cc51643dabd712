"""The largest activation of every map on every image of a data set, on disk, filled while the images are mined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from zfnet.analysis.atlas.disk_arrays import DiskArrays
from zfnet.mining import row_peaks


class Peaks:
    """An array a layer, (images, maps) float32; nan where an image was not seen, as one that cannot be read.

    Several processes fill one set of arrays, each the rows of its own images. Memory holds a batch.
    """

    def __init__(self, arrays: DiskArrays, layers: Sequence[str]) -> None:
        self._arrays = arrays
        self._names = {layer: f"peaks-{number:03d}" for number, layer in enumerate(layers)}

    def create(self, maps: Mapping[str, int], images: int) -> None:
        """Arrays of nan, where they are not there yet. By one process, before `add` in any."""
        for layer, name in self._names.items():
            self._arrays.create(name, (images, maps[layer]), np.float32, np.nan)

    def add(self, maps: Mapping[str, Tensor], indices: Tensor) -> None:
        """Take in a batch: layer -> (B, maps, H, W) or (B, maps), and the positions (B,) of its images."""
        rows = indices.cpu().numpy()
        for layer, values in maps.items():
            peaks = row_peaks(values).amax(2) if values.ndim == 4 else values  # (B, maps)
            self._arrays[self._names[layer]][rows] = peaks.float().cpu().numpy()

    def of(self, layer: str) -> NDArray[Any]:
        """The peaks (images, maps) of a layer, read from disk where they are looked at."""
        return self._arrays[self._names[layer]]
