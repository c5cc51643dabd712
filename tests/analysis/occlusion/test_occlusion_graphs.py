"""Incremental occlusion on networks with branches: the plain way's numbers, and what is no graph goes the plain way."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

import zfnet.analysis.occlusion.incremental as incremental
from zfnet import occlude
from zfnet.analysis.occlusion import Occlusion, share_of_products
from zfnet.forward.graph import trace

torch.set_num_threads(1)


def same(model: nn.Module, image: torch.Tensor, size: int, step: int, **more: object) -> Occlusion:
    """Checks that both ways agree, and that the incremental one did not fall back to the plain one."""
    plain = occlude(model, image, 1, size, step, incremental=False, progress=False, **more)
    right, is_right = [], incremental.IncrementalOcclusion._is_right
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            incremental.IncrementalOcclusion, "_is_right", lambda *asked: right.append(is_right(*asked)) or right[-1]
        )
        ours = occlude(model, image, 1, size, step, progress=False, **more)
    assert right == [True]
    assert ours.map == plain.map
    torch.testing.assert_close(ours.clean_activity, plain.clean_activity)
    torch.testing.assert_close(ours.clean_probability, plain.clean_probability)
    assert (ours.probability - plain.probability).abs().max() <= 1e-10
    assert plain.probability.std() > 0
    assert (ours.activity - plain.activity).abs().max() <= 1e-10 * plain.clean_activity.abs()
    return ours


def seeded(name: str) -> nn.Module:
    torch.manual_seed(0)
    options = {"aux_logits": False, "init_weights": False} if name in ("googlenet", "inception_v3") else {}
    model = torchvision.models.get_model(name, weights=None, num_classes=7, **options).double()
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight)
        if isinstance(module, nn.BatchNorm2d):
            module.running_var.uniform_(0.5, 2)
    return model


LAYERS = {  # by default: on every path to the scores, no branch, no shortcut, not the classes
    "squeezenet1_1": "features.12.squeeze", "resnet18": "layer4.1.conv2", "googlenet": "conv3.conv",
    "densenet121": "features.transition3.conv", "mobilenet_v2": "features.18.0", "shufflenet_v2_x0_5": "conv5.0",
    "regnet_y_400mf": "trunk_output.block4.block4-5.f.c.0", "inception_v3": "Conv2d_4a_3x3.conv",
    "efficientnet_b0": "features.8.0", "vgg11": "features.18",
}  # fmt: skip


@pytest.mark.parametrize("name", list(LAYERS))
def test_torchvisions_networks(name):
    image = torch.randn(3, 75, 83, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    heat = same(seeded(name), image, 19, 28)
    assert heat.layer == LAYERS[name]


class Branches(nn.Module):
    """Branches of other widths, a shortcut, slices, a mean pool, padding, a shuffle, and an activation of no rule."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.stem = nn.Conv2d(3, 12, 3, 2)
        self.wide, self.narrow = nn.Conv2d(12, 12, 5, padding=2, groups=12), nn.Conv2d(12, 12, 1)
        self.shortcut, self.after = nn.Conv2d(24, 10, 1, 2), nn.Conv2d(24, 10, 3, 2, padding=1)
        self.norm, self.top = nn.BatchNorm2d(10), nn.Linear(20, 4)
        self.norm.running_var.uniform_(0.5, 2)

    def forward(self, x):
        x = F.relu(self.stem(x), inplace=True)  # overwrites what the stem gave
        x = torch.cat([F.silu(self.wide(x)), self.narrow(x) - x], 1)
        x = x.view(len(x), 2, 12, *x.shape[2:]).transpose(1, 2).flatten(1, 2)
        x = F.avg_pool2d(F.pad(x, (1, 0, 0, 1), value=0.3), 3, 1, padding=1, count_include_pad=False)
        x = self.shortcut(x) + self.norm(self.after(x))
        return self.top(torch.cat([F.relu(x), x[:, 5:], x[:, :5]], 1).mean((2, 3)))


@pytest.mark.parametrize("layer", ["stem", "wide", "narrow", "shortcut", "norm", "top"])
@pytest.mark.parametrize(("size", "step"), [(1, 16), (9, 7), (24, 5)])
def test_joins_look_both_inputs_up(layer, size, step):
    image = torch.randn(3, 31, 44, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    same(Branches().double(), image, size, step, layer=layer, fill=0.4)


@pytest.mark.parametrize("share", [-1.0, 0.2, 2.0])
def test_where_lists_end_does_not_matter(share, monkeypatch):
    monkeypatch.setattr(incremental, "DENSE_FROM", share)
    image = torch.randn(3, 40, 40, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    same(Branches().double(), image, 12, 9, layer="after")


def test_a_residual_shortcut_is_not_the_default_layer():
    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem, self.shortcut = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 1)
            self.one, self.two, self.top = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1), nn.Linear(4, 2)

        def forward(self, x):
            x = F.relu(self.stem(x))
            x = self.two(F.relu(self.one(x))) + self.shortcut(x)  # which runs last
            return self.top(x.mean((2, 3)))

    heat = occlude(Residual(), torch.randn(3, 12, 12), 0, 4, 4, progress=False)
    assert heat.layer == "two"


class Rolled(Branches):
    def forward(self, x):
        return super().forward(x.roll(1, 2))


def test_unknown_operations_go_the_plain_way():
    """`roll` is none that can be given fewer places."""
    image = torch.randn(3, 31, 44, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    ours, plain = (
        occlude(Rolled().double(), image, 1, 9, 7, layer="after", progress=False, incremental=way)
        for way in (True, False)
    )
    assert torch.equal(ours.probability, plain.probability)
    assert plain.probability.std() > 0


def test_the_share_of_products_is_what_changes():
    """Counted from where answers change at all, one convolution after another."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.Conv2d(4, 5, 3, padding=1), nn.Flatten(), nn.Linear(5 * 49, 2))
    model, image, size = model.double().eval(), torch.zeros(1, 3, 15, 15, dtype=torch.float64), 4
    corners = [(row, column) for row in (0, 4, 8, 11) for column in (0, 4, 8, 11)]
    done = whole = 0.0
    with torch.no_grad():
        graph = trace(model, image)
        for row, column in corners:
            hidden = image.clone()
            hidden[:, :, row : row + size, column : column + size] = torch.rand(3, size, size) + 1
            for depth, layer in ((1, model[0]), (2, model[1])):
                changed = (model[:depth](hidden) != model[:depth](image)).any(1)
                done += layer.weight.numel() * int(changed.sum())
                whole += layer.weight.numel() * changed.numel()
            done, whole = done + model[3].weight.numel(), whole + model[3].weight.numel()
    assert share_of_products(graph, torch.tensor(corners), size) == pytest.approx(done / whole)
