"""Sentences 10 to 15 on cases whose answer is known."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from experiments.report_parts.claim_tables import TableClaims
from zfnet.analysis.claims import (
    accuracy_effect,
    averaging_effect,
    depth_effect,
    mixed,
    part_effect,
    sharing,
    sharing_effect,
    where_shown,
    where_shown_effect,
    within,
)


def pairs(images: int, value: float, generator: np.random.Generator) -> np.ndarray:
    return value + 0.01 * generator.normal(size=images * (images - 1) // 2)


def test_parts_that_change_a_layer_alike():
    generator = np.random.default_rng(0)
    classes = [(pairs(12, 0.07, generator), np.stack([pairs(12, 0.1, generator) for _ in range(4)])) for _ in range(2)]
    found = part_effect("layer 5", {"eye": classes, "nose": classes})
    assert found.count == 24
    assert found.value == pytest.approx(0.03, abs=0.004)
    assert found.above_zero
    assert found.parts["parts"] == pytest.approx(0.07, abs=0.004)
    swapped = [(random.mean(0), own[None]) for own, random in classes]
    assert part_effect("layer 5", {"eye": swapped}).high < 0


def test_parts_and_floor_are_what_the_effect_is_of_also_where_classes_have_other_numbers_of_images():
    generator, arrays = np.random.default_rng(0), {}
    for name, images in (("owl", 3), ("lynx", 12)):
        pairs = images * (images - 1) // 2
        own, random = generator.random(pairs), generator.random((4, pairs))
        arrays |= {f"{name}/eye/5/pairs": own, f"{name}/eye/5/random_pairs": random}
        # and of two networks with fresh weights the same
        arrays |= {f"{name}/eye/5/fresh_pairs": np.stack([own] * 2)}
        arrays |= {f"{name}/eye/5/fresh_random_pairs": np.stack([random] * 2)}
    found = TableClaims._parts(arrays, "5")
    assert found.parts["random squares"] - found.parts["parts"] == pytest.approx(found.value, abs=1e-12)
    assert found.floors["fresh weights"] == pytest.approx(found.value, abs=1e-12)


def test_parts_like_any_square_do_not_hold():
    """With what makes pairs of the same image alike: an image that is far from all others is so with every square."""
    generator, held = np.random.default_rng(1), 0
    for _ in range(60):
        own, random = (
            np.array([a[i] + a[j] for i, j in combinations(range(10), 2)]) for a in generator.normal(size=(2, 10))
        )
        held += part_effect("none", {"eye": [(own, random[None])]}, draws=200).above_zero
    assert held <= 7


def asked(right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.arange(right.size) % 100, right.reshape(-1)


def test_probes_are_compared_on_the_same_images():
    generator = np.random.default_rng(0)
    low = generator.random(300) < 0.4
    high = low | (generator.random(300) < 0.3)
    found = accuracy_effect("layer 2 over layer 1", asked(high), asked(low))
    assert found.count == 100
    assert found.above_zero
    assert found.value == pytest.approx(high.mean() - low.mean())
    assert not accuracy_effect("same", asked(low), asked(low)).above_zero
    with pytest.raises(ValueError, match="different images"):
        accuracy_effect("other", asked(low), (np.arange(300), low))


def test_depth_against_the_worst_of_the_others():
    images = np.arange(1000)
    right = {"whole": images < 600, "no_34": images < 550, "no_67": images < 500, "no_3467": images < 300}
    found = depth_effect(right, "whole", "no_3467")
    assert found.name == "less no_67"
    assert found.value == pytest.approx(0.2)
    assert found.above_zero
    assert not depth_effect({**right, "no_3467": images < 505}, "whole", "no_3467").above_zero


def test_averaging_networks_of_independent_faults_lowers_the_error():
    generator = np.random.default_rng(0)
    label = generator.integers(10, size=800)
    networks = []
    for _ in range(3):
        scores = generator.normal(size=(800, 10))
        scores[np.arange(800), label] += 1.5
        networks.append(np.exp(scores) / np.exp(scores).sum(1, keepdims=True))
    found = averaging_effect(networks, label, ["a", "b", "c"])
    assert found.above_zero
    assert found.beyond("the best one")
    assert found.parts["their average"] < found.parts["a"]
    assert not averaging_effect([networks[0]] * 2, label, ["a", "a"]).above_zero


def test_nine_that_share_what_is_shown_and_vary_elsewhere():
    generator = np.random.default_rng(0)
    shape = generator.normal(size=(20, 1, 3, 8, 8))
    shown = shape + 0.3 * generator.normal(size=(20, 9, 3, 8, 8))
    seen = 0.3 * shape + generator.normal(size=(20, 9, 3, 8, 8))
    found = sharing_effect("conv4", sharing(list(shown), list(seen)))
    assert found.count == 20
    assert found.over == "filters"
    assert found.above_zero
    assert found.parts["projections"] > 0.8
    assert sharing_effect("conv4", sharing(list(seen), list(shown))).high < 0
    across = sharing_effect("conv4", sharing(mixed(list(shown)), mixed(list(seen))))
    assert abs(across.value) < 0.05
    assert across.parts["projections"] < 0.1


def test_patches_that_share_the_place_that_is_shown_and_nothing_else():
    generator = np.random.default_rng(3)
    seen = generator.normal(size=(6, 9, 32, 24, 3))
    shown = np.zeros_like(seen)
    shown[:, :, 8:16, 8:16] = generator.normal(size=(6, 9, 8, 8, 3))
    seen[:, :, 8:16, 8:16] = generator.normal(size=(6, 1, 8, 8, 3))
    there = where_shown_effect("conv4", where_shown(list(shown), list(seen)))
    assert there.above_zero
    assert there.parts["where shown"] > 0.5 > 0.05 > abs(there.parts["elsewhere"])
    away = where_shown_effect("conv4", where_shown(list(np.roll(shown, 16, axis=2)), list(seen)))
    assert away.high < 0


def test_correlation_where_shown_is_numpys_weighted_one_of_each_pair():
    generator = np.random.default_rng(4)
    seen, shown = generator.normal(size=(3, 16, 12, 2)), generator.normal(size=(3, 16, 12, 2))
    around = gaussian_filter(np.abs(shown).sum(-1), (0, 1, 1))
    around /= around.max((1, 2), keepdims=True)
    found = []
    for first, second in ((0, 1), (0, 2), (1, 2)):
        inside = np.repeat((around[first] + around[second]).ravel() / 2, 2)
        for weights in (inside, inside.max() - inside):
            one, other = (
                seen[at].ravel() - np.average(seen[at].ravel(), weights=weights) for at in (first, second)
            )  # fmt: skip
            found.append((weights * one * other).sum() / np.sqrt((weights * one**2).sum() * (weights * other**2).sum()))
    np.testing.assert_allclose(where_shown([shown], [seen])[0], np.mean(np.reshape(found, (3, 2)), 0))
    blank = where_shown([np.zeros_like(shown)], [seen])
    assert blank[0, 0] == 0


def test_correlation_within_a_set_is_the_mean_of_its_pairs():
    generator = np.random.default_rng(2)
    pictures = generator.normal(size=(5, 3, 4, 4))
    own = np.corrcoef(pictures.reshape(5, -1))[np.triu_indices(5, 1)].mean()
    assert within(pictures) == pytest.approx(own)
    assert within(np.stack([np.zeros((3, 4, 4)), pictures[0]])) == 0
    assert np.isnan(within(pictures[:1]))


def test_other_maps_pictures_are_mixed_one_of_each():
    sets = [np.full((3, 1), at) for at in range(5)]
    assert [one[:, 0].tolist() for one in mixed(sets)] == [[0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 0], [4, 0, 1]]
