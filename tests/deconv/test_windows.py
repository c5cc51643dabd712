"""Law 3: the reverse pass on windows is the dense one, border cases included, and nothing lies outside them."""

import pytest
import torch
from reverse_oracle import some_units
from torch import nn

from zfnet import Deconvnet, build_model

torch.set_num_threads(1)


def compare(model: nn.Module, layer: str, px: tuple[int, int], count: int = 12) -> None:
    """Windows against dense pixels cut by plain loops, and nothing but zeros outside."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(2, 3, *px, generator=generator, dtype=torch.float64)
    deconvnet = Deconvnet(model)
    record = deconvnet.record(x, layers=[layer])
    units = some_units(record.sizes[layer], count, images=2)
    dense = deconvnet.project(record, layer, units, scale=1)
    crops, corners = deconvnet.project_windows(record, layer, units, scale=1)
    assert (dense.abs().amax((1, 2, 3)) > 0).sum() > count // 2  # some filters have no positive weight
    height, width = crops.shape[2:]
    rest = dense.clone()
    expected = torch.zeros_like(crops)
    for n, (top, left) in enumerate(corners.tolist()):
        for row in range(max(top, 0), min(top + height, px[0])):
            for column in range(max(left, 0), min(left + width, px[1])):
                expected[n, :, row - top, column - left] = dense[n, :, row, column]
        rest[n, :, max(top, 0) : max(top + height, 0), max(left, 0) : max(left + width, 0)] = 0
    assert (crops - expected).abs().max() <= 1e-12 * expected.abs().max()
    assert rest.abs().max() == 0


@pytest.mark.parametrize("layer", ["conv1", "conv2", "conv3", "conv5"])
@pytest.mark.parametrize("px", [125, 163])
def test_zfnet(layer, px):
    torch.manual_seed(0)
    compare(build_model("zfnet", 5, width=0.05, input_px=px).double(), layer, (px, px))


@pytest.mark.parametrize(
    ("layer", "px"), [("conv1", 131), ("conv2", 131), ("conv5", 171), ("norm1", 131), ("pool5", 202)]
)
def test_alexnet_and_layers_between(layer, px):
    torch.manual_seed(0)
    compare(build_model("alexnet", 5, width=0.03, input_px=px).double(), layer, (px, px), count=8)


ODD = {
    "ceil": [nn.Conv2d(3, 4, 5, 3), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True), nn.Conv2d(4, 6, 3, padding=1)],
    "padded": [nn.Conv2d(3, 4, 3, 1, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1), nn.Conv2d(4, 6, 4, 2, 1)],
    "uneven": [nn.Conv2d(3, 4, (5, 2), (2, 1), (1, 0)), nn.MaxPool2d((2, 3), (1, 2)), nn.Conv2d(4, 6, (1, 3))],
    "dilated": [nn.Conv2d(3, 4, 3, dilation=2), nn.MaxPool2d(2, 1, dilation=3), nn.Conv2d(4, 6, 2, dilation=3)],
    "grouped": [
        nn.Conv2d(3, 6, 3, groups=3),
        nn.ReLU(),
        nn.Conv2d(6, 4, 3, 2, groups=2),
        nn.ReLU(),
        nn.Conv2d(4, 6, 2),
    ],
    "same": [nn.Conv2d(3, 4, 5, padding="same"), nn.MaxPool2d(5, 3, 2), nn.Conv2d(4, 6, 3, padding="valid")],
    "gaps": [nn.Conv2d(3, 4, 2, 3), nn.MaxPool2d(2, 3), nn.Conv2d(4, 6, 1, 2)],
    "normed": [nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout2d(), nn.Conv2d(4, 6, 3, 2)],
    "averaged": [nn.Conv2d(3, 4, 3), nn.AvgPool2d(3, 2, 1, ceil_mode=True), nn.ReLU(), nn.Conv2d(4, 6, 3, padding=1)],
    "pointwise": [nn.Conv2d(3, 4, 1), nn.ReLU(), nn.Conv2d(4, 6, 1)],
}


@pytest.mark.parametrize("kind", list(ODD))
@pytest.mark.parametrize("px", [(23, 23), (26, 31)])
def test_odd_shapes(kind, px):
    torch.manual_seed(0)
    model = nn.Sequential(*ODD[kind]).double()
    for module in model:
        if hasattr(module, "reset_parameters"):  # made when the file was read, with whatever numbers came then
            module.reset_parameters()
        if isinstance(module, nn.BatchNorm2d):
            module.running_var.uniform_(0.5, 2)
            nn.init.normal_(module.weight)
    compare(model, str(len(model) - 1), px)


def test_field_wider_than_the_image():
    torch.manual_seed(0)
    layers = [layer for _ in range(4) for layer in (nn.LazyConv2d(4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))]
    model = nn.Sequential(*layers, nn.LazyConv2d(5, 3, padding=1)).double()
    model(torch.zeros(1, 3, 33, 33, dtype=torch.float64))
    compare(model, "12", (33, 33), count=6)


def test_bfloat16_is_near():
    torch.manual_seed(0)
    model = build_model("zfnet", 5, width=0.1, input_px=125)
    deconvnet = Deconvnet(model)
    record = deconvnet.record(torch.randn(2, 3, 125, 125), layers=["conv3"])
    units = some_units(record.sizes["conv3"], 8, images=2)
    exact, _ = deconvnet.project_windows(record, "conv3", units, scale=1)
    near, _ = deconvnet.project_windows(record, "conv3", units, scale=1, dtype=torch.bfloat16)
    assert near.dtype == torch.float32
    assert 0 < (near - exact).norm() <= 0.02 * exact.norm()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("layer", ["conv2", "conv4", "fc7"])
def test_a_gpu_projects_what_the_cpu_projects(layer, monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    monkeypatch.setattr(torch.backends.cuda.matmul, "allow_tf32", False)
    torch.manual_seed(0)
    model = build_model("zfnet", 5, width=0.1, input_px=125).double()
    x = torch.randn(2, 3, 125, 125, dtype=torch.float64)
    on_cpu = Deconvnet(model).record(x, layers=[layer])
    units = some_units(on_cpu.sizes[layer], 8, images=2)
    expected = Deconvnet(model).project(on_cpu, layer, units, scale=1)
    expected_crops, _ = Deconvnet(model).project_windows(on_cpu, layer, units, scale=1)
    deconvnet = Deconvnet(model.cuda())
    record = deconvnet.record(x.cuda(), layers=[layer])
    crops, _ = deconvnet.project_windows(record, layer, units, scale=1)
    assert (deconvnet.project(record, layer, units, scale=1).cpu() - expected).norm() <= 1e-9 * expected.norm()
    assert (crops.cpu() - expected_crops).norm() <= 1e-9 * expected_crops.norm()


def test_full_layers_see_the_whole_image():
    torch.manual_seed(0)
    model = build_model("zfnet", 5, width=0.05, input_px=97)
    deconvnet = Deconvnet(model)
    record = deconvnet.record(torch.randn(2, 3, 97, 97))
    units = torch.tensor([[1, 2, 0, 0], [0, 4, 0, 0]])
    crops, corners = deconvnet.project_windows(record, "fc8", units)
    assert torch.equal(crops, deconvnet.project(record, "fc8", units))
    assert corners.tolist() == [[0, 0], [0, 0]]


def test_a_layer_after_an_adaptive_average_sees_the_whole_image():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(2), nn.Conv2d(4, 5, 1)).double()
    deconvnet = Deconvnet(model)
    record = deconvnet.record(torch.randn(1, 3, 9, 9))
    crops, corners = deconvnet.project_windows(record, "2", torch.tensor([[0, 1, 1, 1]]), scale=1)
    assert crops.shape == (1, 3, 9, 9)
    assert corners.tolist() == [[0, 0]]
