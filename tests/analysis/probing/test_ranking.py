"""VOC's average precision against the devkit's own steps, scikit-learn where the definitions meet, and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from zfnet.analysis.probing.ranking import average_precision


def devkit(scores: np.ndarray, truth: np.ndarray) -> float:
    """VOCevalcls.m and VOCap.m of the 2012 devkit, line by line: true and false positives over the whole ranking."""
    order = sorted(range(len(scores)), key=lambda index: -scores[index])
    true_positives, false_positives, recall, precision = 0, 0, [0.0], [0.0]
    for index in order:
        true_positives += int(truth[index] > 0)
        false_positives += int(truth[index] < 0)
        if true_positives + false_positives:
            recall.append(true_positives / int((truth > 0).sum()))
            precision.append(true_positives / (true_positives + false_positives))
    recall.append(1.0)
    precision.append(0.0)
    for place in reversed(range(len(precision) - 1)):
        precision[place] = max(precision[place], precision[place + 1])
    return sum((recall[at] - recall[at - 1]) * precision[at] for at in range(1, len(recall)))


@pytest.mark.parametrize("seed", range(8))
def test_it_is_the_devkit_s(seed: int):
    generator = np.random.default_rng(seed)
    truth = generator.choice([-1, 0, 1], 60, p=[0.6, 0.1, 0.3])
    scores = np.round(generator.normal(size=60) + 0.5 * truth, 1 if seed % 2 else 9)  # with ties, and without
    assert average_precision(scores, truth) == pytest.approx(devkit(scores, truth), abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_without_interpolation_it_would_be_scikit_learn_s(seed: int):
    """Never below it; equal where precision falls from hit to hit, so that there is nothing to interpolate."""
    generator = np.random.default_rng(seed)
    truth = generator.choice([-1, 1], 50)
    scores = generator.normal(size=50)
    assert average_precision(scores, truth) >= average_precision_score(truth > 0, scores) - 1e-12
    falling = np.array([1, 1, 1, -1, 1, -1, -1, 1, -1, -1, -1, -1, 1, -1])
    ranked = -np.arange(len(falling), dtype=float)
    assert average_precision(ranked, falling) == pytest.approx(average_precision_score(falling > 0, ranked), abs=1e-12)


def test_by_hand():
    """Ranking + - (left out) + -: precision 1 at the first hit, 2/3 at the second."""
    scores, truth = np.array([0.9, 0.8, 0.7, 0.6, 0.5]), np.array([1, -1, 0, 1, -1])
    assert average_precision(scores, truth) == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision(scores, np.array([-1, -1, 0, 1, 1])) == pytest.approx(0.5)  # 1/3, then 2/4: made 1/2 twice
    assert np.isnan(average_precision(scores, np.array([-1, -1, 0, -1, -1])))


def test_a_score_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="1 of 2 scores are not numbers"):
        average_precision(np.array([0.1, np.nan]), np.array([1, -1]))
