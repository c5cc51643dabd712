"""Fully convolutional copies: the classifier at its own size, crops of larger images where no border is, the mean."""

import copy

import pytest
import torch
from torch import nn
from torchvision.models import VGG
from torchvision.models.vgg import make_layers

from zfnet import build_model
from zfnet.forward import receptive_field
from zfnet.models import TABLES, convolutionalize


def images(count: int, size_px: int, channels: int = 3, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, channels, size_px, size_px, generator=generator, dtype=torch.float64)


def small_vgg() -> VGG:
    """A VGG of few maps; its adaptive pool and the way through it are torchvision's."""
    with torch.device("meta"):
        model = VGG(nn.Sequential())  # without 124 million weights to draw
    model.features = make_layers([4, "M", 6, "M", 6, "M", 8, "M", 8, "M"], batch_norm=True)
    model.classifier = nn.Sequential(nn.Linear(8 * 49, 12), nn.ReLU(True), nn.Dropout(), nn.Linear(12, 5))
    return model.double().eval()


def relative(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    assert ours.shape == theirs.shape
    return float((ours - theirs).norm() / theirs.norm())


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("input_px", [64, 97])
@torch.no_grad()
def test_each_of_our_networks_is_itself_at_its_own_size(name: str, input_px: int):
    torch.manual_seed(0)
    model = build_model(name, num_classes=7, width=0.04, input_px=input_px).double().eval()
    before = copy.deepcopy(model.state_dict())
    fully = convolutionalize(model)
    scores = fully(images(2, input_px))
    assert scores.shape == (2, 7, 1, 1)
    assert relative(scores[..., 0, 0], model(images(2, input_px))) < 1e-13
    assert fully.own_px == input_px
    for parameter in fully.parameters():
        parameter.zero_()
    assert all(torch.equal(tensor, before[key]) for key, tensor in model.state_dict().items())  # copies, not views


@torch.no_grad()
def test_vgg_is_itself_at_its_own_size_where_its_adaptive_pool_is_an_identity():
    torch.manual_seed(1)
    model = small_vgg()
    x = images(2, 224)
    assert relative(convolutionalize(model)(x)[..., 0, 0], model(x)) < 1e-13
    assert convolutionalize(model)(images(1, 320)).shape == (1, 5, 4, 4)


@torch.no_grad()
def test_alexnet_in_float32():
    torch.manual_seed(2)
    model = build_model("torchvision:alexnet", num_classes=1000).eval()
    x = images(1, 224).float()
    fully = convolutionalize(model)
    scores = fully(x)
    assert (scores[..., 0, 0] - model(x)).abs().max() < 1e-5
    assert fully.last == "classifier.6"
    assert list(fully.state_dict()) == list(model.state_dict())


@pytest.mark.parametrize(("name", "input_px", "channels", "step_px"), [
    ("mnist_convnet", 28, 1, 4), ("cats_dogs_convnet", 150, 3, 16), ("cats_dogs_convnet", 64, 3, 16),
])  # fmt: skip
@torch.no_grad()
def test_without_padding_every_place_is_the_crop_under_it(name: str, input_px: int, channels: int, step_px: int):
    torch.manual_seed(3)
    model = build_model(name, 4, width=0.1, input_px=input_px, channels=channels).double().eval()
    large = images(1, input_px + 2 * step_px, channels)[..., : input_px + step_px]
    scores = convolutionalize(model)(large)
    assert scores.shape == (1, 4, 3, 2)
    for row in range(3):
        for column in range(2):
            top, left = step_px * row, step_px * column
            crop = large[..., top : top + input_px, left : left + input_px]
            assert relative(scores[..., row, column], model(crop)) < 1e-12


@torch.no_grad()
def test_zfnet_slides_by_32_px_where_the_border_is_out_of_reach():
    torch.manual_seed(4)
    model = build_model("zfnet", 5, width=0.05, input_px=64).double().eval()
    fully = convolutionalize(model)
    field = receptive_field(fully, fully.last)
    assert field is not None
    assert (field.step_px, field.offset_px, field.size_px) == ((32, 32), (-49, -49), (171, 171))
    large = images(1, 352)
    here, there = fully(large[..., :320, :320]), fully(large[..., 32:, 32:])
    within = slice(2, 5)  # -49 + 32 * 2 >= 0, and -49 + 32 * 4 + 171 <= 320
    assert relative(there[..., within, within], fully(large)[..., 3:6, 3:6]) < 1e-12
    assert relative(here[..., within, within], fully(large)[..., within, within]) < 1e-12
    assert here.shape == (1, 5, 9, 9)


def test_a_place_sees_its_receptive_field_and_nothing_else():
    torch.manual_seed(5)
    fully = convolutionalize(build_model("zfnet", 3, width=0.05, input_px=64).double().eval())
    large = images(1, 320).requires_grad_()
    fully(large)[0, :, 3, 4].sum().backward()
    seen = large.grad[0].abs().sum(0).nonzero()
    assert seen.min(0).values.tolist() == [32 * 3 - 49, 32 * 4 - 49]
    assert seen.max(0).values.tolist() == [32 * 3 - 49 + 170, 32 * 4 - 49 + 170]


@pytest.mark.parametrize("name", ["squeezenet1_0", "squeezenet1_1", "resnet18"])
@pytest.mark.parametrize("size_px", [65, 129])
@torch.no_grad()
def test_the_mean_over_places_is_the_answer_of_networks_that_end_in_one(name: str, size_px: int):
    torch.manual_seed(6)
    model = build_model(f"torchvision:{name}", num_classes=6).double().eval()
    fully = convolutionalize(model)
    x = images(2, size_px)
    scores = fully(x)
    assert scores.shape[2] > 1
    assert relative(scores.mean((2, 3)), model(x)) < 1e-12
    assert fully.own_px is None


@pytest.mark.parametrize(("name", "places", "size_px", "field_px"), [
    ("squeezenet1_0", 5, 95, 219), ("resnet18", 3, 65, 499)
])  # fmt: skip
@torch.no_grad()
def test_a_mean_over_the_places_of_a_size_is_the_classifier_at_that_size(
    name: str, places: int, size_px: int, field_px: int
):
    torch.manual_seed(7)
    model = build_model(f"torchvision:{name}", num_classes=6).double().eval()
    fully, raw = convolutionalize(model, average=places), convolutionalize(model)
    x = images(1, size_px)
    assert relative(fully(x)[..., 0, 0], model(x)) < 1e-12
    large = raw(images(1, size_px + 64))
    sliding = large.unfold(2, places, 1).unfold(3, places, 1).mean((4, 5))
    assert relative(fully(images(1, size_px + 64)), sliding) < 1e-12
    field = receptive_field(fully, fully.last)
    assert field is not None
    assert field.size_px == (field_px, field_px)


def test_modes_are_kept_and_other_networks_are_refused():
    model = build_model("zfnet", 3, width=0.05, input_px=64)
    assert all(module.training for module in convolutionalize(model).modules())
    assert not any(module.training for module in convolutionalize(model.eval()).modules())
    with pytest.raises(ValueError, match=r"MobileNetV2 cannot be made fully convolutional: .*AlexNet, VGG, SqueezeNet"):
        convolutionalize(build_model("torchvision:mobilenet_v2", num_classes=3))
    with pytest.raises(ValueError, match="average=3: expected a number of places"):
        convolutionalize(model, average=3)


@torch.no_grad()
def test_parts_keep_their_modes_their_sharing_and_what_is_trained():
    torch.manual_seed(8)
    model = small_vgg()
    relu = nn.ReLU()
    for place, part in enumerate(model.features):
        if isinstance(part, nn.ReLU):
            model.features[place] = relu  # one module in many places
    x = images(1, 224)
    assert relative(convolutionalize(model)(x)[..., 0, 0], model(x)) < 1e-13
    model.train()
    model.features[1].eval()  # frozen statistics, frozen weights
    model.classifier.requires_grad_(False)
    fully = convolutionalize(model)
    assert [name for name, module in fully.named_modules() if not module.training] == ["features.1"]
    assert not any(parameter.requires_grad for parameter in fully.classifier.parameters())
    assert all(parameter.requires_grad for parameter in fully.features.parameters())


def test_a_vgg_with_another_pool_is_refused():
    model = small_vgg()
    model.avgpool, model.classifier = nn.AdaptiveAvgPool2d(1), nn.Sequential(nn.Linear(8, 5))
    with pytest.raises(
        ValueError, match=r"VGG cannot be made fully convolutional: .* with the pool and the classifier"
    ):
        convolutionalize(model)
