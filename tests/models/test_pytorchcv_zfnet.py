"""pytorchcv's ZFNet served by our own tables: the same numbers from its weights, under our names."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from zfnet import Deconvnet, build_model, open_network
from zfnet.models.convnet import ConvNet
from zfnet.models.table import TABLES, Conv, Norm, resized
from zfnet.models.zoos import SERVED, in_our_layout

LAYERS = ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"]


def bold(model: nn.Module) -> nn.Module:
    """Random weights whose biases and contrast normalisation show in the scores."""
    torch.manual_seed(2)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.normal_(std=0.1)
        next(model.parameters()).mul_(20)  # maps of some hundred, whose squares count beside k = 2
    return model.eval()


@pytest.fixture(scope="module")
def theirs() -> nn.Module:
    return bold(pytest.importorskip("pytorchcv.model_provider", reason="pytorchcv: an extra").get_model("zfnet"))


@pytest.fixture(scope="module")
def their_file(theirs: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("zfnet") / "zfnet-1727.pth"
    torch.save(theirs.state_dict(), path)
    return path


def test_a_file_in_pytorchcvs_layout_gives_its_scores_under_our_names(theirs: nn.Module, their_file: Path):
    network = open_network("pytorchcv:zfnet", their_file)
    assert isinstance(network.model, ConvNet)
    assert sum(parameter.numel() for parameter in network.model.parameters()) == 62_357_608
    assert Deconvnet(network.model).layers == LAYERS
    images = torch.randn(2, 3, 224, 224)
    with torch.no_grad():
        expected = theirs(images)
        assert (network.model(images) - expected).norm() <= 1e-5 * expected.norm()
    assert (network.frame.size_px, network.frame.side_px, network.frame.interpolation) == (224, 256, "bilinear")
    assert network.names[285] == "Egyptian cat"
    assert network.arguments == {"name": "pytorchcv:zfnet", "num_classes": 1000, "input_px": 224}


def test_default_brings_what_pytorchcv_downloads(theirs: nn.Module, their_file: Path, monkeypatch: pytest.MonkeyPatch):
    asked = []

    def fetched(model_name: str, local_model_store_dir_path: str) -> str:
        asked.append(model_name)
        return str(their_file)

    monkeypatch.setattr("pytorchcv.models.common.model_store.get_model_file", fetched)
    ours = build_model("pytorchcv:zfnet", weights="DEFAULT")
    assert asked == ["zfnet"]
    assert torch.equal(ours.get_submodule("fc8").weight, theirs.get_submodule("output.fc3").weight)
    with pytest.raises(ValueError, match="pytorchcv's weights of zfnet tell 1000 classes apart, num_classes is 10"):
        build_model("pytorchcv:zfnet", 10, "DEFAULT")


@pytest.mark.parametrize("row", SERVED.values())
def test_the_rows_compute_what_pytorchcv_computes(row: str):
    alexnet = pytest.importorskip("pytorchcv.models.alexnet", reason="pytorchcv: an extra")
    table = TABLES[row]
    narrow = resized(table, {layer.name: layer.maps // 16 for layer in table if isinstance(layer, Conv)})
    maps = [layer.maps for layer in narrow if isinstance(layer, Conv)]
    theirs = bold(
        alexnet.AlexNet(
            channels=[maps[:1], maps[1:2], maps[2:]], kernel_sizes=[[7], [5], [3] * 3], strides=[[2], [2], [1] * 3],
            paddings=[[1], [0], [1] * 3], use_lrn=True, num_classes=11,
        )
    ).double()  # fmt: skip
    ours = ConvNet(narrow, 11, 224).double().eval()
    ours.load_state_dict(in_our_layout(theirs.state_dict()))
    images = torch.randn(2, 3, 224, 224, dtype=torch.float64)
    with torch.no_grad():
        expected = theirs(images)
        assert (ours(images) - expected).norm() <= 1e-10 * expected.norm()
        ours.get_submodule("norm1").alpha *= 5  # the paper's: that it is another network shows
        assert (ours(images) - expected).norm() > 1e-3 * expected.norm()


@pytest.mark.parametrize(("name", "row"), SERVED.items())
def test_every_name_of_theirs_has_one_of_ours(name: str, row: str):
    provider = pytest.importorskip("pytorchcv.model_provider", reason="pytorchcv: an extra")
    with torch.device("meta"):
        theirs, ours = provider.get_model(name.removeprefix("pytorchcv:")), build_model(row)
    shapes = {key: value.shape for key, value in in_our_layout(theirs.state_dict()).items()}
    assert shapes == {key: value.shape for key, value in ours.state_dict().items()}


def test_our_layout_loads_too_from_both_kinds_of_file(tmp_path: Path):
    small = {"num_classes": 3, "input_px": 67}
    model = build_model("zfnet_norm_first", **small, width=0.1)
    torch.save(model.state_dict(), tmp_path / "ours.pt")
    save_file(model.state_dict(), tmp_path / "ours.safetensors")
    for name in ("ours.pt", "ours.safetensors"):
        loaded = build_model("zfnet_norm_first", **small, width=0.1, weights=tmp_path / name)
        assert torch.equal(loaded.get_submodule("fc8").weight, model.get_submodule("fc8").weight)
    with pytest.raises(ValueError, match=r"does not fit ConvNet: conv1\.weight is \(10, 3, 7, 7\) in the file"):
        build_model("pytorchcv:zfnet", **small, weights=tmp_path / "ours.pt")


def test_a_checkpoint_of_the_other_zfnet_is_not_taken_for_this_one(tmp_path: Path):
    small = {"num_classes": 3, "input_px": 67, "width": 0.05}
    for own, other in (("zfnet", "zfnet_norm_first"), ("zfnet_norm_first", "zfnet")):
        model = build_model(own, **small)
        described = {"arguments": {"name": own, **small}}
        torch.save({"network": described, "model": model.state_dict()}, tmp_path / "c.pt")
        build_model(own, **small, weights=tmp_path / "c.pt")
        with pytest.raises(ValueError, match=rf"c\.pt holds a {own}, whose weights fit {other} but were trained for"):
            build_model(other, **small, weights=tmp_path / "c.pt")


def test_the_names_need_no_package_and_the_paper_keeps_its_own_normalisation(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(__import__("sys").modules, "pytorchcv", None)
    with torch.device("meta"):
        model = build_model("pytorchcv:zfnetb")
    assert model.get_submodule("conv4").weight.shape == (1024, 512, 3, 3)
    norms = {row: [part.alpha for part in TABLES[row] if isinstance(part, Norm)] for row in TABLES}
    assert norms["zfnet"] == norms["alexnet"] == [1e-4, 1e-4]
    assert norms["zfnet_norm_first"] == norms["zfnet_512_1024_512_norm_first"] == [2e-5, 2e-5]
    with pytest.raises(ValueError, match=r"need the pytorchcv package: pip install 'zfnet\[pytorchcv\]'"):
        build_model("pytorchcv:zfnet", weights="DEFAULT")


def test_the_analyses_take_the_norm_before_the_pool_for_what_it_is():
    from zfnet.analysis.evolution.online import places_to_look
    from zfnet.forward import output_of, receptive_field

    model = build_model("zfnet_norm_first", num_classes=5, width=0.1, input_px=67).eval()
    assert [output_of(model, layer) for layer in (1, 2, 5, 7)] == ["pool1", "pool2", "pool5", "drop7"]
    assert places_to_look(model, ["conv1", "conv5"]) == {"conv1": ("relu1", False), "conv5": ("pool5", True)}
    assert receptive_field(model, "conv2") == receptive_field(
        build_model("zfnet", num_classes=5, width=0.1, input_px=67), "conv2"
    )
