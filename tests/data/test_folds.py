"""Folds against their definition, and a subset against its source."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from zfnet.data.folds import sample_folds
from zfnet.data.source import UNREADABLE
from zfnet.data.subset import Subset

LABELS = np.random.default_rng(0).permutation(np.repeat([0, 1, 2, 3], [12, 40, 25, 90]))


def test_every_class_gives_its_images_once():
    for fold in sample_folds(LABELS, train_per_class=10, test_per_class=20, folds=3):
        assert np.bincount(LABELS[fold.train]).tolist() == [10, 10, 10, 10]
        assert np.bincount(LABELS[fold.test]).tolist() == [2, 20, 15, 20]  # what remains where a class is short
        both = np.concatenate([fold.train, fold.test])
        assert len(np.unique(both)) == len(both)
        assert (np.diff(fold.train) > 0).all()


def test_a_fold_follows_from_its_seed_alone_and_seeds_differ():
    folds = sample_folds(LABELS, 10, 20, folds=3, seed=4)
    assert [fold.seed for fold in folds] == [4, 5, 6]
    again = sample_folds(LABELS, 10, 20, folds=1, seed=5)[0]
    np.testing.assert_array_equal(again.train, folds[1].train)
    np.testing.assert_array_equal(again.test, folds[1].test)
    assert not np.array_equal(folds[0].train, folds[1].train)


def test_every_image_is_drawn_as_often_as_any_other():
    """900 folds of 40 images, 10 to train from: each image in 225 of them, give or take 13 (binomial)."""
    labels = np.zeros(40, np.int64)
    drawn = np.bincount(np.concatenate([fold.train for fold in sample_folds(labels, 10, 5, 900)]), minlength=40)
    assert abs(drawn - 225).max() < 4.5 * 13


def test_fewer_training_images_are_among_the_more_and_the_test_images_are_the_same():
    few, more = (sample_folds(LABELS[LABELS == 3], count, 30, 1)[0] for count in (15, 60))
    assert set(few.train) < set(more.train)
    np.testing.assert_array_equal(few.test, more.test)


def test_images_of_no_class_are_not_drawn():
    labels = np.array([0, 0, 0, UNREADABLE, 1, 1, 1, UNREADABLE])
    fold = sample_folds(labels, 2, 5, 1)[0]
    assert sorted([*fold.train, *fold.test]) == [0, 1, 2, 4, 5, 6]


def test_a_class_without_an_image_to_test_on_is_named():
    with pytest.raises(ValueError, match="class 'cat' has 12 images, expected at least 13"):
        sample_folds(LABELS, 12, names=("cat", "dog", "owl", "fox"))
    with pytest.raises(ValueError, match="folds=0, expected at least 1"):
        sample_folds(LABELS, 2, folds=0)
    with pytest.raises(ValueError, match="no labelled images"):
        sample_folds(np.array([UNREADABLE]), 2)


def test_a_subset_reads_what_the_source_has_there(array_source):
    source = array_source(count=100)
    chosen = np.array([70, 3, 3, 99])
    subset = Subset(source, chosen)
    images, labels = subset.read([3, 0])
    expected, truth = source.read([99, 70])
    assert torch.equal(images, expected)
    assert labels.tolist() == truth.tolist()
    assert subset.labels.tolist() == source.labels[chosen].tolist()
    assert subset.path(1) == "image 3"
    np.testing.assert_allclose(subset.mean(), source.images[chosen].mean(0).transpose(2, 0, 1), rtol=1e-6)
    many = Subset(source, np.arange(1, 100))  # more than are read at once
    np.testing.assert_allclose(many.mean(), source.images[1:].mean(0).transpose(2, 0, 1), rtol=1e-6)


def test_the_fingerprint_tells_subsets_apart(array_source):
    source = array_source()
    prints = [Subset(source, np.array(chosen)).fingerprint for chosen in ([1, 2], [2, 1], [1], [1, 2])]
    assert prints[0] == prints[3]
    assert len(set(prints)) == 3


def test_an_image_that_is_not_there_is_refused(array_source):
    with pytest.raises(ValueError, match="48 were asked of a source of 48"):
        Subset(array_source(), np.array([0, 48]))
