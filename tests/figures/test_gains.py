"""Gains of projections against numpy by hand: one scale a picture for all its channels, and the words for it."""

import numpy as np
import pytest

from zfnet.figures.drawing.gains import check_gain, gain_in_words, gained
from zfnet.figures.drawing.montage import around_grey


def pictures() -> np.ndarray:
    """Two pictures whose channels differ tenfold, half of each without anything."""
    values = np.random.default_rng(0).normal(size=(2, 3, 20, 20)) * np.array([1, 10, 100])[None, :, None, None]
    values[:, :, 10:] = 0
    values[1] *= 7
    return values


@pytest.mark.parametrize(("gain", "percent"), [("largest", 100), ("p100", 100), ("p99.9", 99.9), ("p75", 75)])
def test_a_percentile_of_what_is_not_zero_over_the_three_channels_together(gain: str, percent: float):
    values = pictures()
    for one, scaled in zip(values, gained(values, gain), strict=True):
        there = np.abs(one[one != 0])
        np.testing.assert_allclose(scaled, one / np.percentile(there, percent), rtol=1e-12)


def test_a_power_lifts_what_is_faint_and_keeps_signs_and_the_largest():
    values = pictures()
    for one, scaled in zip(values, gained(values, "power0.5"), strict=True):
        np.testing.assert_allclose(np.abs(scaled), np.sqrt(np.abs(one) / np.abs(one).max()))
        assert (np.sign(scaled) == np.sign(one)).all()


def test_nothing_is_grey_under_every_gain():
    for gain in ("largest", "p99.9", "power0.7"):
        assert (around_grey(np.zeros((1, 3, 4, 4)), gain=gain) == 0.5).all()


def test_the_words_name_the_gain_and_what_it_does():
    assert "|value| that 99.9 % of its numbers other than 0 do not exceed" in gain_in_words("p99.9")
    assert gain_in_words("largest").startswith("gain=largest: zero is mid-grey")
    assert "power of 0.7" in gain_in_words("power0.7")


@pytest.mark.parametrize("wrong", ["strong", "p49", "p101", "power0", "power1.5", "power", "", None, 0.7])
def test_another_gain_is_refused_with_the_choices(wrong: object):
    with pytest.raises(ValueError, match=r"gain=.* is not one of largest, p99\.9"):
        check_gain(wrong)  # type: ignore[arg-type]
