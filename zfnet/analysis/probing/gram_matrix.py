"""The Gram matrix of a layer's features, from blocks of columns: memory is the images squared plus one block."""

from __future__ import annotations

import json
import logging
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import numpy as np
import torch
from numpy.typing import NDArray

from zfnet.analysis.probing.extraction import Extraction, extract
from zfnet.analysis.probing.store import Features, check_room, claimed
from zfnet.files import read_arrays
from zfnet.forward import Layer
from zfnet.progress import Progress
from zfnet.training import ALONE, World

log = logging.getLogger(__name__)

PRODUCT_BYTES = 64 * 2**20
MIRRORED = 256  # rows at once


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
        for number, start in enumerate(stripes):
            end = start + rows
            total[start:end, :end] = world.from_rank(owner_of(number, world.size), total[start:end, :end])
    return _mirrored(total.cpu().numpy())


def owner_of(number: int, size: int) -> int:
    """Which process makes a stripe: to and fro, since each is longer than the one before."""
    turn, place = divmod(number, size)
    return place if turn % 2 == 0 else size - 1 - place


def gram(extraction: Extraction, layer: Layer, folder: Path) -> NDArray[np.float64]:
    """A layer's Gram matrix (n, n) from the folder or, where it is not there yet, of features extracted into it.

    The matrix stays in the folder; the features do too, until somebody deletes them. Several processes make it
    together. Raises ValueError as `extract`.
    """
    with gram_while_kept(extraction, layer, folder) as matrix:
        return matrix


@contextmanager
def gram_while_kept(
    extraction: Extraction, layer: Layer, folder: Path, *, delete_features: bool = False
) -> Iterator[NDArray[np.float64]]:
    """The same matrix to work with while it is still being written: its file is whole when the block has ended.

    An error in the block leaves the writing at once. delete_features: when the file is whole, which is before the block
    ends where that takes longer. Raises ValueError where the disk has not the room.
    """
    kept, world = _kept(extraction, layer, folder), extraction.world
    if not any(world.gather(kept is None)):
        assert kept is not None
        yield kept
        return
    features = extract(extraction, [layer], folder)[layer]
    if world.first:
        check_room(folder, 4 * features.images * (features.images + 1), f"the numbers of layer {layer}'s Gram matrix")
    made = gram_of(features, extraction.device, extraction.progress and world.first, world)
    world.wait()  # all have read the features
    with ThreadPoolExecutor(1, "gram") as other:
        left = Event()
        written = None
        if world.first:
            then = features.delete if delete_features else None
            written = other.submit(_write, extraction, layer, folder, made, left, then)
        try:
            yield made
        except BaseException:
            left.set()
            raise
        if written is not None:
            written.result()
    world.wait()


def _write(
    extraction: Extraction, layer: Layer, folder: Path, matrix: NDArray[np.float64], left: Event,
    then: Callable[[], None] | None,
) -> None:  # fmt: skip
    """As an .npz file of the lower triangle, row after row, without a copy of it in memory; not to its end if left."""
    path, header = extraction.path(folder, "gram", layer), np.lib.format.header_data_from_array_1_0(matrix)
    header["shape"] = (len(matrix) * (len(matrix) + 1) // 2,)
    with claimed(path.with_name(path.name + ".npz")) as file, zipfile.ZipFile(file, "w") as archive:
        with archive.open("of.npy", "w") as member:
            np.lib.format.write_array(member, np.array(json.dumps(extraction.identity(layer))))
        with archive.open("lower.npy", "w", force_zip64=True) as member:
            np.lib.format.write_array_header_1_0(member, header)
            for row, numbers in enumerate(matrix):
                if left.is_set():
                    raise InterruptedError("nobody waits for it")
                member.write(numbers[: row + 1].data)
    if then is not None:
        then()


def _read_lower(path: Path, size: int) -> NDArray[np.float64]:
    """The symmetric matrix (size, size) of the lower triangle in a file. Raises ValueError where it is another's."""
    matrix = np.zeros((size, size))
    with zipfile.ZipFile(path) as archive, archive.open("lower.npy") as member:
        version = np.lib.format.read_magic(member)
        shape, _, dtype = np.lib.format.read_array_header_1_0(member)
        if version != (1, 0) or shape != (size * (size + 1) // 2,) or dtype != matrix.dtype:
            raise ValueError(f"it holds {shape} numbers of {dtype}")
        for row in range(size):
            matrix[row, : row + 1] = np.frombuffer(member.read(8 * (row + 1)))
    return _mirrored(matrix)


def _mirrored(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """What lies below the diagonal is put above it, in place and to the last bit; matrix (n, n)."""
    for start in range(0, len(matrix), MIRRORED):
        end = start + MIRRORED
        below = np.tril(matrix[start:end, start:end], -1)
        matrix[start:end, start:end] = np.tril(matrix[start:end, start:end]) + below.T
        for tile in range(end, len(matrix), MIRRORED):  # square: both sides in the cache
            matrix[start:end, tile : tile + MIRRORED] = matrix[tile : tile + MIRRORED, start:end].T
    return matrix


def is_kept(extraction: Extraction, layer: int | str, folder: Path) -> bool:
    """Whether the matrix of `gram` lies in the folder, by what its file says of itself: n^2 numbers are not read."""
    return _file(extraction, layer, folder) is not None


def _kept(extraction: Extraction, layer: int | str, folder: Path) -> NDArray[np.float64] | None:
    """The matrix in the folder; earlier versions wrote all of it. None where it is not whole."""
    path = _file(extraction, layer, folder)
    if path is None:
        return None
    try:
        whole = read_arrays(path, ["gram"])
        return whole["gram"] if whole else _read_lower(path, len(extraction.indices))
    except Exception as error:  # zipfile and numpy raise whatever they trip over
        log.warning("%s: no whole Gram matrix (%s), it is computed again", path, error)
        return None


def _file(extraction: Extraction, layer: int | str, folder: Path) -> Path | None:
    """The file that `gram` left; None where there is none, or another's."""
    path, expected = extraction.kept(folder, "gram", layer, ".npz")
    try:
        identity = json.loads(str(read_arrays(path, ["of"])["of"]))
    except FileNotFoundError:
        return None
    except ValueError as error:
        log.warning("%s: no whole Gram matrix (%s), it is computed again", path, error)
        return None
    return path if identity == expected else None
