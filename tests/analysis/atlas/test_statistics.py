"""Class numbers of maps: average precision against scikit-learn, shares and selectivity by hand."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from zfnet.analysis.atlas.statistics import average_precisions, map_statistics


@pytest.mark.parametrize("values", [1000, 4, 1], ids=["distinct", "with ties", "all equal"])
def test_average_precision_is_scikit_learns(values: int):
    generator = np.random.default_rng(values)
    labels = generator.integers(-1, 5, 200)
    scores = generator.integers(0, values, 200).astype(float)
    found = average_precisions(scores, labels, 6)
    for label in range(5):
        assert found[label] == pytest.approx(average_precision_score(labels == label, scores), abs=1e-12)
    assert np.isnan(found[5])  # no image of it


def test_shares_answers_and_selectivity():
    labels = np.repeat([0, 1, 2], [20, 20, 4])
    peaks = np.zeros((44, 2))
    peaks[:20, 0] = np.arange(20) + 10.0  # answers to class 0 alone
    peaks[20:40, 1], peaks[:10, 1] = 5, 1
    found = map_statistics(peaks, labels, 3)
    assert found.strongest == 9
    assert found.answered.tolist() == [20 / 44, 30 / 44]
    assert (found.best[0, 0], found.precision[0, 0]) == (0, 1.0)
    assert (found.best[1, 0], found.precision[1, 0]) == (1, 1.0)
    assert 2 not in found.best  # four images are too few to judge by
    assert (found.share_class[0, 0], found.share[0, 0]) == (0, 1.0)
    assert found.favourite.tolist() == [0, 1]
    own, rest = 5.0, 10 / 24  # of map 1: the mean over class 1, and over the other 24 images
    assert found.selectivity == pytest.approx([1, (own - rest) / (own + rest)])
    assert found.histogram.sum(1).tolist() == [44, 44]
    assert (found.low[1], found.high[1]) == (0, 5)


def test_images_that_were_not_seen_do_not_count():
    labels = np.repeat([0, 1], 10)
    peaks = np.random.default_rng(0).random((20, 3))
    peaks[7] = np.nan
    found, without = map_statistics(peaks, labels, 2), map_statistics(np.delete(peaks, 7, 0), np.delete(labels, 7), 2)
    np.testing.assert_array_equal(found.precision, without.precision)
    assert found.histogram.sum(1).tolist() == [19] * 3


def test_without_classes_nothing_is_said_of_them():
    found = map_statistics(np.random.default_rng(0).random((12, 2)), np.full(12, -1), 0)
    assert np.isnan(found.selectivity).all()
    assert (found.best == -1).all()
    assert (found.share_class == -1).all()
