"""Table 1 against slow arithmetic of others: numpy signs, scipy's distances and permutation test, every choice."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist, squareform
from scipy.stats import permutation_test
from torch import nn

from zfnet import Deconvnet, build_model
from zfnet.analysis.correspondence.permutation import chance_of_less
from zfnet.analysis.correspondence.sign_changes import correspondence, differing
from zfnet.analysis.feature_vector import feature_vectors
from zfnet.analysis.hiding import canvas_of, hide
from zfnet.data.boxes import clear_places, draw_boxes
from zfnet.forward.layers import output_of


def small(name: str = "zfnet") -> nn.Sequential:
    torch.manual_seed(0)
    model = build_model(name, num_classes=4, width=0.06, input_px=80).double().eval()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3 if parameter.ndim > 1 else 0.05)
    return model


@torch.no_grad()
def output(model: nn.Sequential, last: str, images: torch.Tensor) -> torch.Tensor:
    """What the network's layers up to the last give, flattened: (B, n)."""
    for name, module in model.named_children():
        images = module(images)
        if name == last:
            break
    return images.flatten(1)


def boxes_at(generator: np.random.Generator, *shape: int) -> np.ndarray:
    corners = generator.integers(0, 50, (*shape, 2))
    return np.concatenate([corners, corners + generator.integers(6, 30, (*shape, 2))], axis=-1)


@pytest.mark.parametrize(("number", "last"), [(1, "norm1"), (3, "relu3"), (5, "pool5"), (7, "relu7"), (8, "fc8")])
def test_a_feature_vector_is_the_layers_output_pooled_and_normalised(number: int, last: str):
    model, images = small(), torch.randn(3, 3, 80, 80, dtype=torch.float64)
    expected = output(model, last, images)
    found = feature_vectors(Deconvnet(model), images, [number])[number]
    assert torch.allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_feature_vectors_have_the_papers_lengths():
    deconvnet = Deconvnet(build_model("zfnet", num_classes=2))
    vectors = feature_vectors(deconvnet, torch.zeros(1, 3, 224, 224), [1, 5, 7])
    assert {layer: vector.shape[1] for layer, vector in vectors.items()} == {1: 290_400, 5: 9_216, 7: 4_096}


def test_half_precision_is_refused():
    model, images = small().bfloat16(), torch.zeros(2, 3, 80, 80, dtype=torch.bfloat16)
    boxes = {"eye": boxes_at(np.random.default_rng(0), 2, 3)}
    with pytest.raises(ValueError, match=r"images are torch.bfloat16, whose rounding .* expected float32 or float64"):
        correspondence(Deconvnet(model), images, boxes, [5], np.random.default_rng(0), progress=False)


def test_layers_that_are_not_there_are_refused():
    with pytest.raises(ValueError, match="no layer 4, only 1, 2, 5, 6, 7, 8"):
        output_of(small("alexnet_no_34"), 4)
    with pytest.raises(ValueError, match="Sequential have no numbers: name a module instead of 5"):
        output_of(nn.Sequential(nn.ReLU()), 5)


def test_table_1_is_the_papers_arithmetic():
    model, generator = small(), np.random.default_rng(1)
    images = torch.randn(5, 3, 80, 80, dtype=torch.float64)
    hidden = {part: boxes_at(generator, 5, 4) for part in ("eye", "nose")}
    table = correspondence(Deconvnet(model), images, hidden, [5, 7], generator, fill=0.25, batch_size=3, progress=False)
    upto = {5: "pool5", 7: "relu7"}
    for part, every in hidden.items():
        for layer, last in upto.items():
            sets = []
            for boxes in every.transpose(1, 0, 2):
                signs = []
                for image, (left, top, right, bottom) in zip(images, boxes, strict=True):
                    pixels = image.numpy().copy()
                    for channel, row, column in np.ndindex(pixels.shape):
                        if top <= row < bottom and left <= column < right:
                            pixels[channel, row, column] = 0.25
                    both = torch.stack([image, torch.from_numpy(pixels)])
                    before, after = output(model, last, both).numpy()
                    signs.append(np.where(np.abs(before - after) < 1e-12, 0, np.sign(before - after)))
                sets.append(pdist(np.array(signs), "hamming"))
            found = table[part][layer]
            assert 0.02 < sets[0].mean() < 0.98
            np.testing.assert_allclose(found.pairs, sets[0], rtol=1e-12)
            np.testing.assert_allclose(found.random, np.array(sets[1:]), rtol=1e-12)


