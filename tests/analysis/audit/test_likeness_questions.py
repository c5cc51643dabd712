"""Likeness and what is asked with it, against pictures whose likeness is known and against Quantus."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from known_networks import LinearScores, Small, of_class, some_images
from quantus.functions import similarity_func
from torch import nn
from torch.nn.utils import parametrizations, prune
from torchvision.models import VisionTransformer, convnext_tiny

from zfnet.analysis.audit import (
    Finding,
    Pictures,
    cascade,
    drawn_anew,
    floors,
    from_plain,
    intact,
    layers_below,
    likeness,
    sensitivity,
    spread_stages,
    training_matters,
    whole_network,
)

WHOLE = [(0, 0, 16, 16)] * 4


def pictures(values: torch.Tensor) -> Pictures:
    return Pictures(values=values, signed=False)


def the_image(name: str, model: nn.Module, images: torch.Tensor, targets: object) -> Pictures:
    return pictures(images)


class Noise:
    """A method that knows nothing: other noise with every call."""

    def __init__(self) -> None:
        self.generator = torch.Generator().manual_seed(0)

    def __call__(self, name: str, model: nn.Module, images: torch.Tensor, targets: object) -> Pictures:
        return pictures(torch.randn(images.shape, generator=self.generator))


def by_condition(found: list[Finding], measure: str) -> dict[str, float]:
    return {one.condition: float(np.nanmean(one.values)) for one in found if one.measure == measure}


def test_likeness_is_quantus_ranks_and_structure_and_a_cosine():
    first, second = some_images(), some_images(seed=1) + 0.5 * some_images()
    found = likeness(pictures(first), pictures(second), WHOLE)
    for number in range(4):
        a, b = (one[number].abs().sum(0).double().numpy() for one in (first, second))
        assert found["spearman"][number] == pytest.approx(similarity_func.correlation_spearman(a.ravel(), b.ravel()))
        a, b = a / a.max(), b / b.max()
        expected = float(similarity_func.ssim(np.stack([a, [[0.0] * 16] * 15 + [[0.0] * 15 + [1.0]]][:1])[0], b))
        assert found["ssim"][number] == pytest.approx(expected, abs=0.02)  # Quantus takes the range of one of the two
        cosine = torch.cosine_similarity(first[number].flatten(), second[number].flatten(), 0)
        assert found["cosine"][number] == pytest.approx(float(cosine), abs=1e-6)


def test_the_same_picture_is_alike_whatever_its_size_and_its_negative_but_for_the_sign():
    first = some_images()
    same, negative = (
        likeness(pictures(first), pictures(3 * first), WHOLE),
        likeness(pictures(first), pictures(-first), WHOLE),
    )
    for measure in ("spearman", "ssim", "cosine"):
        assert same[measure] == pytest.approx(np.ones(4), abs=1e-6)
    assert negative["spearman"] == pytest.approx(np.ones(4))
    assert negative["cosine"] == pytest.approx(-np.ones(4))


def test_only_what_lies_in_the_box_is_compared():
    first, second = some_images(), some_images(seed=1)
    second[:, :, 2:10, 4:12] = first[:, :, 2:10, 4:12]
    inside = likeness(pictures(first), pictures(second), [(4, 2, 12, 10)] * 4)
    assert inside["spearman"] == pytest.approx(np.ones(4))
    assert likeness(pictures(first), pictures(second), WHOLE)["spearman"].max() < 0.7


def test_a_blank_picture_is_like_no_other_and_two_are_not_compared():
    first = some_images()
    blank = torch.zeros_like(first)
    blank[0] = first[0]
    one, both = likeness(pictures(first), pictures(blank), WHOLE), likeness(pictures(blank), pictures(blank), WHOLE)
    for measure in ("spearman", "ssim", "cosine"):
        assert one[measure][1:].tolist() == [0, 0, 0]
        assert one[measure][0] == pytest.approx(1)
        assert np.isnan(both[measure]).tolist() == [False, True, True, True]


def test_a_method_that_shows_the_image_does_not_see_weights_classes_or_trainings():
    """What Adebayo et al. and Nie et al. warn of: likeness 1 down the whole cascade; only the image matters."""
    own = intact(Small(), some_images(), of_class([0, 1, 2, 3]), "the image", draw=the_image)
    found = [*cascade(own, stages=3, seed=0), *sensitivity(own, seed=0)]
    found += training_matters(own, whole_network(own, [1]))
    for measure in ("spearman", "ssim", "cosine"):
        values = by_condition(found, measure)
        assert len(values) == 8  # scores; second, alone too; first, alone too; two other classes; another training
        assert list(values.values()) == pytest.approx([1] * 8, abs=1e-6)
        assert by_condition(floors(own), measure)["another image"] < 0.2


def test_a_method_that_draws_noise_lies_at_the_floor():
    own = intact(Small(), some_images(), of_class([0, 1, 2, 3]), "noise", draw=Noise())
    values = by_condition([*cascade(own, stages=3, seed=0), *floors(own)], "spearman")
    assert max(map(abs, values.values())) < 0.15  # 4 images of 256 pixels: deviation 0.03


def test_the_gradient_of_a_linear_network_is_lost_with_its_weights_and_the_same_on_every_image():
    own = intact(LinearScores(seed=7), some_images(), of_class([0, 1, 2, 0]), "gradient")
    values = by_condition([*cascade(own, stages=1, seed=0), *floors(own), *sensitivity(own, seed=0)], "cosine")
    assert abs(values["down to scores"]) < 0.1
    assert values["another image"] == pytest.approx(1, abs=1e-6)  # it says nothing of the image
    assert abs(values["second class"]) < 0.1
    assert abs(values["random class"]) < 0.1


def test_a_single_image_has_no_other_to_be_compared_with():
    model, given = Small(), some_images()[:1]
    with pytest.raises(ValueError, match="1 image: expected two or more"):
        floors(intact(model, given, of_class([0]), "gradient"))


def test_a_unit_of_a_layer_is_not_touched_by_what_lies_above():
    model, images = Small(), some_images()
    assert layers_below(model, images, "scores") == ["scores", "second", "first"]
    assert layers_below(model, images, "second") == ["second", "first"]


def test_layers_drawn_anew_are_the_named_ones_and_the_network_stays():
    model = Small()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    changed, again = drawn_anew(model, ["second"], 0), drawn_anew(model, ["second"], 0)
    for name, value in changed.state_dict().items():
        assert model.state_dict()[name].equal(before[name])
        assert value.equal(before[name]) == (not name.startswith("second")), name
        assert value.equal(again.state_dict()[name])
    assert changed.second.bias.count_nonzero() == 0
    assert float(changed.second.weight.detach().std()) == pytest.approx((2 / (6 * 9)) ** 0.5, rel=0.1)


def test_the_batch_normalisation_of_a_layer_drawn_anew_starts_anew_and_no_other():
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4))
    for norm in (model[1], model[3]):
        norm.running_mean.fill_(5)
        norm.weight.data.fill_(3)
    changed = drawn_anew(model, ["2"], 0)
    assert changed[1].running_mean.tolist() == [5] * 4
    assert changed[3].running_mean.tolist() == [0] * 4
    assert changed[3].weight.tolist() == [1] * 4


@pytest.mark.parametrize(
    ("model", "scores", "stay"),
    [
        (VisionTransformer(32, 16, 1, 2, 8, 16, num_classes=4), "heads.head", {"class_token", "pos_embedding"}),
        (convnext_tiny(num_classes=4), "classifier.2", {"layer_scale"}),
    ],
)
def test_nothing_learned_stays_in_a_network_drawn_anew(model: nn.Module, scores: str, stay: set[str]):
    with torch.no_grad():
        for parameter in model.eval().parameters():
            parameter.normal_()
    changed = drawn_anew(model, layers_below(model, torch.randn(1, 3, 32, 32), scores), 0)
    kept = [name for name, value in changed.named_parameters() if torch.equal(value, model.get_parameter(name))]
    assert {name.rpartition(".")[2] for name in kept} == stay


@pytest.mark.parametrize("norm", [parametrizations.weight_norm, parametrizations.spectral_norm])
def test_a_layer_whose_weight_is_computed_from_others_is_drawn_anew_like_any(norm: Callable[[nn.Module], nn.Module]):
    plain = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Linear(4, 2))
    changed = drawn_anew(nn.Sequential(norm(nn.Conv2d(3, 4, 3)), nn.ReLU(), nn.Linear(4, 2)), ["0"], 0)
    assert torch.equal(changed[0].weight, drawn_anew(plain, ["0"], 0)[0].weight)


def test_a_layer_whose_weight_comes_anew_with_every_pass_is_refused_by_name():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    prune.random_unstructured(model[0], "weight", 0.5)
    with torch.no_grad():
        model(torch.randn(1, 3, 8, 8))  # as every analysis does, after which the network can be copied
    with pytest.raises(ValueError, match="layer '0' computes its weight"):
        drawn_anew(model, ["0"], 0)


def test_stages_end_with_all_layers_and_begin_with_the_last():
    layers = [str(number) for number in range(26)]
    assert spread_stages(layers, 4) == [1, 6, 13, 20, 26]
    assert spread_stages(layers[:1], 4) == [1]
    assert spread_stages(layers, 1) == [1, 26]
    with pytest.raises(ValueError, match="stages=0"):
        spread_stages(layers, 0)


def test_a_row_tells_blank_pictures_and_the_mean_with_and_without_them():
    words = {"question": "cascade", "kind": "unit", "method": "guided", "condition": "x", "measure": "spearman"}
    one = Finding(**words, values=[1.0, 0.0, 0.8, float("nan")], blank=[1, 3])
    row = one.row()
    assert row["mean"] == pytest.approx(0.6)
    assert row["mean_without_blank"] == pytest.approx(0.9)
    assert (row["images"], row["not_measured"], row["blank"]) == (3, 1, 2)
    assert row["low"] <= row["mean"] <= row["high"]
    (again,) = from_plain([one.plain()])
    assert again.row() == row
    assert Finding(**words, values=[float("nan")] * 3, refused="why").row()["mean"] is None
