"""Maps before and after the ReLU against modules run by hand, and the channels that answer most."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zfnet import build_model
from zfnet.analysis.activation_ranks import changed_channels, check_channels, peaks, strongest_channels
from zfnet.analysis.activations import AFTER, BEFORE, PLAIN, channel_means, convolutions, read_maps


def images(px: int = 64, count: int = 2) -> Tensor:
    return torch.randn(count, 3, px, px, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("name", "layer", "px"), [("zfnet", "conv2", 64), ("torchvision:squeezenet1_1", "features.0", 48)]
)
@torch.no_grad()
def test_before_and_after_a_relu_in_place(name: str, layer: str, px: int) -> None:
    model = build_model(name, num_classes=3, input_px=64, **({"width": 0.05} if name == "zfnet" else {})).eval()
    chain = model if name == "zfnet" else model.features
    x = images(px)
    for child_name, module in chain.named_children():
        x = module(x.clone())
        if child_name == layer.split(".")[-1]:
            break
    before, after = (read_maps(model, images(px), [layer], relu)[layer] for relu in ("before", "after"))
    np.testing.assert_array_equal(before.values, x.numpy())
    np.testing.assert_array_equal(after.values, x.clamp(min=0).numpy())
    assert (before.stage, after.stage) == (BEFORE, AFTER)
    assert before.values.min() < 0


@torch.no_grad()
def test_in_a_residual_net_the_relu_after_the_normalisation_and_none_after_a_sum() -> None:
    model = build_model("torchvision:resnet18", num_classes=3).eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.bias.fill_(0.3)
    below = model.layer1[0](model.maxpool(model.relu(model.bn1(model.conv1(images())))))
    own = model.layer1[1].conv1(below)
    rectified = F.relu(model.layer1[1].bn1(own))
    layers = ["layer1.1.conv1", "layer1.1.conv2", "layer1.1"]
    read = read_maps(model, images(), layers)
    np.testing.assert_allclose(read["layer1.1.conv1"].values, rectified.numpy(), atol=1e-5)
    np.testing.assert_allclose(read["layer1.1.conv2"].values, model.layer1[1].conv2(rectified).numpy(), atol=1e-5)
    np.testing.assert_allclose(read["layer1.1"].values, model.layer1[1](below).numpy(), atol=1e-5)
    assert [one.stage for one in read.values()] == [AFTER, PLAIN, PLAIN]
    with pytest.raises(ValueError, match=r"no ReLU directly follows layer 'layer1\.1\.conv2'"):
        read_maps(model, images(), layers[:2], "after")


class Functional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.unused, self.first = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3)
        self.second, self.twice = nn.Conv2d(4, 5, 3), nn.Conv2d(5, 5, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.first(x), inplace=True)
        x = F.hardtanh(self.second(x), 0.0, 6.0)
        return self.twice(self.twice(x) + 1).mean((2, 3))


def test_functional_relus_are_seen_and_nothing_is_left_behind() -> None:
    model = Functional().train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    given = images(16)
    read = read_maps(model, given, ["first", "second"], "after")
    first = model.first(given)
    assert torch.equal(given, images(16))
    np.testing.assert_allclose(read["first"].values, first.clamp(min=0).detach().numpy(), atol=1e-6)
    second = model.second(first.relu()).clamp(0, 6)
    np.testing.assert_allclose(read["second"].values, second.detach().numpy(), atol=1e-6)
    assert model.training
    assert torch.is_grad_enabled()
    assert not any(module._forward_hooks for module in model.modules())
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert convolutions(model, given) == ["first", "second"]  # in the order they run; not the one that runs twice
    with pytest.raises(ValueError, match="'twice' runs 2 times in a pass"):
        read_maps(model, given, ["twice"])
    with pytest.raises(ValueError, match="'unused' runs 0 times"):
        read_maps(model, given, ["unused"])


class ChannelsLast(nn.Module):
    """Maps held as (B, h, w, C), as in ConvNeXt and Swin."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.patches, self.mix = nn.Conv2d(3, 5, 8, stride=8), nn.Linear(5, 7)

    def forward(self, images: Tensor) -> Tensor:
        return self.mix(self.patches(images).permute(0, 2, 3, 1)).relu().mean((1, 2))


@torch.no_grad()
def test_channels_that_come_last_are_still_the_channels() -> None:
    model = ChannelsLast()
    wide = images(64)[:, :, :40]
    expected = torch.einsum("kc,bchw->bkhw", model.mix.weight, model.patches(wide)) + model.mix.bias[:, None, None]
    (found,) = read_maps(model, wide, ["mix"], "after").values()
    assert found.values.shape == (2, 7, 5, 8)
    np.testing.assert_allclose(found.values, expected.clamp(min=0).numpy(), atol=1e-5)


