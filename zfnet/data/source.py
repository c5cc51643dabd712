"""What the rest of the project asks of a set of labelled images: squares of pixels by index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

UNREADABLE = -100  # the label of an image that could not be decoded: torch's cross_entropy ignores it


class ImageSource(Protocol):
    """Labelled images already brought to side x side pixels (shortest side to `side_px`, centre crop; paper 3.1)."""

    side_px: int
    labels: NDArray[np.int64]  # (N,) class of each image
    wnids: tuple[str, ...]  # the folder name of each class, sorted: its position is the class
    names: tuple[str, ...]  # a readable name of each class; the wnid where none is known

    @property
    def fingerprint(self) -> str:
        """A short hash that changes when the images, their labels or the names of the classes change.

        What it looks at each source says. One that once gave the same data others lists them in earlier_fingerprints.
        """

    def __len__(self) -> int: ...

    def read(self, indices: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Images (B, 3, side, side) uint8 and labels (B,) int64; an unreadable image is zeros labelled UNREADABLE.

        Grey sources have one channel instead of three, in their mean too.
        """

    def path(self, index: int) -> str:
        """Where image `index` came from, for messages and manifests."""

    def mean(self) -> NDArray[np.float32]:
        """Mean image (3, side, side) in 0..255. Compute it on the training images only."""


class NoiseImages:
    """An ImageSource of random squares in memory, to time what comes after reading."""

    def __init__(self, count: int, classes: int, side_px: int) -> None:
        self.side_px, self.fingerprint = side_px, "noise"
        self.labels: NDArray[np.int64] = np.arange(count) % classes
        self.wnids = self.names = tuple(f"n{index:08d}" for index in range(classes))
        shape = (count, side_px, side_px, 3)
        self._images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)

    def __len__(self) -> int:
        return len(self.labels)

    def read(self, indices: Sequence[int]) -> tuple[Tensor, Tensor]:
        rows = np.asarray(indices)
        return torch.from_numpy(self._images[rows]).permute(0, 3, 1, 2), torch.from_numpy(self.labels[rows])

    def path(self, index: int) -> str:
        return f"noise {index}"

    def mean(self) -> NDArray[np.float32]:
        return np.full((3, self.side_px, self.side_px), 127.5, np.float32)


def fingerprints(source: ImageSource) -> tuple[str, ...]:
    """The fingerprint of a source, and after it those that earlier versions of this program gave the same data."""
    return source.fingerprint, *getattr(source, "earlier_fingerprints", ())


def same_data(source: ImageSource, fingerprint: object) -> bool:
    """Whether a fingerprint that was kept is of the data of this source, by this version's way or an earlier one's."""
    return fingerprint == source.fingerprint or fingerprint in fingerprints(source)
