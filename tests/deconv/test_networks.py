"""Law 11: on any network the graph and autograd agree, and windows equal whole projections."""

import warnings
from collections.abc import Sequence

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
    "shufflenet_v2_x1_0", "regnet_x_400mf", "regnet_x_800mf", "resnet34", "mnasnet0_75", "shufflenet_v2_x1_5",
    "regnet_x_1_6gf",
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


def check(model: nn.Module, px: tuple[int, int] = ODD, layers: Sequence[str] = ()) -> list[str]:
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
    for layer in layers or explicit_layers(deconvnet):
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


TOPS = {  # layers that are no filters: normalisations, pools, sums, concatenations, blocks
    "resnet18": ["bn1", "maxpool", "layer1.0.bn2", "layer1.0", "layer2", "layer2.0.downsample.1", "avgpool", "fc"],
    "googlenet": ["conv1", "maxpool1", "inception3a", "inception3b.branch4.0"],
    "densenet121": ["features.norm0", "features.denseblock1", "features.transition1.norm", "features.transition1.pool"],
    "shufflenet_v2_x0_5": ["stage2.0", "stage2.1", "stage2.1.branch2.1"],
}


@pytest.mark.parametrize("name", list(TOPS))
def test_layers_without_filters(name):
    torch.manual_seed(0)
    options = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
    model = torchvision.models.get_model(name, weights=None, num_classes=7, **options)
    check(model, layers=TOPS[name])


def test_a_factor_that_differs_from_image_to_image_is_no_constant():
    """On the one image that is traced it looks like one."""

    class Weighted(nn.Module):
        def __init__(self):
            super().__init__()
            self.below, self.above = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 2, 3)

        def forward(self, x):
            return self.above(torch.relu(self.below(x)) * torch.arange(1.0, len(x) + 1).view(-1, 1, 1, 1).double())

    torch.manual_seed(0)
    model, x = Weighted().double(), torch.randn(3, 3, 9, 9, dtype=torch.float64)
    deconvnet = Deconvnet(model)
    record = deconvnet.record(x)
    assert record.explicit == {"below"}
    with pytest.raises(ValueError, match="answers differently twice"):
        deconvnet.project(record, "above", [[2, 1, 3, 3]])
