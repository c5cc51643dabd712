"""Pictures that stand in two data sets, found by perceptual hash: the paper's concern about Caltech and ImageNet.

The hash is imagehash.phash at 16 x 16: the low frequencies of the square's cosine transform, above or below their
median, 256 bits. Resized and re-encoded copies differ in few bits, unrelated pictures in about half of them. Copies
that were turned, mirrored or cropped are not found.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from zfnet.data.datasets import and_more
from zfnet.data.source import UNREADABLE, ImageSource, fingerprints
from zfnet.data.subset import Subset
from zfnet.files import whole_file
from zfnet.progress import track

log = logging.getLogger(__name__)
SIDE = 16  # frequencies along each axis
BITS = SIDE * SIDE
# Measured: JPEG copies of 99 ImageNet photographs at 0.25 to 1.5 times their size and quality 30 to 90 differ from them
# in 22 bits at most; among 500,000 pairs of Tiny ImageNet's photographs and 4,950 of ImageNet's the closest have 82.
DISTANCE = 40
HASHED_AT_ONCE = 32
BLOCK = 4096  # hashes on each side of a block of distances, which takes 64 MB


@dataclass(frozen=True, eq=False)
class Matches:
    """P pairs at most `distance` bits apart, in order: first (P,) and second (P,) image, bits (P,)."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    bits: NDArray[np.int64]


class _Hashed(Dataset[NDArray[np.bool_]]):
    """Batches of image numbers to bits (B, 1 + BITS), the first of them whether the image could be read."""

    def __init__(self, source: ImageSource, phash: Callable[..., Any]) -> None:
        self.source, self.phash = source, phash

    def __getitem__(self, indices: list[int]) -> NDArray[np.bool_]:
        images, labels = self.source.read(indices)
        rows = np.zeros((len(indices), 1 + BITS), bool)
        for row, image, label in zip(
            rows, images.expand(-1, 3, -1, -1).permute(0, 2, 3, 1).numpy(), labels, strict=True
        ):
            if label != UNREADABLE:
                row[0] = True
                row[1:] = self.phash(Image.fromarray(image), hash_size=SIDE).hash.ravel()
        return rows


def hash_images(source: ImageSource, workers: int = 0, folder: str | Path | None = None) -> NDArray[np.bool_]:
    """The bits (N, 1 + BITS) of each image, the first of them whether it could be read; kept in `folder`, if given.

    The squares are hashed as the networks see them, so that a folder and its pack give nearly the same bits.
    Raises ValueError where imagehash is not installed.
    """
    kept = None if folder is None else Path(folder) / f"phash-{SIDE}-{source.fingerprint}.npy"
    rows = None if folder is None else _kept_rows(Path(folder), source)
    if rows is not None:
        return rows
    numbers = range(len(source))
    parts = [list(numbers[first : first + HASHED_AT_ONCE]) for first in numbers[::HASHED_AT_ONCE]]
    hashed = _Hashed(source, _phash())
    loader = DataLoader(hashed, sampler=parts, batch_size=None, num_workers=workers, generator=torch.Generator())
    rows = np.concatenate([np.asarray(part) for part in track(loader, "hashing", unit="batch")])
    if kept is not None:
        with whole_file(kept) as file:
            np.save(file, np.packbits(rows, axis=1))
    return rows


def _kept_rows(folder: Path, source: ImageSource) -> NDArray[np.bool_] | None:
    for fingerprint in fingerprints(source):
        path = folder / f"phash-{SIDE}-{fingerprint}.npy"
        if path.is_file():
            try:
                packed = np.lib.format.open_memmap(path, mode="r")
                if packed.shape != (len(source), -(-(1 + BITS) // 8)):
                    raise ValueError(f"shape {packed.shape}")
                return np.unpackbits(packed, axis=1, count=1 + BITS).astype(bool)
            except Exception as error:  # numpy raises whatever it trips over
                log.warning("%s holds no hashes of these images (%s): they are hashed again", path, error)
    return None


def find_matches(rows: NDArray[np.bool_], others: NDArray[np.bool_], distance: int = DISTANCE) -> Matches:
    """Every pair of `rows` (N, 1 + BITS) and `others` (M, 1 + BITS) whose bits differ in at most `distance` places.

    Raises ValueError for a distance that would match pictures which have nothing in common.
    With bits as -1 and 1 their product is BITS - 2 x the distance, exactly so in float32: a matrix product by blocks.
    """
    if not 0 <= distance < BITS // 2:
        raise ValueError(
            f"distance={distance}, expected 0 to {BITS // 2 - 1} bits: unrelated pictures differ in about half"
        )
    found = []
    for first in range(0, len(rows), BLOCK):
        signs = _signs(rows[first : first + BLOCK])
        for second in range(0, len(others), BLOCK):
            apart = (BITS - signs @ _signs(others[second : second + BLOCK]).T) / 2  # (rows, others) of the block
            apart += BITS * (~rows[first : first + BLOCK, :1] | ~others[second : second + BLOCK, 0])  # unreadable
            one, other = np.nonzero(apart <= distance)
            found.append(np.stack([one + first, other + second, apart[one, other].astype(np.int64)]))
    pairs = np.concatenate(found, axis=1) if found else np.zeros((3, 0), np.int64)
    return Matches(*pairs[:, np.lexsort((pairs[1], pairs[0]))])


def without(source: ImageSource, paths: Iterable[str]) -> ImageSource:
    """The source without the images of these paths, which are told by their file and its folder alone.

    Raises ValueError where one of them is not there, since that is the list of other images.
    """
    unwanted = {_name(path): path for path in paths}
    numbers = {_name(source.path(index)): index for index in range(len(source))}
    strange = [path for name, path in unwanted.items() if name not in numbers]
    if strange:
        raise ValueError(f"{strange[0]}{and_more(strange)} is to be left out but is not among these images")
    return Subset(source, np.array([n for name, n in numbers.items() if name not in unwanted], np.int64))


def _name(path: str) -> str:
    return "/".join(Path(path).parts[-2:])


def _signs(rows: NDArray[np.bool_]) -> NDArray[np.float32]:
    return np.where(rows[:, 1:], np.float32(1), np.float32(-1))  # (N, BITS)


def _phash() -> Callable[..., Any]:
    try:
        from imagehash import phash
    except ImportError as error:
        raise ValueError("perceptual hashes need the imagehash package: pip install 'zfnet[duplicates]'") from error
    return phash
