"""Intervals of means: against the normal ones of many images, and images drawn rather than values."""

import numpy as np
import pytest
from scipy.stats import norm

from zfnet.analysis import mean_interval


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