class Between(nn.Module):
    """A convolution, something that happens to its maps, and a ReLU."""

    def __init__(self, happens: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.happens = nn.Conv2d(3, 4, 3), happens

    def forward(self, images: Tensor) -> Tensor:
        return F.relu(self.happens(self.conv(images))).mean((2, 3))


def overwritten(maps: Tensor) -> Tensor:
    maps[:, 0] = 5.0
    return maps


@pytest.mark.parametrize(("happens", "stage"), [(nn.Dropout2d(), AFTER), (nn.Dropout(), AFTER), (overwritten, PLAIN)])
@torch.no_grad()
def test_dropout_before_the_relu_is_no_matter_and_maps_that_are_overwritten_are(
    happens: Callable[[Tensor], Tensor], stage: str
) -> None:
    model = Between(happens)
    (found,) = read_maps(model, images(), ["conv"]).values()
    assert found.stage == stage
    maps = model.conv(images())
    np.testing.assert_allclose(found.values, (maps.clamp(min=0) if stage == AFTER else maps).numpy(), atol=1e-5)


def test_first_middle_and_last_convolution_by_default() -> None:
    with torch.device("meta"):
        large = build_model("torchvision:vgg16")
    large.classifier = nn.Identity()  # most of its weights
    for parameter in large.to_empty(device="cpu").parameters():
        nn.init.zeros_(parameter)
    assert list(read_maps(large, images(32, 1))) == ["features.0", "features.14", "features.28"]
    small = build_model("zfnet", width=0.05, input_px=64, num_classes=3)
    assert list(read_maps(small, images())) == ["conv1", "conv3", "conv5"]


def test_means_are_of_every_convolution_from_first_to_last() -> None:
    model = build_model("zfnet", width=0.05, input_px=64, num_classes=3)
    means = channel_means(model, images())
    assert list(means) == ["conv1", "conv2", "conv3", "conv4", "conv5"]
    read = read_maps(model, images(), list(means))
    for layer, mean in means.items():
        np.testing.assert_allclose(mean, read[layer].values.mean(1), atol=1e-5)


def test_places_are_the_centres_of_receptive_fields() -> None:
    read = read_maps(build_model("zfnet", width=0.05, input_px=64, num_classes=3), images(), ["conv5", "fc6"])
    assert read["conv5"].first_px.tolist() == [20, 20]  # 139 pixels from -49: -49 + 138 / 2
    assert read["conv5"].step_px.tolist() == [16, 16]
    assert np.isnan(read["fc6"].first_px).all()
    assert read["fc6"].values.shape[2:] == (1, 1)


def test_wrong_layers_list_the_choices() -> None:
    model = build_model("zfnet", width=0.05, input_px=64, num_classes=3)
    with pytest.raises(ValueError, match=r"'conv9' is not one of conv1, relu1.*ConvNet \(close to it: conv"):
        read_maps(model, images(), ["conv9"])
    many = build_model("torchvision:resnet18", num_classes=3)
    with pytest.raises(
        ValueError, match=r"'conv9' is not one of conv1, layer1\.0\.conv1.*convolutions and linear layers"
    ):
        read_maps(many, images(), ["conv9"])
    with pytest.raises(ValueError, match="relu 'afterwards' is not one of auto, before, after"):
        read_maps(model, images(), ["conv1"], "afterwards")
    with pytest.raises(ValueError, match="no layer was given: name at least one"):
        read_maps(model, images(), [])


def test_the_strongest_channels_and_those_that_changed() -> None:
    values = np.random.default_rng(0).normal(size=(12, 5, 7))
    values[3] = values[8]  # equals: the lower number first
    found = peaks(values)
    for channel, own in enumerate(values):
        assert found.value[channel] == own.max()
        assert own[found.row[channel], found.column[channel]] == own.max()
    by_hand = sorted(range(12), key=lambda channel: (-values[channel].max(), channel))
    assert strongest_channels(values, 12).tolist() == by_hand
    assert strongest_channels(values)[0] == np.unravel_index(values.argmax(), values.shape)[0]
    other = values.copy()
    other[5] += 40
    other[2, 1, 1] -= 30  # far from its peak, which stays
    other[7, 0, 0] += 20
    assert changed_channels(values, other, 3).tolist() == [5, 2, 7]


def test_wrong_channels_are_told_what_there_is() -> None:
    assert check_channels([0, 11], 12, "conv1").tolist() == [0, 11]
    for wrong in (12, -1, 2.5):
        with pytest.raises(ValueError, match=f"channel {wrong} is not in layer 'conv1', which has channels 0 to 11"):
            check_channels([3, wrong], 12, "conv1")
    assert check_channels(np.array([2, 0]), 12, "conv1").tolist() == [2, 0]
    with pytest.raises(ValueError, match="channel eye is not in layer 'conv1', which has channels 0 to 11"):
        check_channels(["eye"], 12, "conv1")
    with pytest.raises(ValueError, match="no channel was given of layer 'conv1', which has channels 0 to 11"):
        check_channels([], 12, "conv1")
