"""Some images of a source as a source of their own, or all of them with labels that mean nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zfnet.data.source import UNREADABLE, ImageSource, fingerprints

IMAGES_AT_ONCE = 64


class Subset:
    """An ImageSource over the images `indices` of another, in that order; classes and their numbers stay.

    Raises ValueError for an index that the source has not.
    """

    def __init__(self, source: ImageSource, indices: NDArray[np.int64]) -> None:
        indices = np.asarray(indices, np.int64)
        if len(indices) and not 0 <= indices.min() <= indices.max() < len(source):
            raise ValueError(f"images {indices.min()} to {indices.max()} were asked of a source of {len(source)}")
        self.source, self.indices = source, indices
        self.side_px, self.wnids, self.names = source.side_px, source.wnids, source.names
        self.labels: NDArray[np.int64] = source.labels[indices]

    @property
    def fingerprint(self) -> str:
        """16 hex digits over the source's and the indices."""
        return self._over(self.source.fingerprint)

    @property
    def earlier_fingerprints(self) -> tuple[str, ...]:
        """Those over the source's earlier ones."""
        return tuple(map(self._over, fingerprints(self.source)[1:]))

    @property
    def resumed_fingerprints(self) -> tuple[str, ...]:
        """Those over the source's, by which a checkpoint may know it."""
        return tuple(map(self._over, getattr(self.source, "resumed_fingerprints", ())))

    def _over(self, of_source: str) -> str:
        return hashlib.sha256(of_source.encode() + self.indices.tobytes()).hexdigest()[:16]

    def __len__(self) -> int:
        return len(self.indices)

    def path(self, index: int) -> str:
        """Where image `index` of these came from, as the source says it."""
        return self.source.path(int(self.indices[index]))

    def read(self, indices: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Images (B, 3, side, side) uint8 and labels (B,) int64, as the source reads them."""
        return self.source.read(self.indices[np.asarray(indices, np.int64)].tolist())

    def mean(self) -> NDArray[np.float32]:
        """Mean image (3, side, side) of those that can be read, or (1, side, side) if grey. ValueError for none."""
        total, count = np.zeros((1, self.side_px, self.side_px), np.int64), 0
        for first in range(0, len(self), IMAGES_AT_ONCE):
            images, labels = self.read(range(first, min(first + IMAGES_AT_ONCE, len(self))))
            readable = labels != UNREADABLE
            total = total + images[readable].sum(0).numpy()  # of one channel or three
            count += int(readable.sum())
        if count == 0:
            raise ValueError(f"not one of {len(self)} images can be read, so that they have no mean")
        return (total / count).astype(np.float32)


class ShuffledLabels(Subset):
    """All images of a source, with its labels dealt out anew among them by a seed: as many of each class as before.

    What a network learns from it is images by heart, and nothing of the classes (Zhang et al. 2017, arXiv 1611.03530).
    """

    def __init__(self, source: ImageSource, seed: int) -> None:
        super().__init__(source, np.arange(len(source)))
        self.labels = np.random.default_rng(seed).permutation(source.labels)

    def _over(self, of_source: str) -> str:
        return hashlib.sha256(of_source.encode() + self.labels.tobytes()).hexdigest()[:16]

    def read(self, indices: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Images (B, 3, side, side) uint8 and the labels they were dealt (B,) int64."""
        images, labels = super().read(indices)
        dealt = torch.from_numpy(self.labels[np.asarray(indices, np.int64)])
        return images, torch.where(labels == UNREADABLE, labels, dealt)

    def mean(self) -> NDArray[np.float32]:
        """The source's: its images are these, and it may know without reading all of them."""
        return self.source.mean()
