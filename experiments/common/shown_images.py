"""The few images that a job shows: given files, or the first of chosen classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig, ListConfig
from torch import Tensor

from experiments.common.config import as_list
from experiments.common.images import open_views
from experiments.common.job import Run
from zfnet.data import UNREADABLE, FolderImages, ImageSource, class_number, classes_of, list_any_folder
from zfnet.data.datasets import ImageList
from zfnet.mining import CentreViews
from zfnet.network import Network


@dataclass(frozen=True)
class Chosen:
    """N images: as the network sees them (N, 3, H, W), their pixels (N, 3, H, W) uint8, and where they lie.

    target (N,): the class of each; known (N,): whether it was told, and not the network's own first guess.
    """

    images: Tensor
    pixels: Tensor
    paths: list[str]
    target: NDArray[np.int64]
    known: NDArray[np.bool_]


def choose_images(config: DictConfig, run: Run, network: Network, spread: int = 0) -> tuple[Chosen, CentreViews]:
    """The images of config.pictures or config.classes, and all those that the job was given (or the pictures alone).

    spread: where there are neither, so many classes are taken, spread over those that have images.
    Raises ValueError where there are both, or neither and no spread, for an unknown class, and for one without images.
    """
    given = sum(one is not None for one in (config.pictures, config.classes))
    if given == 2 or (given == 0 and spread == 0):
        raise ValueError("give either classes=[...], to show the first image of each, or pictures=[...] (image files)")
    listed = None if config.pictures is None else _listed(config.pictures)
    if listed is not None and config.images is None and config.get("data") is None:
        views = CentreViews(
            FolderImages(listed, network.frame.side_px), network.frame, config.batch_size,
            rank=run.world.rank, world_size=run.world.size, device=run.world.device,
        )  # fmt: skip
    else:
        views = open_views(config, run, network.frame)
    if listed is None:
        known = classes_of(views.source, network)
        if config.classes is None:
            targets = _spread(views.source, known, spread)
        else:
            targets = [class_number(word, network) for word in as_list(config.classes)]
        return _first_of(targets, known, network, views), views
    return _given(config, run, network, listed), views


def _listed(pictures: str | ListConfig) -> ImageList:
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


def _first_of(targets: Sequence[int], known: Sequence[int | None], network: Network, views: CentreViews) -> Chosen:
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
    return Chosen(images, pixels, paths, np.array(targets, np.int64), np.ones(len(numbers), bool))


def _given(config: DictConfig, run: Run, network: Network, listed: ImageList) -> Chosen:
    source = FolderImages(listed, network.frame.side_px, strict=True)
    known = classes_of(source, network)
    words = [None] * len(source) if config.targets is None else as_list(config.targets)
    if len(words) != len(source):
        raise ValueError(f"{len(words)} targets for {len(source)} pictures: give one for each")
    told = [
        known[label] if word is None else class_number(word, network)
        for word, label in zip(words, source.labels.tolist(), strict=True)
    ]
    views = CentreViews(source, network.frame, config.batch_size, device=run.world.device)
    images, pixels = views.fetch(range(len(source)))
    with torch.no_grad():
        guesses = network.model(images).argmax(1).tolist()
    target = np.array([guess if one is None else one for guess, one in zip(guesses, told, strict=True)], np.int64)
    return Chosen(images, pixels, listed.paths, target, np.array([one is not None for one in told]))
