"""What the tests of Tables 2 and 3 share: the words of a small sweep."""

from __future__ import annotations

from pathlib import Path

SMALL = (
    "experiment=tab3_tiny_imagenet", "data.side=72", "data.pack=null", "model.width=0.05", "model.input_px=64",
    "training.batch_size=8", "training.epochs=1", "hardware.workers=0", "tensorboard.images_every=0",
    "tensorboard.histograms_every=0", "tensorboard.mistakes_every=0",
)  # fmt: skip


def sweep_words(root: Path, *more: str) -> list[str]:
    return [*SMALL, f"data.root={root}", *more]
