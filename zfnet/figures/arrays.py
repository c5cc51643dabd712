"""The arrays behind a figure in an .npz file, from which it can be drawn again with no network."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def save_arrays(path: Path, figure: str, arrays: Mapping[str, Any]) -> None:
    """Write the arrays of a kind of figure ("fig2" ...); a crash leaves the old file or the new one."""
    partial = path.with_name(path.name + ".partial")
    with open(partial, "wb") as file:
        np.savez_compressed(file, figure=np.array(figure), **arrays)
    os.replace(partial, path)


def load_arrays(path: str | Path, figure: str) -> dict[str, NDArray[Any]]:
    """What `save_arrays` wrote. Raises ValueError for a damaged file or one of another figure, naming both."""
    try:
        with np.load(path) as file:
            arrays = dict(file)
    except (zipfile.BadZipFile, EOFError, ValueError) as error:
        raise ValueError(f"{path} is not a whole .npz file ({error}); expected the arrays of {figure}") from error
    held = str(arrays.pop("figure", "none"))
    if held != figure:
        raise ValueError(f"{path} holds the arrays of figure {held!r}, expected {figure!r}")
    return arrays
