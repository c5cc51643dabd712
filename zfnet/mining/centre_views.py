"""The central views of a data set's images, for mining: all of them, or those of chosen images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy

import torch
from torch import Tensor

from zfnet.data import ImageSource, InputFrame, SeenImages, as_seen, ordered_batches
from zfnet.mining.mine import Indexed

SWEEP_BATCH = 64


class CentreViews:
    """The central crop of every readable image of a source, in order: this process's batches, on its device.

    Iterating yields `Indexed` batches of normalised images (B, 3, size, size); len() counts batches.
    """

    def __init__(
        self,
        source: ImageSource,
        frame: InputFrame,
        batch_size: int,
        *,
        rank: int = 0,
        world_size: int = 1,
        device: torch.device | str = "cpu",
        workers: int = 0,
    ) -> None:
        self.source, self.frame, self.batch_size = source, frame.to(device), batch_size
        self.rank, self.world_size, self.device, self.workers = rank, world_size, torch.device(device), workers
        self._start = 0

    def __len__(self) -> int:
        batches = -(-len(self.source) // self.batch_size)
        return len(range(self.rank + self._start * self.world_size, batches, self.world_size))

    def after(self, batches: int) -> CentreViews:
        """What is left of this process's batches when so many of them are done."""
        left = copy(self)
        left._start = self._start + batches
        return left

    def __iter__(self) -> Iterator[Indexed]:
        for batch in ordered_batches(
            self.source, self.batch_size, self.rank, self.world_size, self.workers, start=self._start
        ):
            readable = batch.labels >= 0
            images = self._cut(batch.images if readable.all() else batch.images[readable])
            yield Indexed(images, batch.indices[readable])  # (B, 3, size, size), (B,)

    def fetch(self, numbers: Sequence[int]) -> SeenImages:
        """Images by number, as the network sees them (B, 3, size, size) and as pixels uint8 (see `as_seen`)."""
        return as_seen(self.source.read(numbers)[0], self.frame)

    def _cut(self, squares: Tensor) -> Tensor:
        """Squares (B, 3, side, side) uint8 to what the network sees of them, (B, 3, size, size)."""
        return as_seen(squares, self.frame).inputs


def centre_crops(
    source: ImageSource, images: Sequence[int], frame: InputFrame, device: torch.device
) -> Iterator[Indexed]:
    """The central views (B, 3, size, size) of the images that can be read, in `Indexed` batches on the device.

    images: their numbers in the source.
    """
    for first in range(0, len(images), SWEEP_BATCH):
        squares, labels = source.read(images[first : first + SWEEP_BATCH])
        readable = labels >= 0
        indices = torch.tensor(images[first : first + SWEEP_BATCH])[readable]
        yield Indexed(as_seen(squares[readable], frame.to(device)).inputs, indices)
