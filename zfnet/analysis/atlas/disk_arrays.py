"""Arrays on disk that several processes fill and a killed run finds again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import DTypeLike, NDArray

CHUNK = 4096  # rows


class DiskArrays:
    """Arrays by name in a folder, each a file; memory holds what is looked at, as long as it is looked at.

    An array is opened each time that it is asked for: one that stayed open would keep all that was read and written
    of it in the process's memory, which grew with the number of maps.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def create(self, name: str, shape: tuple[int, ...], dtype: DTypeLike, fill: float = 0) -> None:
        """A new array full of `fill`, unless it is there already. By one process, before others look at it."""
        path = self._path(name)
        if path.is_file():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        file = open_memmap(partial, mode="w+", dtype=np.dtype(dtype), shape=shape)
        for first in range(0, shape[0], CHUNK) if fill != 0 else ():
            file[first : first + CHUNK] = fill
        file.flush()
        partial.replace(path)

    def __getitem__(self, name: str) -> NDArray[Any]:
        opened: NDArray[Any] = np.load(self._path(name), mmap_mode="r+")
        return opened

    def get(self, name: str) -> NDArray[Any] | None:
        """An array, or None where there is none."""
        if name not in self:
            return None
        return self[name]

    def __contains__(self, name: str) -> bool:
        return self._path(name).is_file()

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.npy"
