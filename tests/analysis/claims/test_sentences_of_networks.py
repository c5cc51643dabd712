"""Sentences 1 to 9 on cases whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from zfnet.analysis.claims import (
    abruptness,
    abruptness_effect,
    activity_at,
    centre_box,
    changed_labels,
    dead_effect,
    dominance_effect,
    drops_by_box,
    frequency_effect,
    object_effect,
    projection_effect,
    projection_places,
    settling_effect,
    share_of_largest,
    turning_effects,
)
from zfnet.analysis.evolution import Moment
from zfnet.analysis.evolution.cka import centred_gram
from zfnet.analysis.invariance import Invariance, transform_called
from zfnet.analysis.occlusion import Occlusion, occlude
from zfnet.deconv import Deconvnet

EPOCHS = (0, 1, 2, 4, 8)


def moments(settles: dict[str, int], images: int = 60, seed: int = 0) -> list[Moment]:
    """A training whose layers turn from what they were into what they will be, each at an epoch of its own."""
    generator = np.random.default_rng(seed)
    start, end = ({layer: generator.normal(size=(images, 40)) for layer in settles} for _ in range(2))
    found = []
    for epoch in EPOCHS:
        grams = {
            layer: centred_gram(torch.from_numpy((end if epoch >= settles[layer] else start)[layer]))
            for layer in settles
        }
        found.append(Moment(epoch=epoch, activations=grams, projections=grams, layers={}, changed={}))
    return found


def test_layers_that_settle_later_are_found_with_their_epochs():
    found = settling_effect(moments({"conv1": 1, "conv2": 1, "conv3": 2, "conv4": 8, "conv5": 8}))
    assert found.value == 7
    assert found.low == found.high == 7
    assert found.above_zero
    assert found.parts["conv3 settles at epoch"] == 2
    assert abs(found.parts["conv5 before training"]) < 0.3
    other_way = settling_effect(moments({"conv1": 8, "conv2": 4, "conv3": 1}))
    assert other_way.value == -7
    assert other_way.high < 0


def test_layers_that_settle_together_do_not_hold():
    assert not settling_effect(moments({"conv1": 2, "conv2": 2, "conv3": 2})).above_zero
    assert not settling_effect(moments({"conv1": 1, "conv2": 8}, images=10)).measured


def waves(cycles: float, count: int, side: int = 11, noise: float = 0.1) -> np.ndarray:
    """Filters that are waves of so many cycles a pixel, and a little noise."""
    generator = np.random.default_rng(int(100 * cycles))
    phase = generator.uniform(0, 2 * np.pi, (count, 1, 1, 1))
    across = 2 * np.pi * cycles * np.arange(side)
    return np.cos(across + phase) + noise * generator.normal(size=(count, 3, side, side))


def test_middle_frequencies_are_told_from_low_and_high_ones():
    middle = waves(0.25, 40)
    outer = np.concatenate([waves(0.02, 20), waves(0.45, 20)])
    found = frequency_effect(middle, outer)
    assert found.value > 0.5
    assert found.above_zero
    assert found.parts["ZFNet"] > 0.7
    assert frequency_effect(outer, middle).high < 0
    assert not frequency_effect(waves(0.25, 30, noise=0.3), waves(0.25, 30, noise=0.31)).low > 0.05


def test_dead_filters_are_counted():
    found = dead_effect(np.arange(96) < 2, np.arange(96) < 40)
    assert found.value == pytest.approx(38 / 96)
    assert found.above_zero
    assert not dead_effect(np.zeros(96, bool), np.zeros(96, bool)).above_zero
    assert not dead_effect(np.arange(96) < 20, np.arange(96) < 20).above_zero


def test_a_few_large_filters_dominate():
    unlimited, limited = np.random.default_rng(0).normal(size=(2, 96, 3, 7, 7))
    assert share_of_largest(np.ones((50, 3))) == pytest.approx(0.1)
    unlimited[:8] *= 6
    found = dominance_effect(unlimited, limited, draws=300)
    assert found.above_zero
    assert found.parts["without"] > 0.7


def test_filters_of_the_same_kind_do_not_dominate():
    generator, held = np.random.default_rng(0), 0
    for seed in range(60):
        one, other = generator.normal(size=(2, 48, 3, 5))
        held += dominance_effect(one, other, draws=100, seed=seed).above_zero
    assert held <= 6


def swept(name: str, curves: dict[int, Tensor], label: Tensor, values: list[float]) -> Invariance:
    count = len(label)
    clean = torch.zeros(count, dtype=torch.int64)
    return Invariance(
        transform=name, values=torch.tensor(values, dtype=torch.float64), distance=dict(curves),
        norm={layer: torch.ones(count) for layer in curves}, probability=torch.ones_like(label, dtype=torch.float32),
        label=label, clean_probability=torch.ones(count), clean_label=clean, target=clean,
    )  # fmt: skip


def test_abruptness_is_half_for_a_straight_line_and_one_for_a_jump():
    far = [-60.0, -30, 0, 30, 60]
    straight, jump = torch.tensor([[2.0, 1, 0, 1, 2]] * 6), torch.tensor([[3.0, 3, 0, 3, 3]] * 6)
    label = torch.zeros(6, 5, dtype=torch.int64)
    result = swept("translation_y", {1: jump, 7: straight}, label, far)
    assert [one.tolist() for one in abruptness(result)] == [[1.0] * 6, [0.5] * 6]
    assert abruptness_effect(result).value == 0.5
    assert abruptness_effect(result).above_zero
    assert abruptness_effect(swept("translation_y", {1: straight, 7: jump}, label, far)).high < 0


def test_turning_counts_against_moving_and_symmetric_objects():
    assert transform_called("rotation").changes_nothing(360.0)
    turned = torch.ones(8, 4, dtype=torch.int64)
    turned[:, 0] = turned[:, 3] = 0
    turned[6:] = 0  # two that look alike turned
    rotation = swept("rotation", {1: turned.float(), 7: turned.float()}, turned, [0.0, 90, 180, 360])
    moved = swept(
        "scale", {1: turned.float(), 7: turned.float()}, torch.zeros(8, 3, dtype=torch.int64), [1.0, 1.4, 1.8]
    )
    assert changed_labels(rotation).tolist() == [1.0] * 6 + [0.0] * 2
    symmetric = np.arange(8) >= 6
    effects = turning_effects(rotation, [moved], symmetric)
    assert [one.value for one in effects] == [1.0, 1.0]
    assert all(one.above_zero for one in effects)
    assert len(turning_effects(rotation, [moved], np.zeros(8, bool))) == 1
    assert not turning_effects(rotation, [rotation], symmetric)[0].above_zero


def heat_of(drop: Tensor, activity: Tensor, size_px: int = 3) -> Occlusion:
    """With squares at 0, 3, 6 of images of 9 x 9."""
    count = len(drop)
    whole = torch.arange(3) * 3
    clean = torch.zeros(count, dtype=torch.int64)
    return Occlusion(
        probability=0.9 - drop, label=clean[:, None, None].expand(count, 3, 3), activity=activity,
        map=clean, rows=whole, columns=whole, clean_probability=torch.full((count,), 0.9), clean_label=clean,
        clean_activity=torch.full((count,), 2.0), target=clean, layer="conv5", size_px=size_px,
    )  # fmt: skip


def test_squares_on_the_object_are_told_from_those_beside_it():
    drop = torch.zeros(4, 3, 3)
    drop[:, 0, 0] = 0.8
    heat = heat_of(drop, torch.ones(4, 3, 3))
    boxes = [(0, 0, 3, 3)] * 3 + [None]
    assert drops_by_box(heat, boxes)[:3].tolist() == [[pytest.approx(0.8), 0.0]] * 3
    found = object_effect(heat, boxes, 9)
    assert found.count == 3
    assert found.value == pytest.approx(0.8)
    assert found.above_zero
    assert centre_box((0, 0, 3, 3), 9) == (3, 3, 6, 6)
    assert found.floors["centre"] == pytest.approx(-0.1)  # the middle square takes nothing, the others 0.8 / 8
    assert not object_effect(heat, [None] * 4, 9).measured


def test_drops_anywhere_do_not_hold():
    generator, held = torch.Generator().manual_seed(0), 0
    for _ in range(60):
        drop = torch.rand(40, 3, 3, generator=generator)
        held += object_effect(heat_of(drop, torch.ones(40, 3, 3)), [(0, 0, 5, 5)] * 40, 9).above_zero
    assert held <= 6


def test_activity_is_read_where_the_projection_lies():
    activity = torch.full((3, 3, 3), 2.0)
    activity[:, 2, 1] = 0.5
    heat = heat_of(torch.zeros(3, 3, 3), activity)
    places = np.array([[8, 4], [7, 3], [6, 5]])  # rows and columns that the square at (6, 3) covers
    assert activity_at(heat, places)[0].tolist() == pytest.approx([0.25, (8 + 0.25) / 9, 1.0])
    found = projection_effect(heat, places)
    assert found.above_zero
    assert found.value == pytest.approx((8 + 0.25) / 9 - 0.25)
    assert not projection_effect(heat, np.array([[1, 1]] * 3)).above_zero


class Spot(nn.Module):
    """Answers where the image is bright, by one filter of ones."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 3, bias=False)
        self.head = nn.Linear(2, 2)
        nn.init.ones_(self.conv.weight)

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.head(torch.relu(self.conv(images)).amax((2, 3)))
        return scores


def test_the_projection_lies_where_the_network_looks():
    images = torch.zeros(2, 3, 24, 24)
    images[0, :, 4:7, 16:19] = images[1, :, 15:18, 2:5] = 5
    model = Spot().eval()
    heat = occlude(model, images, [0, 0], size_px=3, stride_px=3, layer="conv", progress=False)
    places = projection_places(Deconvnet(model), images, heat)
    assert places.tolist() == [[5, 17], [16, 3]]
    assert projection_effect(heat, places).value > 0.3
