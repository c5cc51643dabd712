"""What counts as a finding: hypergeometric tails against scipy's, and the cases that people meet."""

import numpy as np
import pytest
from scipy.stats import hypergeom

from zfnet.figures.drawing.enrichment import enriched_class, tail


@pytest.mark.parametrize(
    ("found", "drawn", "size", "total"), [(1, 9, 50, 500), (4, 9, 50, 500), (9, 9, 9, 9), (0, 3, 2, 8)]
)
def test_the_tail_is_scipys(found: int, drawn: int, size: int, total: int):
    assert tail(found, drawn, size, total) == pytest.approx(hypergeom.sf(found - 1, total, size, drawn), rel=1e-9)


@pytest.mark.parametrize(
    ("found", "classes", "clear"),
    [(2, 40, False), (3, 40, False), (4, 40, True), (4, 10, False), (5, 10, True), (2, 1000, False), (3, 1000, True)],
)
def test_how_many_of_nine_are_a_finding_among_classes_of_fifty(found: int, classes: int, clear: bool):
    labels = np.array([7 if rank < found else -1 for rank in range(9)])
    labels[labels < 0] = np.delete(np.arange(classes), 7)[: 9 - found]
    assert enriched_class(labels, np.full(classes, 50)) == ((7, found) if clear else None)


def test_a_class_that_all_images_have_is_none_and_a_rare_one_beside_it_is():
    assert enriched_class(np.zeros(9, int), np.array([100])) is None  # a flat folder
    assert enriched_class(np.array([0] * 6 + [1] * 3), np.array([900, 100])) is None
    assert enriched_class(np.array([0] * 5 + [1] * 4), np.array([990, 10])) == (1, 4)  # not the commonest
    assert enriched_class(np.ones(9, int), np.array([900, 100])) == (1, 9)


def test_labels_that_are_no_class_do_not_count():
    assert enriched_class(np.array([-1, -1, -100]), np.array([5, 5])) is None
    assert enriched_class(np.array([3, 3, 3]), np.array([5, 5])) is None
    assert enriched_class(np.array([1] * 5 + [-1] * 4), np.array([95, 5])) == (1, 5)
