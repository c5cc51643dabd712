"""Invariance is what it says: against settings one by one by hand, exact where nothing changes, nothing left behind."""

from __future__ import annotations

import copy

import pytest
import torch
from occlusion_oracle import images, network
from torch import Tensor, nn

import zfnet.analysis.invariance.measure as module
from zfnet import build_model
from zfnet.analysis.feature_vector import feature_vectors
from zfnet.analysis.invariance.layers import default_layers
from zfnet.analysis.invariance.measure import Invariance, invariance
from zfnet.analysis.invariance.transforms import TRANSFORMS, transform
from zfnet.data.frame import InputFrame
from zfnet.deconv import Deconvnet

MEAN = 100 + 20 * torch.rand(3, 70, 70, generator=torch.Generator().manual_seed(0))
FRAME = InputFrame(70, 61, MEAN, torch.full((3, 1, 1), 60.0))
SETTINGS = {"translation_y": [-9, 0, 2.5], "scale": [1, 1.3], "rotation": [0, 20, 90], "brightness": [0.5, 1, 1.2]}


@torch.no_grad()
def by_hand(model: nn.Sequential, image: Tensor, last: str) -> Tensor:
    """The features of one image (3, H, W) after the named module."""
    image = image[None]
    for name, part in model.named_children():
        image = part(image.clone())
        if name == last:
            return image.flatten()
    raise AssertionError(last)


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_of_every_image_matches_it_alone(name: str, monkeypatch: pytest.MonkeyPatch):
    model, given, targets = network(), images(3, 61, 61), [4, 0, 2]
    whole = invariance(model, given, targets, name, SETTINGS[name], [1, 4], FRAME, progress=False)
    few = module.slices_that_fit
    monkeypatch.setattr(
        module, "slices_that_fit", lambda count, size, device: few(count, size, device, host_bytes=4 * size)
    )
    for found in (whole, invariance(model, given, targets, name, SETTINGS[name], [1, 4], FRAME, progress=False)):
        assert found.probability.shape == found.label.shape == (3, len(SETTINGS[name]))
        for image, target in enumerate(targets):
            for at, value in enumerate(SETTINGS[name]):
                shown = transform(given[image : image + 1], name, value, FRAME)[0]
                scores = by_hand(model, shown, "fc5")
                torch.testing.assert_close(found.probability[image, at], scores.softmax(0)[target])
                assert found.label[image, at] == scores.argmax()
                for layer, last in ((1, "norm1"), (4, "relu4")):
                    clean = by_hand(model, given[image], last)
                    expected = (by_hand(model, shown, last) - clean).square().sum().sqrt()
                    torch.testing.assert_close(found.distance[layer][image, at], expected, rtol=1e-9, atol=1e-9)
                    torch.testing.assert_close(found.norm[layer][image], clean.square().sum().sqrt())
                    relative = found.relative(layer)[image, at]
                    torch.testing.assert_close(relative, expected / clean.norm(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_changes_nothing_is_at_distance_zero_and_its_neighbours_are_near(dtype: torch.dtype):
    """Exactly zero, whatever the batch; also after a whole turn. A thousandth of a pixel beside it is not."""
    model, given = network().to(dtype), images(5, 61, 61).to(dtype).clamp(-1.5, 1.5)  # within black and white
    for name, kind in TRANSFORMS.items():
        unit = 1.0 if kind.unit in ("px", "degrees") else 0.01
        values = [kind.identity, kind.identity + 1e-3 * unit, kind.identity + unit]
        if name == "rotation":
            values[:1] = [360.0, 0.0, -720.0]
        if name == "blur":
            values[1] = 0.25
        found = invariance(model, given, [0] * 5, name, values, [1, 4], FRAME, progress=False)
        still = [kind.changes_nothing(value) for value in values]
        for distance in found.distance.values():
            assert not distance[:, still].any()
            near, far = distance[:, -2], distance[:, -1]
            assert (near > 0).all()
            assert (near < 0.1 * far).all()
        assert torch.equal(found.probability[:, still], found.clean_probability[:, None].expand(-1, sum(still)))
        assert torch.equal(found.label[:, still], found.clean_label[:, None].expand(-1, sum(still)))


@pytest.mark.parametrize("layers", [[1, 3, 4], ["conv1", "norm2", "conv3", "fc4"]])
def test_features_are_those_of_feature_vectors(layers: list[int | str]):
    model, given = network(), images(2, 61, 61)
    found = invariance(model, given, [0, 1], "translation_x", [3], layers, progress=False)
    deconvnet = Deconvnet(model)
    clean, moved = (
        feature_vectors(deconvnet, shown, layers) for shown in (given, transform(given, "translation_x", 3))
    )
    for layer in layers:
        torch.testing.assert_close(found.distance[layer][:, 0], (clean[layer] - moved[layer]).norm(dim=1))


def test_an_image_that_moves_on_plain_grey_moves_a_stride_without_changing_the_sum_of_layer_1():
    """A dot far from the borders, moved by the four pixels of a step of layer 1: its features move as they are."""
    model = network()
    dot = torch.zeros(1, 3, 61, 61, dtype=torch.float64)
    dot[:, :, 30, 30] = 5
    grey = by_hand(model, torch.zeros_like(dot[0]), "norm1").reshape(16, 15, 15)
    maps = by_hand(model, dot[0], "norm1").reshape(16, 15, 15)
    moved = maps.clone()
    moved[:, 5:10] = maps[:, 4:9]  # the dot's features lie in rows 6 to 8
    torch.testing.assert_close(moved[:, 9:], grey[:, 9:])
    expected = (moved - maps).norm()
    found = invariance(model, dot, [0], "translation_y", [4], [1], progress=False)
    torch.testing.assert_close(found.distance[1][0, 0], expected)


def test_nothing_is_left_behind():
    model, given = network(), images(2, 61, 61)
    model[0].train()
    before, state, modes = given.clone(), copy.deepcopy(model.state_dict()), [part.training for part in model.modules()]
    with torch.enable_grad():
        found = invariance(model, given.requires_grad_(), [0, 1], "rotation", [10, 360], progress=False)
        assert torch.is_grad_enabled()
    assert torch.equal(given, before)
    assert [part.training for part in model.modules()] == modes
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in model.modules())
    assert not found.probability.requires_grad
    assert list(found.distance) == [1, 4]


@pytest.mark.parametrize(
    ("name", "input_px", "layers"),
    [
        ("zfnet", 64, [1, 7]),
        ("alexnet_no_67", 64, [1, 5]),
        ("torchvision:squeezenet1_0", 64, ["features.2", "classifier.0"]),
        ("torchvision:resnet18", 64, ["maxpool", "avgpool"]),
        ("torchvision:mobilenet_v3_small", 64, ["features.0.2", "classifier.2"]),
    ],
)
def test_default_layers_are_the_first_and_the_last_before_the_scores(name: str, input_px: int, layers: list[int | str]):
    ours = {"width": 0.05} if ":" not in name else {}
    model = build_model(name, num_classes=4, input_px=input_px, **ours).eval()
    given = torch.randn(1, 3, input_px, input_px, generator=torch.Generator().manual_seed(0))
    assert default_layers(model, given) == layers
    found = invariance(model, given, [3], "rotation", [0, 90], progress=False)
    assert isinstance(found, Invariance)
    assert list(found.distance) == layers
    assert all(distance[0, 1] > 0 for distance in found.distance.values())


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"transform": "shear"}, "transform 'shear' is not one of translation_y"),
        ({"values": []}, "expected a list of settings of rotation"),
        ({"values": [1, float("inf")]}, "rotation inf: expected finite settings"),
        ({"targets": [0]}, "expected the number of a class for each of 2 images"),
        ({"targets": [0.5, 1.5]}, "expected the number of a class for each of 2 images"),
        ({"targets": [0j, 1j]}, "expected the number of a class for each of 2 images"),
        ({"targets": [0, 5]}, "target 5 is not a class of the network: expected 0 to 4"),
        ({"layers": [9]}, "this network has no layer 9, only 1, 2, 3, 4, 5"),
        ({"layers": ["conv9"]}, "layer 'conv9' is not one of conv1, relu1"),
        ({"images": torch.zeros(3, 61, 61)}, "expected a batch"),
        ({"transform": "brightness"}, "give the frame"),
        ({"layers": []}, "expected at least one of each"),
        ({"images": torch.zeros(0, 3, 61, 61), "targets": []}, "0 images and layers None: expected at least one"),
    ],
)
def test_bad_input_is_told(changed: dict[str, object], told: str):
    given = {"images": images(2, 61, 61), "targets": [0, 1], "transform": "rotation", "values": [0, 7], **changed}
    with pytest.raises(ValueError, match=told):
        invariance(network(), **given, progress=False)


