"""Intervals of means: against the normal ones of many images, and images drawn rather than values."""

import numpy as np
import pytest
from scipy.stats import norm, t

from experiments.tables.text_table import mean_and_deviation
from zfnet.analysis import folds_interval, mean_interval, share_interval


def test_of_many_images_it_is_the_normal_interval():
    values = np.random.default_rng(0).exponential(2.0, 4000)
    half = norm.ppf(0.975) * values.std(ddof=1) / np.sqrt(len(values))
    low, high = mean_interval(values)
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.15 * half)
    narrow = mean_interval(values, level=0.5)
    assert low < narrow[0] < values.mean() < narrow[1] < high


def test_values_of_one_image_are_drawn_together():
    """Ten times the same value in each image is no more than one."""
    values = np.random.default_rng(1).random(40)
    once, ten = mean_interval(values), mean_interval(10 * values, np.full(40, 10.0))
    assert ten == pytest.approx(once)
    flat = np.repeat(values, 10)
    assert mean_interval(flat)[1] - mean_interval(flat)[0] < 0.5 * (ten[1] - ten[0])


def test_images_without_values_count_for_nothing_and_one_image_has_no_interval():
    sums, counts = np.array([1.0, 3, 0, 4]), np.array([1.0, 2, 0, 2])
    assert mean_interval(sums, counts) == mean_interval(sums[counts > 0], counts[counts > 0])
    assert np.isnan(mean_interval(np.array([2.0, 0.0]), np.array([1.0, 0.0]))).all()
    assert np.isnan(mean_interval(np.zeros(0))).all()


def test_a_share_has_wilson_s_interval():
    """As in Brown, Cai and DasGupta 2001, section 3.1.1, worked out by hand."""
    z, share, count = norm.ppf(0.975), 0.1, 50
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    assert share_interval(share, count) == pytest.approx((middle - half, middle + half))
    low, high = share_interval(0.0, 20)
    assert low == 0
    assert 0.1 < high < 0.2
    assert np.isnan(share_interval(0.5, 0)).all()


def test_a_mean_over_folds_has_student_s_interval():
    values = np.array([60.0, 62, 64, 61])
    half = t.ppf(0.975, 3) * values.std(ddof=1) / 2
    assert folds_interval(values) == pytest.approx((values.mean() - half, values.mean() + half))
    assert folds_interval(np.full(3, 7.0)) == (7, 7)
    assert np.isnan(folds_interval(values[:1])).all()
    assert mean_and_deviation(values) == f"61.8 ± 1.7 [{values.mean() - half:.1f}, {values.mean() + half:.1f}]"
    assert [mean_and_deviation(values[:count]) for count in (2, 1, 0)] == ["61.0 ± 1.4", "60.0", "-"]
