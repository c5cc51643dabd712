"""Class probabilities of many images in a file that several processes fill: memory holds a batch of them."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from zfnet.files import naming, whole_file, write_all

COPY_BYTES = 16 * 2**20


class Probabilities:
    """Rows of float32 probabilities, (images, classes), in a file; ImageNet's 1.28 million training images: 5.1 GB.

    The first process calls `create` before any `put`, and `save` after all of them; then the file goes.
    """

    def __init__(self, path: Path, images: int, classes: int) -> None:
        self._path, self._shape = path, (images, classes)

    def create(self) -> None:
        """A file of the whole size, which takes room on the disk only as it is filled."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with naming(self._path), open(self._path, "wb") as file:
            file.truncate(self._shape[0] * self._shape[1] * 4)

    def put(self, indices: Tensor, log_probabilities: Tensor) -> None:
        """Keep the rows (B, C) of images (B,), given by the log of their probabilities."""
        rows, numbers = log_probabilities.float().exp().cpu().numpy(), indices.numpy()
        ends = np.flatnonzero(np.diff(numbers) != 1) + 1  # of runs of images that lie side by side
        with naming(self._path), open(self._path, "r+b", buffering=0) as file:
            for of_run, first in zip(np.split(rows, ends), [0, *ends.tolist()], strict=True):
                content = np.ascontiguousarray(of_run).data.cast("B")
                write_all(file.fileno(), content, int(numbers[first]) * self._shape[1] * 4)

    def save(self, path: Path, label: NDArray[np.int64]) -> None:
        """Write all as np.savez(path, probability=..., label=...) would, and remove the file that was filled."""
        with whole_file(path) as file, zipfile.ZipFile(file, "w", allowZip64=True) as archive:
            with archive.open("probability.npy", "w", force_zip64=True) as member, open(self._path, "rb") as rows:
                header = {"descr": "<f4", "fortran_order": False, "shape": self._shape}
                np.lib.format.write_array_header_1_0(member, header)
                while block := rows.read(COPY_BYTES):
                    member.write(block)
            with archive.open("label.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.ascontiguousarray(label), allow_pickle=False)
        os.unlink(self._path)


def class_counts(labels: NDArray[np.int64], wrong: NDArray[np.bool_], classes: int) -> NDArray[np.int64]:
    """How many images of each class there are, and how many of them were not told: (2, classes)."""
    there = labels >= 0
    every = [np.bincount(labels[some], minlength=classes) for some in (there, there & wrong)]
    return np.stack(every)
