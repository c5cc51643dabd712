"""The numbers of a curve: on curves whose answers are known without counting."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from zfnet.analysis.invariance.measure import Invariance
from zfnet.analysis.invariance.summary import departure, label_range, valley


def result(name: str, values: Tensor, distance: Tensor, label: Tensor | None = None, **others: Tensor) -> Invariance:
    """A result of one layer, 5, with norm 10 and class 2 on the clean image."""
    count = len(distance)
    return Invariance(
        transform=name,
        values=values.double(),
        distance={5: distance},
        norm={5: torch.full((count,), 10.0)},
        probability=others.get("probability", torch.zeros_like(distance)),
        label=torch.full(distance.shape, 2) if label is None else label,
        clean_probability=torch.ones(count),
        clean_label=torch.full((count,), 2),
        target=torch.full((count,), 2),
    )


PIXELS = torch.arange(-20, 21)


def test_a_straight_line_has_steepness_one_and_is_half_way_at_half():
    straight = 0.3 * PIXELS.abs()
    two_sided = torch.where(PIXELS < 0, 5.0, 0.1) * PIXELS.abs()  # each side is straight by itself
    found = departure(result("translation_y", PIXELS, torch.stack([straight, two_sided])), 5)
    torch.testing.assert_close(found.steepness, torch.ones(2).double(), rtol=1e-6, atol=0)
    torch.testing.assert_close(found.slope, torch.full((2,), 1 / 20).double(), rtol=1e-6, atol=0)
    torch.testing.assert_close(found.half_way, torch.full((2,), 0.5).double(), rtol=1e-6, atol=0)
    torch.testing.assert_close(found.norm_slope, torch.tensor([0.03, (0.5 + 0.01) / 2]).double(), rtol=1e-6, atol=0)


def test_what_is_all_there_at_once_is_as_steep_as_it_can_be():
    at_once = 7.0 * (PIXELS != 0).double()[None]
    found = departure(result("translation_x", PIXELS, at_once), 5)
    assert [float(value) for value in found] == pytest.approx([1, 20, 1, 0.7])
    every_other = departure(result("translation_x", PIXELS[::2], at_once[:, ::2]), 5)
    assert [float(value) for value in every_other] == pytest.approx([0.5, 10, 1, 0.35])


def test_one_side_and_any_order_of_settings():
    scales = torch.tensor([1.8, 1.0, 1.2, 1.6, 1.4]).double()
    found = departure(result("scale", scales, (scales - 1)[None] ** 2), 5)
    assert [float(value) for value in found] == pytest.approx([(0.2 / 0.8) ** 2 / 0.2, 0.25, 0.25, 0.02])
    with pytest.raises(ValueError, match="all settings of scale leave the images as they are"):
        departure(result("scale", torch.ones(2), torch.zeros(1, 2)), 5)


def test_features_that_nothing_changes_have_no_slope_and_spoil_no_other_images():
    distance = torch.stack([0.0 * PIXELS, 0.3 * PIXELS.abs()])
    found = departure(result("translation_y", PIXELS, distance), 5)
    assert all(value.isnan().tolist() == [True, False] for value in found[:3])
    silent = result("translation_y", PIXELS, distance)
    silent.norm[5][1] = 0
    assert departure(silent, 5).norm_slope.isnan().tolist() == [False, True]
    assert departure(silent, 5).norm_slope[0] == 0


def test_turns_go_both_ways_to_half_a_turn():
    degrees = torch.arange(0, 361, 10)
    away = torch.minimum(degrees, 360 - degrees).double()[None]
    found = departure(result("rotation", degrees, away), 5)
    assert [float(value) for value in found] == pytest.approx([1 / 180, 1, 0.5, 0.1])


def test_the_label_stays_until_it_changes_first():
    label = torch.full((3, 41), 2)
    label[1, [17, 38, 22]] = 0  # at -3, 18 and 2 px
    label[2, [19, 21]] = 7
    found = label_range(result("translation_y", PIXELS, PIXELS.abs()[None].expand(3, -1).double(), label))
    assert found.tolist() == [[-20, 20], [-2, 1], [0, 0]]


def test_the_labels_range_goes_round_the_turn():
    degrees = torch.arange(0, 361, 10)
    label = torch.full((2, 37), 2)
    label[1, [4, 34]] = 1  # at 40 and at 340, which is -20
    found = label_range(result("rotation", degrees, torch.zeros(2, 37), label))
    assert found.tolist() == [[-180, 180], [-10, 30]]


def test_objects_of_fourfold_symmetry_have_valleys_at_quarter_turns_and_others_have_none():
    """sin^2 of twice the angle is zero at 0, 90, 180 and 270; 30 degrees beside, it is 3/4."""
    degrees = torch.arange(0, 361, 5)
    fourfold = (2 * degrees * math.pi / 180).sin() ** 2
    line = torch.minimum(degrees, 360 - degrees).double()
    found = result("rotation", degrees, torch.stack([fourfold, line]), probability=torch.stack([1 - fourfold, line]))
    for angle in (90, 180, 270):
        deeper, likelier = valley(found, 5, angle)
        assert deeper[0] == pytest.approx(1, abs=1e-6)
        assert likelier[0] == pytest.approx(0.75, abs=1e-6)
        assert deeper[1] <= 1e-9
    assert valley(found, 5, 90)[0][1] == pytest.approx(0)
    assert valley(found, 5, 180)[1][1] == pytest.approx(30)
    assert valley(found, 5, 45)[0][0] == pytest.approx(1 - 1 / 0.25, abs=1e-5)  # a ridge, not a valley


def test_a_valley_needs_a_whole_turn():
    with pytest.raises(ValueError, match="the result is of scale, expected rotation"):
        valley(result("scale", torch.ones(1), torch.zeros(1, 1)), 5, 90)
    with pytest.raises(ValueError, match="gaps wider than 30 degrees"):
        valley(result("rotation", torch.arange(0, 181, 10), torch.zeros(1, 19)), 5, 90)
