"""Which maps answer alike: correlations against numpy, the order of a clustering, pairs of two networks."""

import numpy as np
import pytest

from zfnet.analysis.atlas import likeness as module
from zfnet.analysis.atlas.likeness import correlations, map_likeness, match, own_correlations


@pytest.fixture
def peaks() -> np.ndarray:
    generator = np.random.default_rng(0)
    peaks = generator.random((50, 6)).astype(np.float32)
    peaks[3] = np.nan  # not seen
    peaks[:, 5] = np.where(np.isnan(peaks[:, 5]), np.nan, 2)  # the same on every image
    return peaks


def test_correlations_are_numpys_whatever_the_rows_at_once(peaks, monkeypatch: pytest.MonkeyPatch):
    seen = np.delete(peaks, 3, 0).astype(float)
    expected = np.corrcoef(seen[:, :5].T)
    for rows in (2048, 7):
        monkeypatch.setattr(module, "ROWS", rows)
        found = correlations(peaks, peaks)
        np.testing.assert_allclose(found[:5, :5], expected, atol=1e-10)
        assert not found[5].any()
        assert not found[:, 5].any()
    np.testing.assert_allclose(own_correlations(peaks, peaks[:, ::-1])[:1], found[0, 5], atol=1e-9)
    np.testing.assert_allclose(own_correlations(peaks, peaks)[:5], 1, atol=1e-6)


def test_alike_maps_stand_beside_each_other():
    generator = np.random.default_rng(1)
    sources = generator.normal(size=(300, 3))
    family = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2])
    peaks = sources[:, family] + 0.1 * generator.normal(size=(300, 9))
    found = map_likeness(peaks)
    assert sorted(found.order) == list(range(9))
    assert (np.diff(family[found.order]) != 0).sum() == 2  # each family in one piece
    assert all(family[found.neighbour[one, 0]] == family[one] for one in range(9))
    assert found.neighbour[0, 0] != 0


def test_one_or_two_maps_have_an_order_too():
    for maps in (1, 2):
        found = map_likeness(np.random.default_rng(0).random((20, maps)))
        assert sorted(found.order) == list(range(maps))


def test_maps_are_matched_one_to_one():
    generator = np.random.default_rng(2)
    peaks, shuffle = generator.random((100, 5)), np.array([3, 0, 4, 1, 2])
    partner, alike = match(peaks, peaks[:, shuffle])
    assert shuffle[partner].tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(alike, 1, atol=1e-9)
    partner, _ = match(peaks, peaks[:, :2])
    assert sorted(partner.tolist()) == [-1, -1, -1, 0, 1]


def test_other_images_are_refused():
    with pytest.raises(ValueError, match="over 4 and 5 images"):
        correlations(np.zeros((4, 2)), np.zeros((5, 2)))
