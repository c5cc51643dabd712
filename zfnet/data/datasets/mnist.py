"""MNIST as torchvision keeps it, as a source of grey squares."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torchvision.datasets import MNIST

from zfnet.data import square

MNIST_LAYOUT = "root/MNIST/raw/{train,t10k}-{images-idx3,labels-idx1}-ubyte"


class MnistImages:
    """An ImageSource over MNIST's digits, in memory: one channel, side_px squares (enlarged or shrunk from 28).

    root: where torchvision put it (MNIST_LAYOUT). split: "train" (60,000 digits) or "val", MNIST's test set (10,000).
    Raises ValueError where the files are not there, or are not what they should be.
    """

    def __init__(self, root: str | Path, split: str, side_px: int = 28) -> None:
        digits, labels = _read(Path(root), split)
        self.side_px, self.split = side_px, split
        self.wnids = self.names = tuple(map(str, range(10)))
        self.labels: NDArray[np.int64] = labels
        self._digits = digits if digits.shape[1:] == (side_px, side_px) else _resized(digits, side_px)

    @cached_property
    def fingerprint(self) -> str:
        """Over all digits as they are given out, and their labels; the classes' names are always the same."""
        digest = hashlib.sha256(self._digits.tobytes())
        digest.update(self.labels.tobytes())
        return digest.hexdigest()[:16]

    def __len__(self) -> int:
        return len(self.labels)

    def path(self, index: int) -> str:
        """Which digit image `index` is, in words: it has no file of its own."""
        return f"MNIST {self.split} digit {index}"

    def read(self, indices: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Images (B, 1, side, side) uint8 and labels (B,) int64."""
        chosen = np.asarray(indices, np.int64)
        return torch.from_numpy(self._digits[chosen])[:, None], torch.from_numpy(self.labels[chosen])

    def mean(self) -> NDArray[np.float32]:
        """Mean image (1, side, side) of all digits."""
        return self._digits.mean(axis=0, dtype=np.float64).astype(np.float32)[None]


def download_mnist(root: str | Path) -> None:
    """Fetch MNIST by torchvision, unless it is there."""
    MNIST(str(root), train=True, download=True)


def _read(root: Path, split: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Digits (N, 28, 28) and labels (N,)."""
    try:
        found = MNIST(str(root), train=split == "train")
    except (RuntimeError, ValueError, AssertionError, OSError) as error:
        if "not found" in str(error):
            message = f"{root}: no MNIST in it; expected {MNIST_LAYOUT}, or download it: data.download=true"
        else:
            message = f"{root}: MNIST's files are damaged ({error}); remove {root}/MNIST and download it again"
        raise ValueError(message) from error
    digits, labels = found.data.numpy(), found.targets.numpy().astype(np.int64)
    if len(digits) != len(labels):
        raise ValueError(f"{root}: {len(digits)} digits but {len(labels)} labels in {split}; download MNIST again")
    return digits, labels


def _resized(digits: NDArray[np.uint8], side_px: int) -> NDArray[np.uint8]:
    if side_px < 1:
        raise ValueError(f"a side of {side_px} px, expected at least 1")
    return np.stack([square(Image.fromarray(digit), side_px) for digit in digits])
