"""Image lists for the tests of the pack, and what a pack of them must hold by Pillow and numpy alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from zfnet.data.datasets.imagenet import ImageList, list_folder

SIDE_PX = 8
COUNT = 600  # two whole chunks of 256 and a part of one
CLASSES = 3


def make_images(root: Path) -> ImageList:
    """600 PNGs of 8 x 12 noise in three classes, listed."""
    generator = np.random.default_rng(0)
    for label in range(CLASSES):
        folder = root / "train" / f"n{label:02d}"
        folder.mkdir(parents=True)
        for index in range(COUNT // CLASSES):
            image = generator.integers(0, 256, (SIDE_PX, SIDE_PX + 4, 3), dtype=np.uint8)
            Image.fromarray(image).save(folder / f"{index:03d}.png", compress_level=1)
    return list_folder(root, "train")


def squares(images: ImageList) -> np.ndarray:
    """(N, 8, 8, 3) uint8: the files have the side already, so the centre is cut out."""
    return np.stack([np.asarray(Image.open(path))[:, 2:-2] for path in images.paths])


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def damage(images: ImageList, *indices: int) -> None:
    for index in indices:
        Path(images.paths[index]).write_bytes(b"")
