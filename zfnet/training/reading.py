"""Notices that images have gone: every data set has some that cannot be read, but none has suddenly many."""

from __future__ import annotations

import math
from collections import deque
from pathlib import Path
from typing import Any

import torch

from zfnet.data import UNREADABLE, Batch, ImageSource, unreadable
from zfnet.training.failures import VanishedImages
from zfnet.training.machine import World

IN_A_ROW = 4  # whole batches without an image, of together so many: of fewer, chance may have it
WINDOW = 200  # images, the latest
SHARE = 0.1  # of the window: no data set is as bad
TIMES = 3  # and so many times what the images before it may well have had


class UnreadableShare:
    """How many images could not be read, over the latest WINDOW of them and before, batch by batch."""

    def __init__(self) -> None:
        self.images = self.unreadable = 0  # before the window
        self._window: deque[tuple[int, int]] = deque()
        self._in_a_row = 0

    def add(self, images: int, unreadable: int) -> str | None:
        """Count a batch; in words what is wrong, where so many cannot be chance."""
        self._in_a_row = self._in_a_row + images if unreadable == images else 0
        self._window.append((images, unreadable))
        while sum(size for size, _ in self._window) - self._window[0][0] >= WINDOW:
            size, bad = self._window.popleft()
            self.images, self.unreadable = self.images + size, self.unreadable + bad
        if self._in_a_row >= IN_A_ROW:
            return f"none of the last {self._in_a_row}"
        recent, bad = (sum(numbers) for numbers in zip(*self._window, strict=True))
        if recent >= WINDOW and bad > recent * max(SHARE, TIMES * self._likely_share()):
            return (
                f"only {recent - bad} of the last {recent} (before: {self.images - self.unreadable} of {self.images})"
            )
        return None

    def _likely_share(self) -> float:
        """The largest share that what was seen before the window leaves likely: 3 standard deviations above it."""
        if not self.images:
            return math.inf
        return (self.unreadable + 3 * math.sqrt(self.unreadable + 1)) / self.images

    def state(self) -> dict[str, int]:
        """What a run that goes on must know: plain numbers."""
        images, unreadable = (sum(numbers) for numbers in zip((0, 0), *self._window, strict=True))
        return {"images": self.images + images, "unreadable": self.unreadable + unreadable}

    def load_state(self, state: dict[str, int]) -> None:
        """Go on from what `state` returned."""
        self.images, self.unreadable = state["images"], state["unreadable"]


class Reading:
    """Watches what can be read of the training and the validation images, over all processes.

    The checks raise VanishedImages, on every process at once; all must call them.
    """

    def __init__(self, train: ImageSource, val: ImageSource, world: World) -> None:
        self.train, self.val, self.world = train, val, world
        self._shares = {"train": UnreadableShare(), "val": UnreadableShare()}
        self._unreadable: list[int] = []  # of each batch since the last check, this process's
        self._last: str | None = None

    def see(self, batch: Batch) -> None:
        """Note what of this process's part of a training batch could be read; waits for nobody."""
        bad = batch.indices[batch.labels == UNREADABLE]
        self._unreadable.append(len(bad))
        if len(bad):
            self._last = self.train.path(int(bad[-1]))

    def check_train(self, batch_size: int) -> None:
        """Judge the training batches seen since the last check; batch_size: of all processes together."""
        counts = self.world.sum(torch.tensor(self._unreadable, dtype=torch.int64, device=self.world.device))
        self._unreadable = []
        for count in counts.tolist():
            self._judge("training", self._shares["train"].add(batch_size, count), self._last)

    def check_val(self, read: int) -> None:
        """Judge a pass over the validation images, so many of which could be read."""
        wrong = self._shares["val"].add(len(self.val), len(self.val) - read)
        self._judge("validation", wrong, next(iter(unreadable(self.val)), None))

    def _judge(self, which: str, wrong: str | None, example: str | None) -> None:
        if wrong is not None:
            path = next(path for path in self.world.gather(example) if path is not None)
            raise VanishedImages(
                f"{wrong} {which} images could be read; {path} could not: {whereabouts(path)}. Nothing was saved "
                "since: see to the images, then go on with resume=auto"
            )

    def state(self) -> dict[str, Any]:
        """What a run that goes on must know: plain numbers."""
        return {name: share.state() for name, share in self._shares.items()}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned; a checkpoint of before has nothing to say."""
        for name, share in state.items():
            self._shares[name].load_state(share)


def whereabouts(path: str) -> str:
    """What became of an unreadable file, in words: the outermost folder on its way that is missing, or its own."""
    missing = [folder for folder in Path(path).parents if not folder.exists()]
    if missing:
        return f"the folder {missing[-1]} is not there"
    return f"is the folder {Path(path).parent} as it was, and its disk in reach?"
