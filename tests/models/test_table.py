"""The networks are the paper's: shapes of Fig. 3, parameter counts, the rows of Table 3."""

from pathlib import Path

import pytest
import torch
from torch import nn

from zfnet import Network, build_model, open_network
from zfnet.data import plain_frame
from zfnet.models import TABLES, ZFNET, ConvNet, summary


def outputs(model: nn.Module, input_px: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    handles = [
        module.register_forward_hook(lambda _m, _i, out, name=name: shapes.update({name: tuple(out.shape[1:])}))
        for name, module in model.named_children()
    ]
    model.eval()(torch.zeros(1, 3, input_px, input_px))
    for handle in handles:
        handle.remove()
    return shapes


def parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def test_zfnet_has_the_shapes_and_parameters_of_figure_3():
    model = build_model("zfnet")
    assert parameters(model) == 62_357_608
    shapes = outputs(model, 224)
    assert shapes["conv1"] == (96, 110, 110)
    assert shapes["pool1"] == shapes["norm1"] == (96, 55, 55)
    assert shapes["conv2"] == (256, 26, 26)
    assert shapes["pool2"] == shapes["norm2"] == (256, 13, 13)
    assert shapes["conv3"] == shapes["conv4"] == (384, 13, 13)
    assert shapes["conv5"] == (256, 13, 13)
    assert shapes["pool5"] == (256, 6, 6)
    assert shapes["fc6"] == shapes["fc7"] == (4096,)
    assert shapes["fc8"] == (1000,)


def test_the_alexnet_replication_has_its_shapes_and_parameters():
    model = build_model("alexnet")
    assert parameters(model) == 62_378_344
    shapes = outputs(model, 224)
    assert (shapes["conv1"], shapes["pool1"]) == ((96, 55, 55), (96, 27, 27))
    assert (shapes["conv2"], shapes["pool2"]) == ((256, 27, 27), (256, 13, 13))
    assert shapes["pool5"] == (256, 6, 6)


def test_the_small_convnets_have_chollets_shapes_and_parameters():
    grey = build_model("mnist_convnet", num_classes=10, input_px=28, channels=1)
    assert parameters(grey) == 93_322
    assert [parameters(layer) for _, layer in grey.named_children() if parameters(layer)] == [
        320, 18_496, 36_928, 36_928, 650,
    ]  # fmt: skip
    assert grey(torch.zeros(2, 1, 28, 28)).shape == (2, 10)
    assert not any(isinstance(module, nn.Dropout) for module in grey.modules())
    pets = build_model("cats_dogs_convnet", num_classes=2, input_px=150)
    assert parameters(pets) == 3_453_634
    shapes = outputs(pets, 150)
    pooled = [shapes[f"pool{layer}"] for layer in (1, 2, 3, 4)]
    assert pooled == [(32, 74, 74), (64, 36, 36), (128, 17, 17), (128, 7, 7)]
    assert shapes["flatten"] == (6272,)
    assert [name for name, module in pets.named_children() if isinstance(module, nn.Dropout)] == ["drop4"]


@pytest.mark.parametrize(
    ("name", "kept", "units"),
    [
        ("zfnet_fc2048", "conv1 conv2 conv3 conv4 conv5 fc6 fc7 fc8", {"fc6": 2048, "fc7": 2048}),
        ("zfnet_fc8192", "conv1 conv2 conv3 conv4 conv5 fc6 fc7 fc8", {"fc6": 8192, "fc7": 8192}),
        (
            "zfnet_512_1024_512",
            "conv1 conv2 conv3 conv4 conv5 fc6 fc7 fc8",
            {"conv3": 512, "conv4": 1024, "conv5": 512},
        ),
        (
            "zfnet_512_1024_512_fc8192",
            "conv1 conv2 conv3 conv4 conv5 fc6 fc7 fc8",
            {"conv3": 512, "conv4": 1024, "conv5": 512, "fc6": 8192, "fc7": 8192},
        ),
        ("alexnet_no_34", "conv1 conv2 conv5 fc6 fc7 fc8", {"conv5": 256}),
        ("alexnet_no_7", "conv1 conv2 conv3 conv4 conv5 fc6 fc8", {"fc6": 4096}),
        ("alexnet_no_67", "conv1 conv2 conv3 conv4 conv5 fc8", {"fc8": 10}),
        ("alexnet_no_3467", "conv1 conv2 conv5 fc8", {"conv5": 256}),
        ("alexnet_fc2048", "conv1 conv2 conv3 conv4 conv5 fc6 fc7 fc8", {"fc6": 2048, "fc7": 2048}),
        ("alexnet_fc8192", "conv1 conv2 conv3 conv4 conv5 fc6 fc7 fc8", {"fc6": 8192, "fc7": 8192}),
    ],
)
def test_a_row_of_table_3_keeps_names_and_has_its_units(name: str, kept: str, units: dict[str, int]):
    with torch.device("meta"):  # shapes without memory: some rows have 160 million parameters
        model = build_model(name, num_classes=10)
    layers = {n: m for n, m in model.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)}
    assert list(layers) == kept.split()
    for layer, count in units.items():
        assert layers[layer].weight.shape[0] == count


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("input_px", [64, 97, 161])
def test_any_size_gets_through_and_the_first_full_layer_follows_from_it(name: str, input_px: int):
    model = build_model(name, num_classes=7, width=0.05, input_px=input_px)
    shapes = outputs(model, input_px)
    first_full = next(module for module in model.modules() if isinstance(module, nn.Linear))
    names = list(shapes)
    maps, rows, columns = shapes[names[names.index("flatten") - 1]]
    assert first_full.in_features == maps * rows * columns
    assert shapes[names[-1]] == (7,)