def test_answers_that_are_not_finite_are_told():
    model = network()
    next(model.parameters()).data[0] = torch.nan
    with pytest.raises(ValueError, match="features of layer 1 are not finite"):
        invariance(model, images(1, 61, 61), [0], "rotation", [0, 90], [1, 4], FRAME, progress=False)


def test_a_network_too_short_for_defaults_asks_for_layers():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    with pytest.raises(ValueError, match="runs 2 convolutions and linear layers: name the layers"):
        invariance(model, torch.randn(1, 3, 9, 9), [0], "rotation", [5], progress=False)
    assert list(invariance(model, torch.randn(1, 3, 9, 9), [0], "rotation", [5], ["1"], progress=False).norm) == ["1"]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_gpu_finds_what_the_cpu_finds(name: str):
    model, given = network(), images(3, 61, 61)
    expected = invariance(model, given, [4, 0, 2], name, frame=FRAME, progress=False)
    found = invariance(model.cuda(), given.cuda(), [4, 0, 2], name, frame=FRAME, progress=False)
    torch.testing.assert_close(found.probability, expected.probability, rtol=1e-9, atol=1e-12)
    for layer, distance in expected.distance.items():
        torch.testing.assert_close(found.distance[layer], distance, rtol=1e-9, atol=1e-9)
