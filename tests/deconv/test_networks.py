"""Law 11: on any network the graph and autograd agree, and windows equal whole projections."""

import warnings

import pytest
import torch
import torchvision
from reverse_oracle import by_rule, some_units
from torch import nn

from zfnet import Deconvnet
from zfnet.forward import paste_windows

torch.set_num_threads(1)
ODD, EVEN = (75, 97), (64, 96)  # not square; some networks take no odd ones
TORCHVISION = (
    "alexnet", "vgg11", "squeezenet1_0", "squeezenet1_1", "googlenet", "inception_v3", "resnet18", "resnet50",
    "resnext50_32x4d", "densenet121", "mobilenet_v2", "mnasnet0_5", "mnasnet1_0", "shufflenet_v2_x0_5",
    "shufflenet_v2_x1_0", "regnet_x_400mf", "regnet_x_800mf",
)  # fmt: skip
TIMM = (
    "resnet10t", "resnet26d", "resnetblur18", "res2net50_26w_4s", "res2next50", "dla34", "dla46x_c", "dla60_res2net",
    "hrnet_w18_small", "densenetblur121d", "repvgg_a0", "inception_v4", "mobilenetv2_050", "mobilenetv1_100",
    "mnasnet_small", "regnetx_002", "selecsls42", "cspresnet50", "vovnet39a", "ese_vovnet19b_dw", "hardcorenas_a",
    "skresnet18", "gernet_s", "darknet17", "resnetv2_50",
)  # fmt: skip


def explicit_layers(deconvnet: Deconvnet) -> list[str]:
    """An early, a middle and a late layer among those that go down explicitly."""
    layers = [layer for layer in deconvnet.layers if not deconvnet.explain(layer).startswith("autograd")]
    return list(dict.fromkeys(layers[int(share * (len(layers) - 1))] for share in (0.1, 0.5, 1)))


def check(model: nn.Module, px: tuple[int, int] = ODD) -> list[str]:
    """Compares the ways on a network; returns which way each layer went."""
    model = model.double().eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):  # as after a training: nothing is one or zero
            module.running_var.uniform_(0.5, 2)
            module.running_mean.normal_(std=0.1)
    x = torch.randn(2, 3, *px, dtype=torch.float64)
    deconvnet = Deconvnet(model)
    deconvnet.activations(x, ())
    ways = []
    for layer in explicit_layers(deconvnet):
        record = deconvnet.record(x, layers=[layer])
        assert layer in record.explicit
        units = some_units(record.sizes[layer], 4, images=2)
        expected = by_rule(model, layer, x, units)
        pixels = deconvnet.project(record, layer, units, scale=1)
        assert expected.norm() > 0
        assert (pixels - expected).norm() <= 1e-10 * expected.norm(), layer
        crops, corners = deconvnet.project_windows(record, layer, units, scale=1)
        assert (paste_windows(crops, corners, px) - expected).norm() <= 1e-10 * expected.norm(), layer
        ways.append(deconvnet.explain(layer).split(":")[0])
    return ways


@pytest.mark.parametrize("name", TORCHVISION)
def test_torchvisions_networks(name):
    torch.manual_seed(0)
    options = {"aux_logits": False, "init_weights": False} if name in ("googlenet", "inception_v3") else {}
    ways = check(torchvision.models.get_model(name, weights=None, num_classes=7, **options))
    assert ways[0] == "windows"


@pytest.mark.parametrize("name", TIMM)
def test_timms_networks(name):
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about names that timm gave up
        model = timm.create_model(name, pretrained=False, num_classes=7)
    assert check(model, EVEN if name.startswith(("dla", "hrnet")) else ODD)
