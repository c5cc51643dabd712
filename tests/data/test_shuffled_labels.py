"""Labels that mean nothing: dealt out anew, the same with every reading."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from array_source import ArraySource

from zfnet.data import ShuffledLabels


def test_the_images_stay_and_as_many_of_each_class(array_source: Callable[..., ArraySource]):
    source = array_source()
    shuffled = ShuffledLabels(source, seed=0)
    assert np.bincount(shuffled.labels).tolist() == np.bincount(source.labels).tolist()
    assert (shuffled.labels != source.labels).mean() > 0.5
    images, labels = shuffled.read([5, 40, 5])
    assert images.equal(source.read([5, 40, 5])[0])
    assert labels.tolist() == shuffled.labels[[5, 40, 5]].tolist()


def test_a_seed_deals_the_same_labels_and_shows_in_the_fingerprint(array_source: Callable[..., ArraySource]):
    source = array_source()
    first, again, other = (ShuffledLabels(source, seed) for seed in (0, 0, 1))
    assert first.labels.tolist() == again.labels.tolist() != other.labels.tolist()
    assert first.fingerprint == again.fingerprint
    assert len({source.fingerprint, first.fingerprint, other.fingerprint}) == 3


def test_what_cannot_be_read_stays_so(array_source: Callable[..., ArraySource]):
    source = array_source()
    read = source.read
    source.read = lambda indices: (read(indices)[0], read(indices)[1] * 0 - 100)  # type: ignore[method-assign]
    assert ShuffledLabels(source, seed=0).read([1, 2])[1].tolist() == [-100, -100]
