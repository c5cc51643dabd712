"""What a network is fed in training: batches in an epoch's order and the view of each image, read from a source."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from zfnet.data import (
    Batch,
    FolderImages,
    ImageSource,
    InputFrame,
    Subset,
    Views,
    never,
    training_batches,
    training_views,
)
from zfnet.training.machine import Hardware, World
from zfnet.training.recipe import Recipe


@dataclass(frozen=True)
class Feed:
    """The training images as the recipe has them seen: decided by (seed, epoch) alone, for any number of processes."""

    source: ImageSource
    recipe: Recipe
    frame: InputFrame
    hardware: Hardware
    world: World
    seed: int

    def check(self, val: ImageSource) -> None:
        """Raises ValueError where the images do not fit the recipe, the hardware or those of the validation."""
        size, parts = self.recipe.batch_size, self.world.size * self.hardware.accumulate
        if size % parts:
            raise ValueError(
                f"training.batch_size={size} does not divide into {self.world.size} processes x "
                f"{self.hardware.accumulate} accumulated parts; near it {max(1, size // parts) * parts} does"
            )
        if not self.steps_per_epoch:
            raise ValueError(
                f"{len(self.source)} training images do not fill one batch of training.batch_size={size}: give a "
                "smaller one, as training.batch_size=16"
            )
        if len(self.source.wnids) == 1:
            raise ValueError(
                f"all training images are of one class, {self.source.wnids[0]} (one is {self.source.path(0)}), "
                "expected two at least to tell apart: the folders in train/ are the classes, each with its images"
            )
        if self.source.wnids != val.wnids:
            odd = sorted(set(self.source.wnids) ^ set(val.wnids))
            raise ValueError(f"training and validation images have different classes: {', '.join(odd[:8])}")

    @property
    def steps_per_epoch(self) -> int:
        """Whole batches; the last, uneven one is dropped."""
        return len(self.source) // self.recipe.batch_size

    def views(self, epoch: int) -> Views:
        """The view of each image in an epoch (counted from 0), looked up by image."""
        return training_views(
            kind=self.recipe.views,
            count=len(self.source),
            side_px=self.frame.side_px,
            size_px=self.frame.size_px,
            seed=self.seed,
            epoch=epoch,
            augmentation=self.recipe.augmentation,
        )

    def batches(self, epoch: int, start: int, read_on: Callable[[], bool] = never) -> Iterator[Batch]:
        """This process's part of each batch of an epoch, from batch `start` on; read_on: as in training_batches."""
        return training_batches(
            self.source,
            self.recipe.batch_size,
            seed=self.seed,
            epoch=epoch,
            start=start,
            rank=self.world.rank,
            world_size=self.world.size,
            workers=workers_for(self.source, self.hardware, self.world),
            read_on=read_on,
        )


def workers_for(source: ImageSource, hardware: Hardware, world: World) -> int:
    """How many processes read a source, or the one that it is a part of: none where nothing is decoded from files."""
    while isinstance(source, Subset):
        source = source.source
    return hardware.reading_processes(isinstance(source, FolderImages), world.size)
