"""The table of a network: fields against the support of gradients, counts against arithmetic by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from zfnet import build_model
from zfnet.forward.layer_table import Row, network_table, network_text
from zfnet.models.layer_summary import arithmetic, layers_of


def small(name: str, options: dict[str, float]) -> nn.Module:
    """The network with positive weights, without the fully connected layers of torchvision's, which take seconds."""
    with torch.device("meta"):
        model = build_model(name, num_classes=3, **options)
    if name.startswith("torchvision") and hasattr(model, "classifier"):
        model.classifier = nn.Identity()
    model = model.to_empty(device="cpu")
    generator = torch.Generator().manual_seed(0)
    for module in model.modules():
        for parameter in module.parameters(recurse=False):
            parameter.data.uniform_(0.01, 0.1, generator=generator)
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
    return model


def averaging(model: nn.Module) -> nn.Module:
    """The same with averages for maxima, so that every pixel that is seen has a gradient."""
    for name, module in list(model.named_modules()):
        if isinstance(module, nn.MaxPool2d):
            average = nn.AvgPool2d(module.kernel_size, module.stride, module.padding, module.ceil_mode)
            parent, _, last = name.rpartition(".")
            setattr(model.get_submodule(parent), last, average)
        elif name.startswith("norm"):  # couples channels, not places
            setattr(model, name, nn.Identity())
    return model.double().eval()


def support(model: nn.Module, layer: str, size: tuple[int, int], unit: tuple[int, int]) -> list[tuple[int, int]]:
    """The first and last row, and column, whose pixels have a gradient at a unit of the layer, over all its maps."""
    image = torch.ones(1, 3, *size, dtype=torch.float64, requires_grad=True)
    reached: list[Tensor] = []

    class Reached(Exception):
        pass

    def stop(module: nn.Module, given: object, output: Tensor) -> None:
        reached.append(output)
        raise Reached

    handle = model.get_submodule(layer).register_forward_hook(stop)
    with pytest.raises(Reached):
        model(image)
    handle.remove()
    (gradient,) = torch.autograd.grad(reached[0][0, :, unit[0], unit[1]].sum(), image)
    seen = gradient.abs().sum((0, 1)) > 0
    return [(int(places.min()), int(places.max())) for places in seen.nonzero(as_tuple=True)]


def expected(row: Row, unit: tuple[int, int], size: tuple[int, int]) -> list[tuple[int, int]]:
    """The field of the unit, as far as it lies on the image."""
    assert row.field_px is not None
    assert row.step_px is not None
    assert row.start_px is not None
    edges = []
    for axis in (0, 1):
        start = row.start_px[axis] + row.step_px[axis] * unit[axis]
        edges.append((max(start, 0), min(start + row.field_px[axis], size[axis]) - 1))
    return edges


@pytest.mark.parametrize(
    ("name", "options", "layers", "size"),
    [
        ("zfnet", {"width": 0.05}, ["conv1", "conv2", "conv3", "conv4", "conv5", "pool5"], (224, 224)),
        ("torchvision:alexnet", {}, ["features.3", "features.6", "features.10"], (224, 131)),
        ("torchvision:vgg16", {}, ["features.2", "features.14", "features.21"], (112, 33)),
        ("torchvision:squeezenet1_0", {}, ["features.3.expand3x3", "features.12.squeeze"], (200, 63)),
        ("torchvision:resnet18", {}, ["layer1.0.conv2", "layer2.1.conv1", "layer3.0.downsample.0", "layer3.1.bn2"],
         (224, 64)),
    ],
)  # fmt: skip
def test_fields_are_the_support_of_gradients(
    name: str, options: dict[str, float], layers: list[str], size: tuple[int, int]
) -> None:
    model = small(name, options)
    rows = {row.name: row for row in network_table(model)}
    model = averaging(model)
    for layer in layers:
        assert support(model, layer, size, (1, 1)) == expected(rows[layer], (1, 1), size), layer


def test_counts_and_shapes_are_the_papers() -> None:
    model = build_model("zfnet")
    rows = {row.name: row for row in network_table(model)}
    assert sum(row.parameters for row in rows.values()) == 62_357_608
    conv2 = rows["conv2"]
    assert (conv2.kind, conv2.shape, conv2.parameters) == ("Conv2d", (256, 26, 26), 614_656)
    assert conv2.multiply_adds == 256 * 26 * 26 * 96 * 5 * 5
    assert rows["fc6"].multiply_adds == 9216 * 4096
    assert (conv2.field_px, conv2.step_px) == ((27, 27), (8, 8))
    assert (rows["conv5"].field_px, rows["conv5"].step_px, rows["conv5"].start_px) == ((139, 139), (16, 16), (-49, -49))
    assert rows["fc6"].field_px is None
    assert list(rows)[:5] == ["conv1", "relu1", "pool1", "norm1", "conv2"]
    text = network_text(list(rows.values()))
    line = next(line for line in text.splitlines() if line.startswith("conv2")).split()
    assert line == [
        "conv2",
        "Conv2d",
        "256",
        "x",
        "26",
        "x",
        "26",
        "614,656",
        f"{conv2.multiply_adds:,}",
        "27",
        "8",
        "-1",
    ]
    assert "62,357,608" in next(line for line in text.splitlines() if line.startswith("total"))
    assert model.training


@pytest.mark.parametrize("name", ["resnet18", "googlenet", "mobilenet_v3_small"])
def test_every_parameter_is_counted_once(name: str) -> None:
    model = build_model(f"torchvision:{name}", num_classes=7)
    layers = layers_of(model)
    assert sum(one.parameters for one in layers) == sum(parameter.numel() for parameter in model.parameters())


def test_a_relu_that_runs_twice_has_two_fields() -> None:
    rows = [row for row in network_table(build_model("torchvision:resnet18")) if row.name == "layer1.0.relu"]
    assert [row.field_px for row in rows] == [(19, 19), (27, 27)]


def test_linear_layers_count_at_every_token() -> None:
    class Tokens(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.patch, self.mix = nn.Conv2d(3, 8, 4, 4, groups=1), nn.Linear(8, 5, bias=False)
            self.lonely = nn.Linear(2, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.mix(self.patch(x).flatten(2).transpose(1, 2)).mean(1)

    layers = {one.name: one for one in layers_of(Tokens(), 32)}
    assert layers["patch"].multiply_adds == 8 * 8 * 8 * 3 * 4 * 4
    assert layers["mix"].multiply_adds == 64 * 8 * 5
    assert layers["(in modules that do not run)"].parameters == 2 * 2 + 2


def test_arithmetic_spelled_out() -> None:
    assert arithmetic(build_model("zfnet"), "conv2") == (
        "conv2: 256 filters x (96 channels x 5 x 5) + 256 biases = 614,656"
    )
    mobile = build_model("torchvision:mobilenet_v2")
    assert arithmetic(mobile, "features.1.conv.0.0") == (
        "features.1.conv.0.0: 32 filters x (1 channels of each of 32 groups x 3 x 3) = 288"
    )
    assert arithmetic(mobile, "features.0.1") == "features.0.1: weight 32 + bias 32 = 64"
    assert arithmetic(mobile, "classifier.1") == "classifier.1: 1000 units x 1280 inputs + 1000 biases = 1,281,000"
    with pytest.raises(ValueError, match=r"'relu1' has no parameters of its own; those that do are conv1, conv2"):
        arithmetic(build_model("zfnet", width=0.1), "relu1")
