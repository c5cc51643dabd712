"""Laws 1 to 5 of the explicit reverse pass, on chains of layers."""

from dataclasses import replace

import pytest
import torch
from reverse_oracle import by_autograd, placed, some_units, strongest
from torch import nn

from zfnet import Deconvnet, build_model
from zfnet.deconv.reverse import unpool
from zfnet.forward.record import weights_versions

torch.set_num_threads(1)


def images(px: int, count: int = 2) -> torch.Tensor:
    return torch.randn(count, 3, px, px, generator=torch.Generator().manual_seed(px), dtype=torch.float64)


def small(name: str, px: int, width: float = 0.08) -> nn.Module:
    torch.manual_seed(0)
    return build_model(name, num_classes=7, width=width, input_px=px).double().eval()


def vgg_like(px: int) -> nn.Module:
    """VGG16's structure (two or three 3x3 convolutions to a 2x2 pool, adaptive average, three full layers), narrow."""
    torch.manual_seed(0)
    maps, layers = 3, []
    for width, repeats in ((4, 2), (6, 2), (8, 3), (8, 3)):
        for _ in range(repeats):
            layers += [nn.Conv2d(maps, width, 3, padding=1), nn.ReLU(inplace=True)]
            maps = width
        layers.append(nn.MaxPool2d(2, 2))
    top = [nn.Linear(8 * 9, 20), nn.ReLU(True), nn.Dropout(), nn.Linear(20, 20), nn.ReLU(True), nn.Linear(20, 7)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(3), nn.Flatten(), *top).double().eval()


def up_to(model: nn.Module, layer: str) -> list[nn.Module]:
    """The layers up to the one that `layer` means: its ReLU in our networks."""
    names = [name for name, _ in model.named_children()]
    last = names.index(layer)
    if layer.startswith(("conv", "fc")) and last + 1 < len(names) and names[last + 1].startswith("relu"):
        last += 1
    return list(model.children())[: last + 1]


CASES = [
    *(("zfnet", px, layer) for px in (125, 128) for layer in ("conv1", "conv2", "conv3", "conv5", "fc6", "fc8")),
    *(("alexnet", 131, layer) for layer in ("conv1", "conv2", "conv4", "conv5", "fc7", "fc8")),
    *(("zfnet_norm_first", 125, layer) for layer in ("conv2", "conv5", "fc8")),
    *(("vgg_like", px, layer) for px in (45, 48) for layer in ("0", "7", "14", "21", "26", "29", "31")),
]


@pytest.mark.parametrize(("name", "px", "layer"), CASES)
def test_explicit_pass_agrees_with_autograd(name, px, layer):
    model = vgg_like(px) if name == "vgg_like" else small(name, px)
    x, deconvnet = images(px), Deconvnet(model)
    record = deconvnet.record(x, layers=[layer])
    units = strongest(record.maps[layer])

    def seed(maps):
        values = maps.flatten(1).max(1).values
        return placed(units, values, maps)

    maps, expected = by_autograd(up_to(model, layer), x, seed)
    assert torch.equal(maps, record.maps[layer])
    assert expected.norm() > 0
    pixels = deconvnet.project(record, layer, units)
    assert (pixels - expected).norm() <= 1e-10 * expected.norm()


@pytest.mark.parametrize("layer", ["features.2", "features.12", "features.28", "classifier.3", "classifier.6"])
def test_torchvision_vgg16_agrees_with_autograd(vgg16, layer):
    x, deconvnet = images(32, 1).float(), Deconvnet(vgg16)
    record = deconvnet.record(x, layers=[layer])
    units = strongest(record.maps[layer])
    group, number = layer.split(".")
    below = [*vgg16.features, vgg16.avgpool, nn.Flatten(), *vgg16.classifier]
    last = int(number) + (0 if group == "features" else len(vgg16.features) + 2)

    _, expected = by_autograd(below[: last + 1], x, lambda m: placed(units, m.flatten(1).max(1).values, m))
    pixels = deconvnet.project(record, layer, units)
    assert (pixels - expected).norm() <= 1e-5 * expected.norm()


@pytest.fixture(scope="module")
def vgg16():
    torch.manual_seed(0)
    return build_model("torchvision:vgg16", num_classes=5).eval()


def test_switches_that_share_a_place_add():
    values = torch.tensor([[[[1.0, 2.0], [4.0, 8.0]]]])
    switches = torch.tensor([[[[4, 4], [4, 0]]]])
    assert unpool(values, switches, (3, 3)).flatten().tolist() == [8, 0, 0, 0, 7, 0, 0, 0, 0]
    with pytest.raises(ValueError, match="3 x 3"):
        unpool(values, switches + 6, (3, 3))


