"""An image source that tests can make in a line."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class ArraySource:
    """An ImageSource over random squares in memory: class k is brighter in the k-th band of rows."""

    def __init__(self, count: int, classes: int, side_px: int, seed: int) -> None:
        generator = np.random.default_rng(seed)
        self.side_px, self.fingerprint_ = side_px, "arrays"
        self.labels: NDArray[np.int64] = generator.permutation(np.arange(count) % classes)
        self.wnids = self.names = tuple(f"n{index:08d}" for index in range(classes))
        self.images = generator.integers(0, 160, (count, side_px, side_px, 3), dtype=np.uint8)
        band = side_px // classes
        for image, label in zip(self.images, self.labels, strict=True):
            image[label * band : (label + 1) * band] += 90

    @property
    def fingerprint(self) -> str:
        return self.fingerprint_

    def __len__(self) -> int:
        return len(self.labels)

    def read(self, indices: Sequence[int]) -> tuple[Tensor, Tensor]:
        rows = np.asarray(indices)
        return torch.from_numpy(self.images[rows]).permute(0, 3, 1, 2), torch.from_numpy(self.labels[rows])

    def path(self, index: int) -> str:
        return f"image {index}"

    def mean(self) -> NDArray[np.float32]:
        return self.images.mean(0).astype(np.float32).transpose(2, 0, 1)
