"""Images decoded from their files each time they are asked for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zfnet.data.datasets import ImageList
from zfnet.data.decode import (
    BILINEAR,
    MAX_MEGAPIXELS,
    UnreadableImage,
    check_interpolation,
    check_max_megapixels,
    decode_square,
)
from zfnet.data.source import UNREADABLE
from zfnet.files import shown
from zfnet.progress import track

MEAN_IMAGES = 2048  # pixels deviate by about 70 grey levels, so their mean over this many by 70 / sqrt(2048) = 1.5


class FolderImages:
    """An ImageSource over image files: decodes, brings to side x side, and keeps nothing.

    strict: raise UnreadableImage on the first file that cannot be read in full; otherwise it is zeros labelled
    UNREADABLE. max_megapixels: larger ones count as unreadable. interpolation: how they are brought to the side, a name
    of FILTERS. Holds no randomness and no open file, so it goes into loader workers as it is.
    Raises ValueError for a side under 1 px, another filter and a limit that Pillow does not go along with.
    """

    def __init__(
        self,
        images: ImageList,
        side_px: int,
        *,
        strict: bool = False,
        max_megapixels: float = MAX_MEGAPIXELS,
        interpolation: str = BILINEAR,
    ) -> None:
        if side_px < 1:
            raise ValueError(f"a side of {side_px} px, expected at least 1")
        self.side_px, self.strict, self.max_megapixels = side_px, strict, check_max_megapixels(max_megapixels)
        self.interpolation = check_interpolation(interpolation)
        self.labels, self.wnids, self.names = images.labels, images.wnids, images.names
        # one array, not a list of strings: counting references to them would copy a forked worker's memory page by page
        self._paths = np.array([os.fsencode(path) for path in images.paths])

    @cached_property
    def fingerprint(self) -> str:
        """Over the files' folders, names and sizes, a sample of their contents, the classes and their names, the side.

        See ImageList.digest. Data that moved has the same. The filter is part of it where it is not bilinear, and so
        is max_megapixels, which decides what can be read, where it is another than usual.
        """
        return self._images().digest(self.side_px, *self._unusual)

    @cached_property
    def earlier_fingerprints(self) -> tuple[str, ...]:
        """What earlier versions gave the same data: without contents and class names."""
        return () if self._unusual else (self._images().earlier_digest(self.side_px),)

    @property
    def resumed_fingerprints(self) -> tuple[str, ...]:
        """What a checkpoint may know the data by that is of before max_megapixels counted."""
        other = () if self.interpolation == BILINEAR else (self.interpolation,)
        return (self._images().digest(self.side_px, *other),)

    @property
    def _unusual(self) -> tuple[str, ...]:
        """How the files are read, as far as it is not as usual."""
        limit = () if self.max_megapixels == MAX_MEGAPIXELS else (f"max_megapixels={self.max_megapixels:g}",)
        return (*(() if self.interpolation == BILINEAR else (self.interpolation,)), *limit)

    def _images(self) -> ImageList:
        return ImageList([self.path(index) for index in range(len(self))], self.labels, self.wnids, self.names)

    def __len__(self) -> int:
        return len(self._paths)

    def path(self, index: int) -> str:
        """The file of image `index`."""
        return os.fsdecode(bytes(self._paths[index]))

    def read(self, indices: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Images (B, 3, side, side) uint8, channels last in memory, and labels (B,) int64."""
        squares = np.zeros((len(indices), self.side_px, self.side_px, 3), np.uint8)
        labels = self.labels[np.asarray(indices, np.int64)]
        for place, index in enumerate(indices):
            try:
                squares[place] = self._square(index)
            except UnreadableImage:
                if self.strict:
                    raise
                labels[place] = UNREADABLE
        return torch.from_numpy(squares).permute(0, 3, 1, 2), torch.from_numpy(labels)

    def why_unreadable(self, index: int) -> str:
        """The file of an image that could not be read, and the reason, found by reading it once more."""
        try:
            self._square(index)
        except UnreadableImage as error:
            return str(error)
        return f"{shown(self.path(index))}: it could be read at a second try"

    def _square(self, index: int) -> NDArray[np.uint8]:
        return decode_square(self.path(index), self.side_px, self.max_megapixels, self.interpolation)

    def mean(self) -> NDArray[np.float32]:
        """Mean image (3, side, side) of the readable ones among MEAN_IMAGES evenly spaced images (all, if fewer).

        A sample, because decoding all of ImageNet takes an hour on one core; the pack's mean is over all images.
        Raises ValueError if none of them can be read.
        """
        total, count = np.zeros((self.side_px, self.side_px, 3), np.int64), 0
        sample = np.unique(np.linspace(0, len(self) - 1, min(len(self), MEAN_IMAGES)).round().astype(np.int64))
        for index in track(sample.tolist(), "mean image", unit="image"):
            try:
                total += self._square(index)
                count += 1
            except UnreadableImage:
                if self.strict:
                    raise
        if count == 0:
            first = shown(self.path(0))
            raise ValueError(f"{first}: neither this nor any other of {len(sample)} sampled images can be read")
        return (total / count).astype(np.float32).transpose(2, 0, 1)
