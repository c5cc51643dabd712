"""What drives a unit: contributions sum to the activation less the bias, and each is the one map's own part."""

import numpy as np
import pytest
import torch
from torch import nn

from zfnet import Deconvnet, build_model
from zfnet.analysis.atlas import contributions, fed, inputs_of, map_wires, origins_of

NETWORKS = [
    "zfnet",
    "torchvision:squeezenet1_0",
    "torchvision:resnet18",
    "torchvision:mobilenet_v2",
    "torchvision:vgg11",
]


def network(name: str) -> nn.Module:
    torch.manual_seed(0)
    more = {"width": 0.1} if name == "zfnet" else {}
    return build_model(name, num_classes=10, input_px=64, **more).double().eval()


def sums(model: nn.Module, layer: str, images: torch.Tensor) -> torch.Tensor:
    """What the layer's module itself returns, before any ReLU."""
    kept = []
    hook = model.get_submodule(layer).register_forward_hook(lambda module, given, output: kept.append(output.clone()))
    with torch.no_grad():
        model(images.clone())
    hook.remove()
    return kept[0]


@pytest.mark.parametrize("name", NETWORKS)
def test_contributions_sum_to_the_activation_less_the_bias(name: str):
    model = network(name)
    images, layers = torch.randn(2, 3, 64, 64, dtype=torch.float64), Deconvnet(model).layers
    read = {layer: one for layer, one in origins_of(model, layers).items() if one.layers}
    assert len(read) > (6 if name == "zfnet" else 8)
    chosen = list(read)[:: max(1, len(read) // 6)]
    inputs = inputs_of(model, images, chosen)
    for layer in chosen:
        output, module = sums(model, layer, images), model.get_submodule(layer)
        bounds = (2, *output.shape[1:], 1, 1)[:4]
        units = torch.stack([torch.randint(bound, (16,)) for bound in bounds], 1)
        units[0], units[1] = 0, torch.tensor(bounds) - 1  # corners, where the window reaches beyond the border
        found = contributions(module, inputs[layer], units, len(read[layer].source))
        bias = 0 if module.bias is None else module.bias[units[:, 1]].detach()
        value = output[tuple(units[:, : output.ndim].T)]
        torch.testing.assert_close(found.sum(1), value - bias, rtol=0, atol=1e-10)


def test_a_contribution_is_what_goes_when_the_map_goes():
    """Of one channel: the sum with it less the sum with zeros in its place."""
    torch.manual_seed(1)
    for conv in (
        nn.Conv2d(4, 6, 3, 2, 1),
        nn.Conv2d(4, 6, (3, 1), padding=(2, 0), dilation=2),
        nn.Conv2d(4, 8, 3, groups=2),
    ):
        conv.double()
        maps = torch.randn(1, 4, 9, 9, dtype=torch.float64)
        with torch.no_grad():
            whole = conv(maps)
            units = torch.tensor([[0, 5, 0, 0], [0, 1, whole.shape[2] - 1, 2]])
            found = contributions(conv, maps, units, 4)
            for channel in range(4):
                without = maps.clone()
                without[:, channel] = 0
                lost = (whole - conv(without))[0, units[:, 1], units[:, 2], units[:, 3]]
                torch.testing.assert_close(found[:, channel], lost, rtol=0, atol=1e-12)


def test_which_maps_a_layer_reads():
    squeeze = origins_of(network("torchvision:squeezenet1_0"), Deconvnet(network("torchvision:squeezenet1_0")).layers)
    one = squeeze["features.4.squeeze"]  # reads the two expansions of the block before it, one after the other
    assert one.layers == ("features.3.expand1x1", "features.3.expand3x3")
    assert one.source[:2] == ((0, 0), (0, 1))
    assert one.source[64:66] == ((1, 0), (1, 1))
    assert "pixels" in squeeze["features.0"].why
    model = network("torchvision:resnet18")
    found = origins_of(model, Deconvnet(model).layers)
    assert "sum of several layers" in found["layer1.1.conv1"].why
    assert found["layer1.1.conv2"].layers == ("layer1.1.conv1",)
    few = origins_of(network("zfnet"), ["conv1", "conv3"])
    assert "between them lies conv2" in few["conv3"].why


def test_a_layer_that_did_not_run_says_so():
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 2, 3)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self.conv(images) if images.sum() > 0 else images

    assert "does not run" in origins_of(Odd(), ["conv"])["conv"].why


def test_a_padding_that_is_not_zeros_is_left_out_and_says_so():
    """The filter's sum has a part that lies on the other side of the map."""
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 3, padding=1, padding_mode="circular"))
    assert "padding is circular" in origins_of(model, ["0", "2"])["2"].why


def test_the_strongest_wires_down_and_up():
    given = np.zeros((2, 3, 4))
    given[0, 0], given[0, 1] = [3, -1, 0, 1], [1, -3, 0, 1]
    given[0, 2] = 100  # a place that is not there
    given[1, :, 2] = 2
    there = np.array([[True, True, False], [True, True, True]])
    found = map_wires(given, there)
    assert found.mean.tolist() == [[2, -2, 0, 1], [0, 0, 2, 0]]
    assert found.total.tolist() == [1, 2]
    assert found.part[0].tolist() == pytest.approx([0.4, -0.4, 0, 0.2])
    assert found.strongest[0, :3].tolist() == [0, 3, -1]
    assert found.strongest[0, 8] == 1  # holds it back
    maps, parts = fed(found.part, np.array([-1, 1, 0, -1]), 3)  # channel 2 is map 0, channel 1 map 1, none map 2
    assert (maps[0, 0], parts[0, 0]) == (1, 1)
    assert maps[1:].tolist() == [[-1] * 8] * 2
    maps, parts = fed(found.part, np.array([0, 1, 1, 0]), 2)  # a map that is read twice
    assert parts[0, 0] == pytest.approx(0.6)
