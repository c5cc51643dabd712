"""Random folds of a set of labelled images: so many to train from in each class, others of it to test on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Fold:
    """One fold: positions among the images, train (n,) and test (m,), and the seed that it was drawn from.

    Both are sorted, and no position is in both.
    """

    train: NDArray[np.int64]
    test: NDArray[np.int64]
    seed: int


def sample_folds(
    labels: NDArray[np.int64],
    train_per_class: int,
    test_per_class: int = 50,
    folds: int = 5,
    seed: int = 0,
    names: Sequence[str] = (),
) -> list[Fold]:
    """Folds as in Zeiler & Fergus 2013, section 4.2: train_per_class images of each class, up to test_per_class others.

    labels (N,): the class of each image; negative ones are of no class. names: by class, for messages.
    Fold k is drawn from seed + k, class by class and without replacement. From one seed, fewer training images are
    among the more, and a class with images enough is tested on the same ones, so that results over train_per_class
    compare. A class short of test images is tested on what remains.

    Raises ValueError where a class has not one image left to test on, naming it, and for numbers under 1.
    """
    if min(train_per_class, test_per_class, folds) < 1:
        counts_given = f"train_per_class={train_per_class}, test_per_class={test_per_class}, folds={folds}"
        raise ValueError(f"{counts_given}, expected at least 1 of each")
    classes, counts = np.unique(labels[labels >= 0], return_counts=True)
    if len(classes) == 0:
        raise ValueError("no labelled images to draw folds from")
    for label, count in zip(classes.tolist(), counts.tolist(), strict=True):
        if count <= train_per_class:
            raise ValueError(
                f"class {names[label] if names else label!r} has {count} images, expected at least "
                f"{train_per_class + 1}: train_per_class={train_per_class} and one to test on"
            )
    return [_fold(labels, classes, train_per_class, test_per_class, seed + number) for number in range(folds)]


def _fold(labels: NDArray[np.int64], classes: NDArray[np.int64], train: int, test: int, seed: int) -> Fold:
    trained, tested = [], []
    for label in classes.tolist():
        drawn = np.random.default_rng([seed, label]).permutation(np.flatnonzero(labels == label))
        trained.append(drawn[:train])
        tested.append(drawn[train:][-test:])  # from the end: the same ones however many are trained from
    return Fold(train=np.sort(np.concatenate(trained)), test=np.sort(np.concatenate(tested)), seed=seed)
