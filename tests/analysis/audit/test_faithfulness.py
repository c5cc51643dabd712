"""Taking pixels away in networks where it is known what each is worth, and imputation against Quantus."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from known_networks import LinearScores, Small, of_class, some_images
from quantus.functions.perturb_func import noisy_linear_imputation

from zfnet.analysis.audit import FRACTIONS, Pictures, curves, faithfulness, impute, ranked, strongest_units


def as_unit(numbers: list[int]):
    """Scores asked for as units: their values count, not their probabilities."""
    targets = of_class(numbers)
    return type(targets)(kind="unit", layer=targets.layer, units=targets.units, field=None, cam_layer=targets.cam_layer)


def test_with_all_pixels_alike_the_value_falls_by_the_weights_that_are_gone():
    model, images = LinearScores(positive=True), torch.ones(1, 3, 16, 16)
    weights = model.truth(1).sum(0)  # (16, 16), what each pixel is worth
    generator = np.random.default_rng(0)
    found = curves(model, images, as_unit([1]), weights[None].numpy(), way="deletion", generator=generator)
    in_order = weights.flatten().sort(descending=True).values
    expected = [float(1 - in_order[: round(share * 256)].sum() / weights.sum()) for share in FRACTIONS]
    assert found[0] == pytest.approx(expected, abs=1e-5)
    back = curves(model, images, as_unit([1]), weights[None].numpy(), way="insertion", generator=generator)
    assert back[0] == pytest.approx([1] * len(FRACTIONS), abs=1e-5)  # a blur of a flat image is the image


def test_no_order_takes_more_than_the_true_one_and_blank_pictures_are_as_random_ones():
    model, images = LinearScores(positive=True), torch.ones(8, 3, 16, 16)
    truth = torch.stack([model.truth(0)] * 8)
    pictures = {
        "truth": Pictures(values=truth, signed=False),
        "the reverse": Pictures(values=1 / truth.sum(1, keepdim=True), signed=False),
        "blank": Pictures(values=torch.zeros(8, 1, 16, 16), signed=False),
    }
    found = faithfulness(model, images, as_unit([0] * 8), pictures, seed=0, ways=["deletion"])
    mean = {one.method: float(np.mean(one.values)) for one in found if one.measure == "deletion"}
    assert mean["truth"] < mean["random"] - 0.03
    assert mean["the reverse"] > mean["random"] + 0.03
    assert mean["random"] == pytest.approx(1 - np.mean(FRACTIONS), abs=0.01)
    assert mean["blank"] == pytest.approx(mean["random"], abs=0.01)
    assert mean["centre"] == pytest.approx(mean["random"], abs=0.02)
    assert {one.method: len(one.blank) for one in found if one.measure == "deletion"}["blank"] == 8


def test_of_classes_the_probability_is_watched_and_of_a_unit_only_the_pixels_that_it_sees():
    model, images = Small().eval(), some_images()
    targets = of_class([0, 1, 2, 3])
    importance = np.random.default_rng(0).random((4, 16, 16))
    found = curves(model, images, targets, importance, way="deletion", generator=np.random.default_rng(0))
    order = np.argsort(-importance[2].ravel())[: round(FRACTIONS[1] * 256)]
    gone = images[2].clone()
    gone.view(3, -1)[:, order] = 0
    expected = [float(model(one[None]).detach().softmax(1)[0, 2]) for one in (gone, images[2])]
    assert found[2, 1] == pytest.approx(expected[0] / expected[1], rel=1e-5)
    units = strongest_units(model, images, "second")
    left, top, right, bottom = units.boxes(16, 16)[0]
    (outside, *_) = [row for row in range(16) if not top <= row < bottom]
    importance[:] = 0
    importance[0, top:bottom, left:right] = np.random.default_rng(1).random((bottom - top, right - left))
    alone = curves(model, images, units, importance, way="deletion", generator=np.random.default_rng(1))
    importance[0, outside] = 9  # most of it where the unit cannot look
    assert curves(model, images, units, importance, way="deletion", generator=np.random.default_rng(1)) == (
        pytest.approx(alone)
    )
    assert alone[0].tolist() != [1] * len(FRACTIONS)


@pytest.mark.parametrize("share", [0.1, 0.6])
def test_imputation_is_quantus(share: float):
    generator = np.random.default_rng(0)
    image, removed = generator.standard_normal((3, 20, 24)), generator.random((20, 24)) < share
    found = impute(image, removed, generator=generator, noise=0.0)
    expected = noisy_linear_imputation(image, removed.ravel().nonzero()[0], noise=0.0)
    assert found == pytest.approx(expected, abs=1e-8)


def test_imputation_restores_a_slope_and_leaves_what_was_not_removed():
    slope = np.add.outer(np.arange(12.0), 2 * np.arange(12.0))[None]
    removed = np.zeros((12, 12), bool)
    removed[4:8, 3:9] = True
    found = impute(slope, removed, generator=np.random.default_rng(0), noise=0.0)
    assert found == pytest.approx(slope, abs=1e-9)
    noisy = impute(slope, removed, generator=np.random.default_rng(0), noise=0.5)
    assert (noisy != slope)[0].sum() == removed.sum()
    assert np.std(noisy - slope, where=removed[None]) == pytest.approx(0.5, rel=0.4)
    everything = impute(slope, np.ones((12, 12), bool), generator=np.random.default_rng(0), noise=0.0)
    assert everything == pytest.approx(np.full((1, 12, 12), slope.mean()))


def test_road_tells_what_the_neighbours_cannot():
    """A network that looks at one pixel: with it gone and filled in from around it, the value is its neighbours'."""
    model = LinearScores()
    model.scores.weight.data.zero_()
    model.scores.weight.data[0, 8 * 16 + 8] = 1  # red of pixel (8, 8)
    images = torch.full((1, 3, 16, 16), 3.0)
    images[0, 0, 8, 8] = 30
    importance = np.zeros((1, 16, 16))
    importance[0, 8, 8] = 1
    values = {
        way: curves(model, images, as_unit([0]), importance, way=way, generator=np.random.default_rng(0))[0]
        for way in ("deletion", "ROAD", "insertion")
    }
    assert values["deletion"].tolist() == [0] * len(FRACTIONS)
    assert values["ROAD"] == pytest.approx([0.1] * len(FRACTIONS), abs=0.01)
    assert values["insertion"] == pytest.approx([1] * len(FRACTIONS), abs=1e-5)
    with pytest.raises(ValueError, match="way 'melt' is not one of deletion, ROAD, insertion"):
        curves(model, images, as_unit([0]), importance, way="melt", generator=np.random.default_rng(0))


def test_equal_pixels_go_in_an_order_drawn_at_random_and_not_in_that_of_reading():
    picture = np.zeros((16, 16))
    picture[9, 3] = 1
    first, second = (ranked(picture, (0, 0, 16, 16), np.random.default_rng(seed)) for seed in (0, 1))
    assert first[0] == second[0] == 9 * 16 + 3
    assert (np.diff(first[1:]) > 0).mean() < 0.6  # in reading order all would rise
    assert first.tolist() != second.tolist()
    assert sorted(first) == list(range(256))
