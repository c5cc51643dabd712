"""The Gram matrix of a layer's features, from blocks of columns: memory is the images squared plus one block."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from zfnet.analysis.probing.extraction import Extraction, extract
from zfnet.analysis.probing.store import Features, claimed
from zfnet.files import read_arrays
from zfnet.forward import Layer
from zfnet.progress import Progress
from zfnet.training import ALONE, World

log = logging.getLogger(__name__)

PRODUCT_BYTES = 64 * 2**20


def gram_of(
    features: Features, device: torch.device | str = "cpu", progress: bool = True, world: World = ALONE
) -> NDArray[np.float64]:
    """X X^T (n, n) of the features X (n, d); rows and columns of unreadable images are NaN.

    Products over one block of columns are summed in float32 (float64 for features in float64), the blocks in float64.
    Memory on the device: 8 n^2 bytes, a block of 64 MiB, and products of 64 MiB. Several processes (world) make some of
    the rows each, as one makes them, and all get the whole; each reads all features.
    """
    total = torch.zeros(features.images, features.images, dtype=torch.float64, device=device)
    rows = max(PRODUCT_BYTES // (8 * features.images), 1)
    stripes = list(range(0, features.images, rows))
    own = [start for number, start in enumerate(stripes) if owner_of(number, world.size) == world.rank]
    with Progress(f"Gram matrix, {features.numbers:,} numbers", features.numbers, "column", enabled=progress) as shown:
        for columns in features.panels():
            block = torch.from_numpy(columns).to(device)
            block = block.float() if block.dtype == torch.float16 else block
            for start in own:  # what is above the diagonal is below it, too
                end = start + rows
                total[start:end, :end] += block[start:end] @ block[:end].T  # (rows, columns) @ (columns, end)
            shown.advance(columns.shape[1])
    if world.size > 1:
        for start in stripes:  # zero in all but one
            total[start : start + rows] = world.sum(total[start : start + rows])
    gram = total.cpu().numpy()
    for start in stripes:
        end = start + rows
        gram[start:end, end:] = gram[end:, start:end].T
    return gram


def owner_of(number: int, size: int) -> int:
    """Which process makes a stripe: to and fro, since each is longer than the one before."""
    turn, place = divmod(number, size)
    return place if turn % 2 == 0 else size - 1 - place


def gram(extraction: Extraction, layer: Layer, folder: Path) -> NDArray[np.float64]:
    """A layer's Gram matrix (n, n) from the folder or, where it is not there yet, of features extracted into it.

    The matrix stays in the folder; the features do too, until somebody deletes them. Several processes make it
    together. Raises ValueError as `extract`.
    """
    kept, world = _read(extraction, layer, folder, "gram"), extraction.world
    if not any(world.gather(kept is None)):
        assert kept is not None
        return kept
    features = extract(extraction, [layer], folder)[layer]
    made = gram_of(features, extraction.device, extraction.progress and world.first, world)
    if world.first:
        path = extraction.path(folder, "gram", layer)
        with claimed(path.with_name(path.name + ".npz")) as file:
            np.savez(file, of=np.array(json.dumps(extraction.identity(layer))), gram=made)
    world.wait()
    return made


def is_kept(extraction: Extraction, layer: int | str, folder: Path) -> bool:
    """Whether the matrix of `gram` lies in the folder, by what its file says of itself: n^2 numbers are not read."""
    return _read(extraction, layer, folder, "of") is not None


def _read(extraction: Extraction, layer: int | str, folder: Path, name: str) -> NDArray[Any] | None:
    """An array of the file that `gram` left; None where there is none, another's, or not all of it."""
    path, expected = extraction.kept(folder, "gram", layer, ".npz")
    try:
        arrays = read_arrays(path, [name, "of"])
        array, identity = arrays[name], json.loads(str(arrays["of"]))
    except FileNotFoundError:
        return None
    except ValueError as error:
        log.warning("%s: no whole Gram matrix (%s), it is computed again", path, error)
        return None
    return array if identity == expected else None
