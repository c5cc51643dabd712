"""The few images that a job shows: given files, or the first of chosen classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from experiments.common.config import as_list, list_or_none
from experiments.common.images import ImagesChoice, of_files, open_views, views_of
from experiments.common.job import Run
from zfnet.data import UNREADABLE, ImageSource, class_number, classes_of_images, list_any_folder
from zfnet.data.datasets import ImageList
from zfnet.mining import CentreViews
from zfnet.network import Network

PREDICTED = "predicted"
SHOWN = 6  # images, where the network says what they are


@dataclass(frozen=True, kw_only=True)
class ShownChoice:
    """Which images a job was asked to show: image files (or a folder of them), or the first of each of some classes.

    classes: "predicted" shows some of the images, each as what the network takes it for.
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
        views = views_of(of_files(listed, network.frame), run, network.frame, given.batch_size)
    else:
        views = open_views(given, run, network.frame)
    if listed is not None:
        return _given(listed, list_or_none(choice.targets), run, network, given.batch_size), views
    if choice.classes == PREDICTED:
        return _predicted(spread or SHOWN, network, views), views
    words = list_or_none(choice.classes)
    asked = None if words is None else [class_number(word, network) for word in words]  # before images are looked at
    known = classes_of_images(views.source, network)
    return _first_of(_spread(known, spread) if asked is None else asked, known, network, views), views


def _listed(pictures: str | list[str]) -> ImageList:
    """A folder of images, or image files whose folders are their classes."""
    if isinstance(pictures, str) and Path(pictures).is_dir():
        return list_any_folder(pictures)
    paths = [str(path) for path in as_list(pictures)]
    folders = [Path(path).absolute().parent.name for path in paths]
    wnids = tuple(sorted(set(folders)))
    return ImageList(paths, np.array([wnids.index(folder) for folder in folders], np.int64), wnids, wnids)


def _spread(known: Sequence[int | None], count: int) -> list[int]:
    """So many of the network's classes that have images, or all if they are fewer."""
    there = sorted({one for one in known if one is not None})
    if not there:
        raise ValueError(
            "neither folders nor file names tell a class that the network knows: give classes=predicted, to show what "
            "it takes the images for, or pictures=[...] and targets=[...]"
        )
    return [there[at] for at in np.linspace(0, len(there) - 1, min(count, len(there))).round().astype(int)]


def _first_of(targets: Sequence[int], known: Sequence[int | None], network: Network, views: CentreViews) -> ShownImages:
    source, numbers = views.source, []
    for target in targets:
        readable = (at for at, one in enumerate(known) if one == target and _can_be_read(source, at))
        first = next(readable, None)
        if first is None:
            name = network.names[target]
            raise ValueError(f"class {target} ({name}) has no readable image among those given{_found(known, network)}")
        numbers.append(first)
    classes, is_told = np.array(targets, np.int64), np.ones(len(numbers), bool)
    return _shown(numbers, views, classes, is_told)


def _found(known: Sequence[int | None], network: Network) -> str:
    """For an error: which classes the images are of, the most frequent first."""
    counts = Counter(one for one in known if one is not None)
    if not counts:
        return (
            "; neither folders nor file names tell a class that the network knows: words.txt in the folder may (lines "
            "of wnid<TAB>name), or classes=predicted shows what the network takes them for"
        )
    names = ", ".join(f"{network.names[one]} ({count})" for one, count in counts.most_common(8))
    return f"; found were {names}{f' and {len(counts) - 8} more' if len(counts) > 8 else ''}"


def _predicted(count: int, network: Network, views: CentreViews) -> ShownImages:
    """Images spread over those given, with what the network takes each for."""
    every = np.linspace(0, len(views.source) - 1, min(count, len(views.source))).round().astype(int).tolist()
    numbers = [at for at in every if _can_be_read(views.source, at)]
    if not numbers:
        raise ValueError(f"none of {len(every)} images spread over those given can be read")
    guesses = _guesses(network, views.fetch(numbers).inputs)
    return _shown(numbers, views, np.array(guesses, np.int64), np.zeros(len(numbers), bool))


def _shown(
    numbers: Sequence[int], views: CentreViews, target: NDArray[np.int64], known: NDArray[np.bool_]
) -> ShownImages:
    images, pixels = views.fetch(numbers)
    paths = [views.source.path(number) for number in numbers]
    return ShownImages(images=images, pixels=pixels, paths=paths, target=target, known=known)


def _can_be_read(source: ImageSource, number: int) -> bool:
    return int(source.read([number])[1][0]) != UNREADABLE


@torch.no_grad()
def _guesses(network: Network, images: Tensor) -> list[int]:
    """The most probable class of each of images (B, 3, H, W)."""
    guesses: list[int] = network.model(images).argmax(1).tolist()
    return guesses


def _given(
    listed: ImageList, targets: list[str | int | None] | None, run: Run, network: Network, batch_size: int
) -> ShownImages:
    source = of_files(listed, network.frame, strict=True)
    words = [None] * len(source) if targets is None else targets
    if len(words) != len(source):
        raise ValueError(f"{len(words)} targets for {len(source)} pictures: give one for each")
    given = [
        known if word is None else class_number(word, network)
        for word, known in zip(words, classes_of_images(source, network), strict=True)
    ]
    images, pixels = CentreViews(source, network.frame, batch_size, device=run.world.device).fetch(range(len(source)))
    guesses = _guesses(network, images)
    classes = np.array([guess if one is None else one for guess, one in zip(guesses, given, strict=True)], np.int64)
    are_given = np.array([one is not None for one in given])
    return ShownImages(images=images, pixels=pixels, paths=listed.paths, target=classes, known=are_given)
