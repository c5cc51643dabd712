"""Effects and verdicts: what is planted is found, and nothing is found at the rate that 95 % leaves to chance."""

from __future__ import annotations

import numpy as np
import pytest

from zfnet.analysis import difference_interval, drawn_interval
from zfnet.analysis.claims import (
    FAILS,
    HOLDS,
    NOT_HERE,
    SENTENCES,
    Claim,
    Effect,
    difference_effect,
    drawn_effect,
    mean_effect,
)

TRIES = 300


def effect(low: float, high: float, **more: object) -> Effect:
    middle = (low + high) / 2
    return Effect(name="one", value=middle, low=low, high=high, over="images", count=9, **more)  # type: ignore[arg-type]


def test_it_holds_only_if_every_effect_lies_above_zero():
    sentence = SENTENCES[8]
    assert Claim(sentence=sentence, effects=[effect(0.1, 0.3), effect(0.01, 0.2)]).verdict == HOLDS
    assert Claim(sentence=sentence, effects=[effect(0.1, 0.3), effect(-0.01, 0.2)]).verdict == FAILS
    other_way = Claim(sentence=sentence, effects=[effect(-0.3, -0.1)])
    assert other_way.verdict == FAILS
    assert other_way.remarks == ["one: it is the other way round"]
    assert Claim(sentence=sentence, effects=[], why="no boxes").verdict == NOT_HERE
    assert Claim(sentence=sentence, effects=[effect(np.nan, np.nan)]).verdict == NOT_HERE


def test_a_floor_that_gives_as_much_is_told():
    one = effect(0.1, 0.3, floors={"fresh weights": 0.2, "centre": 0.05})
    claim = Claim(sentence=SENTENCES[5], effects=[one])
    assert claim.verdict == HOLDS
    assert claim.remarks == ["one: no more than fresh weights gives"]


def test_planted_means_are_found_and_images_without_a_value_left_out():
    generator = np.random.default_rng(0)
    found = mean_effect("one", np.concatenate([0.5 + generator.normal(size=200), [np.nan] * 7]))
    assert found.count == 200
    assert found.low < 0.5 < found.high
    assert found.above_zero
    both = difference_effect("two", 1 + generator.normal(size=80), generator.normal(size=120), over="filters")
    assert both.count == 200
    assert both.low < 1 < both.high
    assert not mean_effect("none", np.full(5, np.nan)).measured


@pytest.mark.parametrize("kind", ["mean", "difference", "drawn"])
def test_nothing_holds_at_the_rate_of_chance(kind: str):
    """The interval is two-sided at 95 %: where there is nothing, 2.5 % of tries come out above 0."""
    generator, held = np.random.default_rng(3), 0
    for _ in range(TRIES):
        one, other = generator.normal(size=(2, 60))
        if kind == "mean":
            held += mean_effect("none", one, draws=300).above_zero
        elif kind == "difference":
            held += difference_effect("none", one, other, over="filters", draws=300).above_zero
        else:
            held += drawn_effect("none", 60, lambda at: float(one[at].mean()), over="images", draws=200).above_zero  # noqa: B023
    assert 0.003 * TRIES <= held <= 0.06 * TRIES


def test_a_difference_is_drawn_apart_and_numbers_together():
    generator = np.random.default_rng(1)
    one, other = generator.normal(size=400), generator.normal(size=100)
    low, high = difference_interval(one, other)
    half = 1.96 * np.sqrt(1 / 400 + 1 / 100)
    assert (high - low) / 2 == pytest.approx(half, rel=0.15)
    low, high = drawn_interval(400, lambda at: float(one[at].mean()))
    assert (high - low) / 2 == pytest.approx(1.96 / 20, rel=0.15)
    assert np.isnan(drawn_interval(1, float)).all()
    assert np.isnan(difference_interval(one, one[:1])).all()


def test_fifteen_sentences_say_where_they_stand():
    assert list(SENTENCES) == list(range(1, 16))
    assert all(one.statement.endswith(".") and ("section" in one.where) for one in SENTENCES.values())
