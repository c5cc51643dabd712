"""Caltech-101 and Caltech-256 (Tables 4 and 5), found, downloaded and listed by torchvision's data sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from torchvision.datasets import Caltech101, Caltech256

from zfnet.data.datasets.imagenet import ImageList

LAYOUT_101 = "caltech101/101_ObjectCategories/{accordion,...,BACKGROUND_Google}/image_0001.jpg"
LAYOUT_256 = "caltech256/256_ObjectCategories/{001.ak47,...}/001_0001.jpg"
CLUTTER = "clutter"
DOWNLOAD = "download it with data.download=true, or unpack it there"


def list_caltech101(root: str | Path, *, download: bool = False) -> ImageList:
    """The 101 object categories; BACKGROUND_Google is no category and is left out, as torchvision leaves it out.

    root: the folder that holds (or, with download, will hold) caltech101/. Raises ValueError where it is not there.
    """
    folder = Path(root) / "caltech101" / "101_ObjectCategories"
    if not download and not (folder / "BACKGROUND_Google").is_dir():
        raise ValueError(f"{folder}: no Caltech-101 there; expected {LAYOUT_101} under {root}: {DOWNLOAD}")
    found = Caltech101(root, download=download)
    paths = [
        str(folder / found.categories[y] / f"image_{n:04d}.jpg") for y, n in zip(found.y, found.index, strict=True)
    ]
    categories = tuple(found.categories)
    return ImageList(paths, np.array(found.y, np.int64), categories, categories)


def list_caltech256(root: str | Path, *, download: bool = False) -> ImageList:
    """The 256 object categories; 257.clutter, which torchvision counts as one, is left out.

    root: the folder that holds (or, with download, will hold) caltech256/. Raises ValueError where it is not there or
    a category is missing (its images' names go by the category's number).
    """
    folder = Path(root) / "caltech256" / "256_ObjectCategories"
    if not download and not folder.is_dir():
        raise ValueError(f"{folder}: no such folder; expected {LAYOUT_256} under {root}: {DOWNLOAD}")
    found = Caltech256(str(root), download=download)
    for number, category in enumerate(found.categories, start=1):
        if not category.startswith(f"{number:03d}."):
            raise ValueError(f"{folder}: {category} where category {number:03d} was expected; unpack Caltech-256 again")
    kept = tuple(category for category in found.categories if not category.endswith(f".{CLUTTER}"))
    if kept != tuple(found.categories[: len(kept)]):
        raise ValueError(f"{folder}: {CLUTTER} is not the last category; unpack Caltech-256 again")
    listed = [(y, n) for y, n in zip(found.y, found.index, strict=True) if y < len(kept)]
    paths = [str(folder / kept[y] / f"{y + 1:03d}_{n:04d}.jpg") for y, n in listed]
    names = tuple(category.partition(".")[2] for category in kept)
    return ImageList(paths, np.array([y for y, _ in listed], np.int64), kept, names)