def test_width_scales_every_layer_but_the_classes():
    half, full = build_model("zfnet", 10, width=0.5), build_model("zfnet", 10)
    for name in ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7"):
        assert 2 * half.get_submodule(name).weight.shape[0] == full.get_submodule(name).weight.shape[0]
    assert half.get_submodule("fc8").weight.shape == (10, 2048)


@pytest.mark.parametrize("input_px", [63, 64, 100])
def test_the_size_arithmetic_is_torchs(input_px: int):
    model = build_model("zfnet", 3, width=0.03, input_px=input_px).eval()
    assert model(torch.zeros(1, 3, input_px, input_px)).shape == (1, 3)  # fc6 is as large as what torch hands it


def test_a_size_too_small_says_what_is_enough():
    with pytest.raises(ValueError, match=r"input_px=20 leaves nothing at conv2.*at least 63"):
        build_model("zfnet", input_px=20)


@pytest.mark.parametrize("width", [0.0, -1.0, float("inf"), float("nan"), "1"])
def test_a_width_must_be_positive(width: float):
    with pytest.raises(ValueError, match="not a positive factor"):
        build_model("zfnet", width=width)


@pytest.mark.parametrize("name", ["zfnet", "torchvision:squeezenet1_0", "pytorchcv:zfnet"])
@pytest.mark.parametrize("wrong", [{"num_classes": 0}, {"num_classes": 2.5}, {"num_classes": "5"}, {"input_px": 96.5}])
def test_what_is_counted_is_a_whole_number(name: str, wrong: dict[str, object]):
    with pytest.raises(ValueError, match=r"(num_classes|input_px) is .*, expected a whole number, 1 or more"):
        build_model(name, **wrong)
    with pytest.raises(ValueError, match="input_px is 0, expected a whole number, 1 or more"):
        ConvNet(ZFNET, num_classes=5, input_px=0)


def test_a_network_goes_by_its_name():
    model = nn.Linear(1, 1)
    network = Network(model=model, frame=plain_frame(64, 64), wnids=(), names=())
    for given in (None, model, Path("zfnet")):
        with pytest.raises(ValueError, match=r"model is a \w+, expected a name, such as 'zfnet'"):
            build_model(given)
    with pytest.raises(
        ValueError, match=r"source is a NoneType, expected a name, a file or a network \(torch\.nn\.Module\)$"
    ):
        open_network(None)
    with pytest.raises(ValueError, match=r"source is a Network, .*; its \.model is one"):
        open_network(network, frame=network.frame)


def test_unknown_names_are_told_with_their_neighbours():
    with pytest.raises(ValueError, match=r"'resnet18' is not known; close to it: torchvision:resnet18, "):
        build_model("resnet18")
    with pytest.raises(ValueError, match=r"'zfnett' is not known; close to it: zfnet"):
        build_model("zfnett")
    with pytest.raises(ValueError, match="torchvision:resnet18"):
        build_model("torchvision:resnet-18")


@pytest.mark.parametrize("name", ["squeezenet1_0", "resnet18", "googlenet", "mobilenet_v3_small"])
def test_torchvision_classifiers_give_plain_scores_in_both_modes(name: str):
    model = build_model(f"torchvision:{name}", num_classes=5)
    for mode in (True, False):
        assert model.train(mode)(torch.zeros(2, 3, 64, 64)).shape == (2, 5)


def test_what_does_not_apply_is_refused():
    for options in ({"width": 0.5}, {"channels": 1}):
        with pytest.raises(ValueError, match="only our own networks"):
            build_model("torchvision:resnet18", **options)
    with pytest.raises(ValueError, match="channels is 0, expected a whole number, 1 or more"):
        build_model("zfnet", channels=0)
    with pytest.raises(ValueError, match="nobody publishes weights for 'zfnet'"):
        build_model("zfnet", weights="DEFAULT")
    with pytest.raises(ValueError, match="1000 classes apart, num_classes is 10"):
        build_model("torchvision:resnet18", num_classes=10, weights="DEFAULT")


def test_the_summary_tells_shapes_and_parameters_a_layer():
    model = build_model("zfnet", width=0.25, input_px=112)
    text = summary(model)
    assert model.training
    conv2 = next(line for line in text.splitlines() if line.startswith("conv2"))
    assert "64 x 12 x 12" in conv2
    assert f"{24 * 64 * 25 + 64:,}" in conv2