def test_a_number_that_neither_image_changes_agrees_and_one_that_one_changes_does_not():
    signs = torch.tensor([[0, 0, 0, 0, 1, 1, 1, -1], [0, 1, -1, 0, 1, -1, 0, -1]], dtype=torch.int8)
    assert differing(signs).tolist() == [[0, 4], [4, 0]]
    many = torch.randint(-1, 2, (7, 40_001), dtype=torch.int8, generator=torch.Generator().manual_seed(0))
    np.testing.assert_allclose(differing(many) / 40_001, squareform(pdist(many.numpy(), "hamming")), rtol=1e-12)


def test_what_rounding_changes_is_no_change():
    """A layer that only adds a large constant to half of its numbers moves them by rounding alone."""

    class Rounds(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            total = x.mean((1, 2, 3))
            return torch.stack([100 + 1e-5 * total, 1 + total * 0, total], dim=1)

    model = nn.Sequential(Rounds())
    images = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    images[1] *= -1
    boxes = {"all": np.array([[[0, 0, 8, 8]]] * 2)}
    row = correspondence(Deconvnet(model), images, boxes, ["0"], np.random.default_rng(0), progress=False)["all"]["0"]
    assert row.pairs.tolist() == [1 / 3]  # only the last number changes, up in one image and down in the other
    assert row.random.shape == (0, 1)
    assert np.isnan(row.p_value)


def test_a_part_that_is_answered_alike_scores_lower_than_random_places():
    """Averages of colours: hiding a red patch lowers red alone; noise elsewhere goes up or down by chance."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(6, 3, 32, 32, generator=generator)
    own = [(2 * i, 3 * i, 2 * i + 6, 3 * i + 6) for i in range(6)]
    for image, (left, top, right, bottom) in zip(images, own, strict=True):
        image[:, top:bottom, left:right] = torch.tensor([9.0, 0, 0]).reshape(3, 1, 1)
    draw = np.random.default_rng(0)
    boxes = np.stack([np.concatenate([[box], draw_boxes(box, [box], (0, 0, 32, 32), 12, draw)]) for box in own])
    model = nn.Sequential(nn.Conv2d(3, 5, 1, bias=False), nn.AdaptiveAvgPool2d(1))
    row = correspondence(Deconvnet(model), images, {"red": boxes}, ["1"], draw, progress=False)["red"]["1"]
    assert row.pairs.max() == 0
    assert row.random.mean() > 0.3
    assert row.p_value < 0.01


def test_the_box_is_filled_and_nothing_else():
    image = torch.randn(3, 9, 11)
    canvas = torch.randn(3, 9, 11)
    hidden = hide(image, np.array([[2, 1, 5, 9], [0, 0, 11, 1]]), canvas)
    for copy, rows, columns in zip(hidden, (range(1, 9), range(1)), (range(2, 5), range(11)), strict=True):
        for row, column in itertools.product(range(9), range(11)):
            inside = row in rows and column in columns
            assert torch.equal(copy[:, row, column], (canvas if inside else image)[:, row, column])


def test_fills_are_occludes():
    """The numbers of one image with a box hidden: a network that only passes pixels on shows what lies in the box."""
    images = torch.randn(2, 3, 20, 30, generator=torch.Generator().manual_seed(0))
    boxes = {"all": np.array([[[3, 2, 9, 12]], [[8, 4, 14, 14]]])}  # 6 x 10 px: as a square of 10 px
    seen = []

    class Passes(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(x.clone())
            return x.flatten(1)

    deconvnet = Deconvnet(nn.Sequential(Passes()))
    deconvnet.activations(images, ["0"])  # which runs the network once more, to see what it does
    for fill in ([1.0, 2.0, 3.0], "mean", "blur", "noise"):
        seen.clear()
        noise = torch.Generator().manual_seed(5)
        correspondence(
            deconvnet,
            images,
            boxes,
            ["0"],
            np.random.default_rng(0),
            fill,
            noise,
            progress=False,
        )
        again = torch.Generator().manual_seed(5)
        hidden = [one[0] for one in seen if len(one) == 1][1::2]
        for image, found, (left, top, right, bottom) in zip(images, hidden, boxes["all"][:, 0], strict=True):
            expected = image.clone()
            canvas = canvas_of(image[None], fill, 10, again)[0]
            expected[:, top:bottom, left:right] = canvas[:, top:bottom, left:right]
            assert torch.equal(found, expected)


def test_of_a_box_beyond_the_border_what_lies_in_the_image_is_hidden():
    image, canvas = torch.ones(3, 8, 8), torch.zeros(3, 8, 8)
    boxes = np.array([[-3, -2, 4, 5], [6, 5, 12, 9], [-5, -5, -1, -1]])
    for copy, (height, width) in zip(hide(image, boxes, canvas), ((5, 4), (3, 2), (0, 0)), strict=True):
        assert int((copy == 0).sum()) == 3 * height * width


def test_changes_that_are_not_finite_are_no_agreement():
    model = small()
    next(model.parameters()).data[0] = torch.nan
    boxes = {"all": np.array([[[0, 0, 8, 8]]] * 2)}
    with pytest.raises(ValueError, match="layer 'conv1' has features that are not finite"):
        correspondence(
            Deconvnet(model), torch.rand(2, 3, 80, 80), boxes, ["conv1"], np.random.default_rng(0), progress=False
        )


def test_one_image_has_no_pairs():
    with pytest.raises(ValueError, match="1 images, expected at least two"):
        correspondence(Deconvnet(small()), torch.zeros(1, 3, 80, 80), {}, [5], np.random.default_rng(0))


def distances(blocks: int, members: int, seed: int) -> np.ndarray:
    counts = np.random.default_rng(seed).integers(0, 30, (blocks * members,) * 2)
    return (counts + counts.T).reshape(blocks, members, blocks, members)


def total(counts: np.ndarray, chosen: tuple[int, ...]) -> int:
    return sum(int(counts[i, chosen[i], j, chosen[j]]) for i, j in itertools.combinations(range(len(chosen)), 2))


def test_the_exact_test_goes_through_every_choice():
    counts = distances(5, 4, 0)
    sums = [total(counts, chosen) for chosen in itertools.product(range(4), repeat=5)]
    expected = np.mean([found <= total(counts, (0,) * 5) for found in sums])
    assert chance_of_less(counts, np.random.default_rng(0)) == expected
    drawn = chance_of_less(counts, np.random.default_rng(0), arrangements=1_000)
    assert drawn != expected
    assert abs(drawn - expected) < 4 * np.sqrt(expected * (1 - expected) / 1_000)


def test_two_members_are_scipys_paired_permutation_test():
    for seed in range(3):
        counts = distances(7, 2, seed)

        def statistic(first: np.ndarray, second: np.ndarray, counts: np.ndarray = counts) -> int:
            return total(counts, tuple(first))

        members, options = (np.zeros(7, np.int64), np.ones(7, np.int64)), {"n_resamples": np.inf, "vectorized": False}
        found = permutation_test(members, statistic, permutation_type="samples", alternative="less", **options)
        assert chance_of_less(counts, np.random.default_rng(0)) == pytest.approx(found.pvalue)


def test_without_a_difference_every_p_value_is_as_probable():
    p = np.array([chance_of_less(distances(5, 3, seed), np.random.default_rng(0)) for seed in range(300)])
    assert abs((p <= 0.2).mean() - 0.2) < 4 * np.sqrt(0.2 * 0.8 / 300)
    assert abs((p <= 0.7).mean() - 0.7) < 4 * np.sqrt(0.7 * 0.3 / 300)


def test_too_few_images_have_no_p_value():
    assert np.isnan(chance_of_less(distances(4, 3, 0), np.random.default_rng(0)))


def test_random_boxes_keep_clear_of_the_others():
    generator = np.random.default_rng(0)
    for _ in range(20):
        avoid = [tuple(box) for box in boxes_at(generator, 2).tolist()]
        within = (3, 5, 40, 33)
        width, height = generator.integers(1, 25, 2).tolist()
        taken = np.ones((99, 99), bool)
        taken[within[1] : within[3], within[0] : within[2]] = False
        for box in avoid:
            taken[box[1] : box[3], box[0] : box[2]] = True
        corners = itertools.product(range(60), range(60))
        expected = [[x, y] for y, x in corners if not taken[y : y + height, x : x + width].any()]
        assert clear_places(width, height, avoid, within).tolist() == expected


def test_random_boxes_are_of_the_parts_size_and_anywhere_it_fits():
    boxes = draw_boxes((4, 4, 7, 6), [(0, 0, 8, 8)], (0, 0, 10, 12), 500, np.random.default_rng(0))
    assert boxes.shape == (500, 4)
    assert (boxes[:, 2] - boxes[:, 0] == 3).all()
    assert (boxes[:, 3] - boxes[:, 1] == 2).all()
    assert len(np.unique(boxes, axis=0)) == 8 * 3  # rows 8 to 10 of all columns
    assert draw_boxes((0, 0, 3, 3), [(0, 0, 9, 9)], (0, 0, 10, 10), 5, np.random.default_rng(0)).shape == (0, 4)
