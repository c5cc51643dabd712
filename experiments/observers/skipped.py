"""The images that a training could not read, remembered over its resumptions."""

from __future__ import annotations

from typing import Any

from zfnet.data import ImageSource, remember_unreadable, unreadable_images
from zfnet.training import Observer, World


class Skipped(Observer):
    """Keeps in the checkpoints which images could not be read so far: a resumed run may not meet them again."""

    name = "skipped"

    def __init__(self, world: World, train: ImageSource, val: ImageSource) -> None:
        self.world, self.sources = world, {"train": train, "val": val}

    def state(self) -> dict[str, Any]:
        return {split: sorted(self._images(source)) for split, source in self.sources.items()}

    def load_state(self, state: dict[str, Any]) -> None:
        for split, source in self.sources.items():
            remember_unreadable(source, state[split])

    def paths(self) -> list[str]:
        """Where they lie, sorted. All processes must call it, and `state`."""
        return sorted({source.path(image) for source in self.sources.values() for image in self._images(source)})

    def _images(self, source: ImageSource) -> set[int]:
        return set().union(*self.world.gather(unreadable_images(source)))