def test_overlapping_pools_add_on_dense_signals():
    """A whole map through 3x3 stride-2 pools, where max_unpool2d would overwrite."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True), nn.Conv2d(4, 5, 3))
    x = images(24).float()
    deconvnet = Deconvnet(model)
    record = deconvnet.record(x)
    chosen = torch.tensor([[0, 1], [1, 4]])

    def seed(maps):
        signal = torch.zeros_like(maps)
        for n, (image, number) in enumerate(chosen.tolist()):
            signal[n, number] = maps[image, number].clamp(min=0)
        return signal

    _, expected = by_autograd(list(model), x, seed)
    pixels = deconvnet.project_maps(record, "3", chosen)
    assert (pixels - expected).norm() <= 1e-6 * expected.norm()


def test_zeros_pool_the_way_autograd_pools_them():
    """Dead maps tie everywhere; the recorded switch is the place that autograd sends the gradient to."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Conv2d(6, 5, 3)).double()
    with torch.no_grad():
        model[0].bias.fill_(-100)  # nothing gets through the ReLU
    x = images(17)
    deconvnet = Deconvnet(model)
    units = some_units((5, 5, 5), 6, images=2)
    _, expected = by_autograd(list(model), x[units[:, 0]], lambda maps: placed(units, torch.ones(6), maps))
    record = deconvnet.record(x)
    assert (deconvnet.project(record, "3", units, scale=1) - expected).norm() <= 1e-10 * expected.norm()


@pytest.mark.parametrize("px", [224, 223, 97])
def test_pixels_have_the_size_of_the_images(px):
    model = small("zfnet", px, 0.02)
    x = images(px, 1).float()
    deconvnet = Deconvnet(model.float())
    record = deconvnet.record(x)
    for layer in deconvnet.layers:
        assert deconvnet.project(record, layer, torch.tensor([[0, 0, 0, 0]])).shape == x.shape


def test_biases_change_nothing_going_down():
    model = small("zfnet", 97)
    x, units = images(97), torch.tensor([[0, 1, 1, 2], [1, 0, 3, 0]])
    deconvnet = Deconvnet(model)
    record = deconvnet.record(x)
    before = deconvnet.project(record, "conv5", units, scale=1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):
                parameter.normal_()
    with pytest.raises(ValueError, match=r"weights changed since .* \(conv1.bias and 7 more\)"):
        deconvnet.project(record, "conv5", units, scale=1)
    trusted = replace(record, weights=weights_versions(model))  # the same switches under other biases
    assert torch.equal(deconvnet.project(trusted, "conv5", units, scale=1), before)
    assert (before < 0).any()  # the pixels are not rectified


def test_seeds_are_recorded_activations_and_negative_ones_nothing():
    model = vgg_like(45)
    x, deconvnet = images(45), Deconvnet(model)
    record = deconvnet.record(x)
    maps = record.maps["7"]
    positive, negative = (maps > 0).nonzero()[3], (maps < 0).nonzero()[3]
    units = torch.stack([positive, negative])
    by_value, by_one = deconvnet.project(record, "7", units), deconvnet.project(record, "7", units, scale=1)
    torch.testing.assert_close(by_value[0], by_one[0] * maps[tuple(positive)], rtol=1e-12, atol=0)
    assert by_value[1].abs().max() == 0
    assert by_one[1].abs().max() > 0
    each = deconvnet.project(record, "7", units, scale=torch.tensor([2.0, 3.0]))
    torch.testing.assert_close(each, by_one * torch.tensor([2.0, 3.0], dtype=x.dtype)[:, None, None, None])
    assert deconvnet.project(record, "7", units, scale=-1).abs().max() == 0


def test_negative_class_scores_are_projected():
    model = vgg_like(45)
    x, deconvnet = images(45), Deconvnet(model)
    record = deconvnet.record(x)
    scores = record.maps["31"]
    image, number = (scores < 0).nonzero()[0].tolist()
    units = torch.tensor([[image, number, 0, 0]])
    _, expected = by_autograd(list(model), x[[image]], lambda maps: placed(units, scores[image, number][None], maps))
    pixels = deconvnet.project(record, "31", units)
    assert expected.norm() > 0
    assert (pixels - expected).norm() <= 1e-10 * expected.norm()


def test_many_units_of_many_images_are_each_their_own():
    model = small("alexnet", 99)
    x, deconvnet = images(99, 3), Deconvnet(model)
    record = deconvnet.record(x)
    units = some_units(record.sizes["conv4"], 9, images=3)
    together = deconvnet.project(record, "conv4", units, scale=1)
    for n in range(len(units)):
        alone = deconvnet.project(record, "conv4", units[n : n + 1], scale=1)[0]
        assert (together[n] - alone).norm() <= 1e-12 * alone.norm()
