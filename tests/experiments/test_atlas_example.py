"""The map that the front page teaches reading on answers to several images: none of its projections is empty."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from experiments.atlas_parts.pages import how_far_out, worked_example

PLACES = 4
PEAKS = np.array([  # of three maps on ten images
    [900, 0, 0, 0, 0, 0, 0, 0, 0, -1],  # one image's alone: its other places project to nothing
    [90, 88, 85, 84, 10, 12, 10, 9, 11, 10],
    [90, 80, 70, 60, 50, 40, 30, 20, 10, 5],
], float)  # fmt: skip


def numbers() -> Any:
    low, high = PEAKS.min(1), PEAKS.max(1)
    histogram = np.stack([np.histogram(one, 32, (one.min(), one.max()))[0] for one in PEAKS])
    value = -np.sort(-PEAKS, 1)[:, :PLACES]
    return SimpleNamespace(
        value=value, low=low, high=high, histogram=histogram, precision=np.zeros((3, 5)), best=np.full((3, 5), -1),
        image=np.zeros((3, PLACES), int),
    )  # fmt: skip


def test_the_last_place_stands_out_too():
    worth = how_far_out(numbers(), PLACES)
    exact = (PEAKS[1, 3] - PEAKS[1].mean()) / PEAKS[1].std()
    assert np.argmax(worth) == 1
    assert abs(worth[1] - exact) < 0.1


def test_the_example_has_no_empty_projection():
    plan = SimpleNamespace(number=0, field=object(), tile=(96, 96), places=PLACES)
    assert worked_example([plan], [numbers()]) == {"layer": 0, "map": 1, "best": None, "places": PLACES}


def test_there_is_none_where_no_map_has_enough_places():
    one = numbers()
    one.value[:, -1] = -np.inf
    assert worked_example([SimpleNamespace(number=0, field=object(), tile=(96, 96), places=PLACES)], [one]) is None
