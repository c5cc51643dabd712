"""Training from scratch on a fold: from its training images alone, by its seed alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from array_source import ArraySource

from zfnet.data.folds import Fold, sample_folds
from zfnet.training import Recipe
from zfnet.training.from_scratch import train_from_scratch

ARGUMENTS = {"name": "zfnet", "num_classes": 7, "width": 0.05, "input_px": 64}
RECIPE = Recipe(
    epochs=12, batch_size=8, learning_rate=0.02, schedule="onecycle", init="kaiming", dropout=0.0, views="centre",
    input_scale="unit",
)  # fmt: skip


class Spied(ArraySource):
    """Remembers which images were read."""

    seen: list[int]

    def read(self, indices):
        self.seen.extend(indices)
        return super().read(indices)


@pytest.fixture
def source() -> Spied:
    source = Spied(120, 3, 72, 0)
    source.seen = []
    return source


@pytest.fixture
def fold(source: Spied) -> Fold:
    return sample_folds(source.labels, 16, 10, folds=1, seed=5)[0]


def test_it_learns_the_classes(source: Spied, fold: Fold):
    attempt = train_from_scratch(ARGUMENTS, RECIPE, source, fold)
    assert attempt is not None
    assert (attempt.predicted == source.labels[fold.test]).mean() > 0.9
    assert attempt.train_error < 0.1


@pytest.mark.parametrize("schedule", ["onecycle", "plateau"])
def test_no_test_image_is_read_before_training_ends(source: Spied, fold: Fold, schedule: str):
    few = Recipe(epochs=2, batch_size=8, schedule=schedule, init="kaiming", input_scale="unit")
    train_from_scratch(ARGUMENTS, few, source, fold)
    first = next(place for place, index in enumerate(source.seen) if index in fold.test)
    assert set(source.seen[:first]) == set(fold.train)
    assert source.seen[first : first + len(fold.test)] == fold.test.tolist()
    assert set(source.seen) == set(fold.train) | set(fold.test)


def test_the_fold_s_seed_decides_and_labels_of_the_test_images_do_not(source: Spied, fold: Fold):
    few = Recipe(epochs=2, batch_size=8, schedule="onecycle", init="kaiming", input_scale="unit")
    one = train_from_scratch(ARGUMENTS, few, source, fold)
    source.labels[fold.test] = 0
    torch.manual_seed(77)
    two = train_from_scratch(ARGUMENTS, few, source, fold)
    assert one is not None
    assert two is not None
    np.testing.assert_array_equal(one.predicted, two.predicted)


def test_a_stop_gives_nothing(source: Spied, fold: Fold):
    assert train_from_scratch(ARGUMENTS, RECIPE, source, fold, stop=lambda: True) is None
