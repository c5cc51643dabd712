"""The few images that a job shows: given files, or the first of chosen classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from experiments.common.config import as_list, list_or_none
from experiments.common.images import ImagesChoice, open_views, views_of
from experiments.common.job import Run
from zfnet.data import UNREADABLE, FolderImages, ImageSource, class_number, classes_of, list_any_folder
from zfnet.data.datasets import ImageList
from zfnet.mining import CentreViews
from zfnet.network import Network


@dataclass(frozen=True, kw_only=True)
class ShownChoice:
    """Which images a job was asked to show: image files (or a folder of them), or the first of each of some classes.

    targets: the class of each picture; None for all or one: its folder's, or the most probable if it has none.
    """

    pictures: str | list[str] | None = None
    classes: Any = None
    targets: Any = None


@dataclass(frozen=True, kw_only=True)
class ShownImages:
    """N images: as the network sees them (N, 3, H, W), their pixels (N, 3, H, W) uint8, and where they lie.

    target (N,): the class of each; known (N,): whether it was told, and not the network's own first guess.
    """

    images: Tensor
    pixels: Tensor
    paths: list[str]
    target: NDArray[np.int64]
    known: NDArray[np.bool_]


def choose_images(
    choice: ShownChoice, given: ImagesChoice, run: Run, network: Network, spread: int = 0
) -> tuple[ShownImages, CentreViews]:
    """The images to show, and all those that the job was given (or the pictures alone).

    spread: where neither pictures nor classes are named, so many classes are taken, spread over those with images.
    Raises ValueError where both are, or neither and no spread, for an unknown class, and for one without images.
    """
    named = sum(one is not None for one in (choice.pictures, choice.classes))
    if named == 2 or (named == 0 and spread == 0):
        raise ValueError("give either classes=[...], to show the first image of each, or pictures=[...] (image files)")
    listed = None if choice.pictures is None else _listed(choice.pictures)
    if listed is not None and given.images is None and given.data is None:
        views = views_of(FolderImages(listed, network.frame.side_px), run, network.frame, given.batch_size)
    else:
        views = open_views(given, run, network.frame)
    if listed is not None:
        return _given(listed, list_or_none(choice.targets), run, network, given.batch_size), views
    known = classes_of(views.source, network)
    if choice.classes is None:
        targets = _spread(views.source, known, spread)
    else:
        targets = [class_number(word, network) for word in as_list(choice.classes)]
    return _first_of(targets, known, network, views), views


def _listed(pictures: str | list[str]) -> ImageList:
    """A folder of images, or image files whose folders are their classes."""
    if isinstance(pictures, str) and Path(pictures).is_dir():
        return list_any_folder(pictures)
    paths = [str(path) for path in as_list(pictures)]
    folders = [Path(path).absolute().parent.name for path in paths]
    wnids = tuple(sorted(set(folders)))
    return ImageList(paths, np.array([wnids.index(folder) for folder in folders], np.int64), wnids, wnids)


def _spread(source: ImageSource, known: Sequence[int | None], count: int) -> list[int]:
    """So many of the network's classes that have images, or all if they are fewer."""
    there = sorted({one for label in np.unique(source.labels) if (one := known[label]) is not None})
    if not there:
        raise ValueError("the images are of no class that the network knows: give pictures=[...] and targets=[...]")
    return [there[at] for at in np.linspace(0, len(there) - 1, min(count, len(there))).round().astype(int)]


def _first_of(targets: Sequence[int], known: Sequence[int | None], network: Network, views: CentreViews) -> ShownImages:
    source, numbers = views.source, []
    for target in targets:
        there = np.flatnonzero(np.isin(source.labels, [at for at, one in enumerate(known) if one == target]))
        readable = (at for at in there.tolist() if int(source.read([at])[1][0]) != UNREADABLE)
        first = next(readable, None)
        if first is None:
            raise ValueError(f"class {target} ({network.names[target]}) has no readable image among those given")
        numbers.append(first)
    images, pixels = views.fetch(numbers)
    paths = [source.path(number) for number in numbers]
    classes, is_told = np.array(targets, np.int64), np.ones(len(numbers), bool)
    return ShownImages(images=images, pixels=pixels, paths=paths, target=classes, known=is_told)


def _given(
    listed: ImageList, targets: list[str | int | None] | None, run: Run, network: Network, batch_size: int
) -> ShownImages:
    source = FolderImages(listed, network.frame.side_px, strict=True)
    known = classes_of(source, network)
    words = [None] * len(source) if targets is None else targets
    if len(words) != len(source):
        raise ValueError(f"{len(words)} targets for {len(source)} pictures: give one for each")
    told = [
        known[label] if word is None else class_number(word, network)
        for word, label in zip(words, source.labels.tolist(), strict=True)
    ]
    images, pixels = CentreViews(source, network.frame, batch_size, device=run.world.device).fetch(range(len(source)))
    with torch.no_grad():
        guesses = network.model(images).argmax(1).tolist()  # (N, classes) to (N,)
    classes = np.array([guess if one is None else one for guess, one in zip(guesses, told, strict=True)], np.int64)
    is_told = np.array([one is not None for one in told])
    return ShownImages(images=images, pixels=pixels, paths=listed.paths, target=classes, known=is_told)
