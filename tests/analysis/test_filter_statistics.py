"""Fig. 6's numbers, against pictures whose spectra are known."""

import numpy as np
import pytest

from zfnet.analysis.filter_statistics import band_shares, largest_over_median

AREAS = (np.pi / 36, np.pi / 9 - np.pi / 36, 1 - np.pi / 9)  # of the three bands, in the unit square of frequencies


def wave(cycles_a_px: float, angle: float, px: int = 32) -> np.ndarray:
    rows, columns = np.mgrid[:px, :px]
    phase = 2 * np.pi * cycles_a_px * (rows * np.sin(angle) + columns * np.cos(angle))
    window = np.hanning(px)[:, None] * np.hanning(px)
    return np.stack([np.cos(phase) * window] * 3)


def test_a_point_has_all_frequencies_alike() -> None:
    point = np.zeros((1, 3, 7, 7))
    point[0, 1, 3, 2] = 5
    assert band_shares(point) == pytest.approx(AREAS, abs=0.01)
    noise = np.random.default_rng(0).normal(size=(200, 3, 7, 7))
    assert band_shares(noise) == pytest.approx(AREAS, abs=0.01)


@pytest.mark.parametrize(
    ("cycles", "band"), [(0.0, 0), (0.08, 0), (0.25, 1), (0.45, 2), (0.6, 2)]
)  # beyond 0.5 only slanting waves exist
def test_waves_lie_in_their_band(cycles: float, band: int) -> None:
    for angle in (np.pi / 4, *((0.0, 1.0) if cycles <= 0.5 else ())):
        assert band_shares(wave(cycles, angle)[None])[band] > 0.97


def test_pictures_count_alike_whatever_their_contrast_and_blank_ones_do_not() -> None:
    low, high, blank = wave(0.05, 0), 1e3 * wave(0.4, 0), np.zeros((3, 32, 32))
    assert band_shares(np.stack([low, high, blank])) == pytest.approx([0.5, 0, 0.5], abs=0.02)
    assert np.isnan(band_shares(blank[None])).all()


def test_larger_pictures_than_the_ground() -> None:
    assert band_shares(wave(0.25, 0.3, px=100)[None])[1] > 0.97


def test_a_dominating_filter_shows() -> None:
    filters = np.zeros((5, 3, 2, 2))
    filters[:, 0, 0, 0] = [1, -2, 3, 4, -30]
    assert largest_over_median(filters) == 10
    assert largest_over_median(np.array([[0.0], [0.0], [1.0]])) == float("inf")
