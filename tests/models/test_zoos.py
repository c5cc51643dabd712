"""timm's and pytorchcv's networks by name: built, given weights of files, and what goes wrong told. No downloads."""

from __future__ import annotations

import sys
from http.client import HTTPException
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from zfnet import Deconvnet, build_model, open_network
from zfnet.models import ZOOS, model_names
from zfnet.network import Network, network_of

HAVE = {zoo.package: zoo.installed for zoo in ZOOS}
needs_timm = pytest.mark.skipif(not HAVE["timm"], reason="timm is an extra: pip install 'zfnet[timm]'")
needs_pytorchcv = pytest.mark.skipif(not HAVE["pytorchcv"], reason="an extra: pip install 'zfnet[pytorchcv]'")


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch):
    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("a download was tried")

    monkeypatch.setattr("socket.getaddrinfo", refuse)
    monkeypatch.setattr("socket.socket.connect", refuse)


def write(model: torch.nn.Module, path: Path) -> Path:
    if path.suffix == ".safetensors":
        save_file(model.state_dict(), path)
    else:
        torch.save(model.state_dict(), path)
    return path


def theirs(name: str, num_classes: int) -> torch.nn.Module:
    """A network by its hub's own function."""
    package, _, own = name.partition(":")
    torch.manual_seed(4)
    if package == "timm":
        import timm

        model = timm.create_model(own, num_classes=num_classes)
    else:
        from pytorchcv.model_provider import get_model

        model = get_model(own, num_classes=num_classes)
    for buffer in model.buffers():
        if buffer.is_floating_point():
            buffer.uniform_(0.5, 1.5)  # running statistics that show in the scores
    return model.eval()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        pytest.param("timm:resnet10t", "w.pt", marks=needs_timm),
        pytest.param("timm:mobilenetv3_small_050.lamb_in1k", "w.safetensors", marks=needs_timm),
        pytest.param("timm:test_vit", "w.safetensors", marks=needs_timm),
        pytest.param("pytorchcv:resnet18_wd4", "w.pt", marks=needs_pytorchcv),
        pytest.param("pytorchcv:squeezenet_v1_1", "w.safetensors", marks=needs_pytorchcv),
    ],
)
def test_weights_of_a_file_give_the_hubs_own_scores(tmp_path: Path, no_network: None, name: str, kind: str):
    hubs = theirs(name, 1000)
    network = open_network(name, write(hubs, tmp_path / kind))
    images = torch.randn(2, 3, network.frame.size_px, network.frame.size_px)
    with torch.no_grad():
        assert torch.equal(network.model(images), hubs(images))
    assert network.names[:2] == ("tench", "goldfish")
    assert len(network.names) == 1000
    assert Deconvnet(network.model).layers


@pytest.mark.parametrize(
    "name",
    ["torchvision:squeezenet1_1", pytest.param("timm:resnet10t", marks=needs_timm),
     pytest.param("pytorchcv:resnet18_wd4", marks=needs_pytorchcv)],
)  # fmt: skip
def test_a_file_says_how_many_classes_it_was_trained_for(tmp_path: Path, no_network: None, name: str):
    torch.manual_seed(4)
    own = build_model(name, num_classes=7).eval()
    network = open_network(name, write(own, tmp_path / "own.pt"))
    images = torch.randn(1, 3, network.frame.size_px, network.frame.size_px)
    with torch.no_grad():
        assert torch.equal(network.model(images), own(images))
    assert network.names == tuple(f"class {number}" for number in range(7))
    assert network.arguments["num_classes"] == 7
    first = next(iter(own.state_dict()))
    torch.save({**own.state_dict(), first: torch.zeros(3, 3, 1, 1)}, tmp_path / "odd.pt")
    with pytest.raises(ValueError, match=r"odd\.pt does not fit"):  # and not for any difference
        open_network(name, tmp_path / "odd.pt")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("timm:resnet10t", marks=needs_timm),
        pytest.param("pytorchcv:squeezenet_v1_1", marks=needs_pytorchcv),
        pytest.param("pytorchcv:resnet20_cifar10", marks=needs_pytorchcv),
        "pytorchcv:zfnet",
        "torchvision:squeezenet1_1",
    ],
)
def test_a_checkpoint_builds_the_same_network_again_without_a_download(name: str, no_network: None):
    num_classes, size_px = (10, 32) if "cifar10" in name else (7, 224 if "squeezenet_" in name else 67)
    arguments = {"name": name, "num_classes": num_classes, "input_px": size_px}
    torch.manual_seed(3)
    model = build_model(**arguments).eval()
    frame = open_network("zfnet_norm_first", size_px=67, width=0.05, num_classes=2).frame
    names = tuple(f"n{number}" for number in range(num_classes))
    described = Network(model, frame, names, names, arguments).state()
    written = {"network": described, "model": model.state_dict()}
    again = network_of(written, "made.pt")
    images = torch.randn(1, 3, size_px, size_px)
    with torch.no_grad():
        assert torch.equal(again.model(images), model(images))
    assert (again.arguments, again.frame.side_px) == (arguments, frame.side_px)


@needs_timm
def test_a_layout_that_timm_knows_is_brought_to_its_networks(tmp_path: Path):
    whole = theirs("timm:test_vit", 5)
    network = build_model("timm:test_vit", 5, write(whole, tmp_path / "w.pt"), input_px=96)  # made for 160 px
    assert torch.equal(network.get_submodule("head").weight, whole.get_submodule("head").weight)
    assert network(torch.zeros(1, 3, 96, 96)).shape == (1, 5)
    state = dict(whole.state_dict())
    state["head.bias"] = state["head.bias"] * torch.nan
    torch.save(state, tmp_path / "nan.pt")
    for size in (None, 96):
        with pytest.raises(ValueError, match=r"nan\.pt does not fit .*: head\.bias holds 5 numbers that are not fin"):
            build_model("timm:test_vit", 5, tmp_path / "nan.pt", input_px=size)
    with pytest.raises(ValueError, match=r"w\.pt does not fit ResNet: missing conv1\.0\.weight"):
        build_model("timm:resnet10t", 5, tmp_path / "w.pt")
    with pytest.raises(ValueError, match=r"w\.pt does not fit VisionTransformer: head\.weight is \(5, 64\) in the fil"):
        build_model("timm:test_vit", 1000, tmp_path / "w.pt")


@needs_timm
@needs_pytorchcv
@pytest.mark.parametrize(
    ("name", "close"),
    [
        ("timm:resnet-18", "timm:resnet18, "),
        ("timm:resnet50.a1_in1", r"timm:resnet50\.a1_in1k, "),
        ("pytorchcv:zfnett", "pytorchcv:zfnet, pytorchcv:zfnetb"),
        ("pytorchcv:resnet_18", "pytorchcv:resnet18, "),
        ("pytorchcv:pspnet_resnetd50b_voc", "pytorchcv:"),  # labels pixels
        ("skresnet18", "timm:skresnet18, "),
        ("tim:resnet18", "torchvision:resnet18, timm:resnet18, pytorchcv:resnet18, "),
    ],
)
def test_an_unknown_name_is_told_its_neighbours(name: str, close: str):
    with pytest.raises(ValueError, match=f"model '{name}' is not known; close to it: {close}"):
        build_model(name)


def test_a_bare_name_in_place_of_a_file_is_told_the_zoos():
    with pytest.raises(FileNotFoundError, match=r"no weight file at tv:resnet18: did you mean torchvision:resnet18\?"):
        open_network("tv:resnet18")


@pytest.mark.parametrize("package", ["timm", "pytorchcv"])
def test_a_zoo_that_is_not_installed_names_the_command(package: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, package, None)
    for door in (build_model, open_network):
        with pytest.raises(ValueError, match=rf"need the {package} package: pip install 'zfnet\[{package}\]'"):
            door(f"{package}:resnet18")


@needs_timm
@pytest.mark.parametrize("error", [OSError("no route"), RuntimeError("bad hash"), HTTPException("cut\nshort")])
def test_what_timm_cannot_download_names_its_hub_and_the_way_out(monkeypatch: pytest.MonkeyPatch, error: Exception):
    def fail(*args: object, **options: object) -> None:
        raise error

    monkeypatch.setattr("timm.models._builder.load_state_dict_from_hf", fail)
    told = (
        rf"weights of timm:resnet18 could not be downloaded from the .* hub, timm/resnet18\.a1_in1k \({str(error)[:3]}"
    )
    with pytest.raises(
        ValueError, match=rf"{told}.*: fetch its model\.safetensors elsewhere and give weights=FILE"
    ) as e:
        build_model("timm:resnet18", weights="DEFAULT")
    assert "\n" not in str(e.value)


@needs_pytorchcv
@pytest.mark.parametrize("name", ["resnet10", "zfnetb"])
def test_what_pytorchcv_cannot_download_names_the_file_and_the_way_out(monkeypatch: pytest.MonkeyPatch, name: str):
    def fail(*args: object, **options: object) -> None:
        raise OSError("no route")

    monkeypatch.setattr("pytorchcv.models.common.model_store._download", fail)
    monkeypatch.setattr("pytorchcv.models.common.model_store.os.makedirs", lambda path: None)
    told = (
        rf"pytorchcv:{name} could not be downloaded from https://\S+/{name}-\d+-\w+\.pth\.zip \(no route\): fetch that"
    )
    with pytest.raises(ValueError, match=rf"{told} file elsewhere, unzip it and give weights={name}-\S+\.pth"):
        build_model(f"pytorchcv:{name}", weights="DEFAULT")


@needs_timm
@needs_pytorchcv
def test_what_a_zoo_does_not_offer_is_refused_before_any_download(no_network: None):
    refused = {
        "nobody publishes weights for 'pytorchcv:resnet200'": ("pytorchcv:resnet200", {}),
        "timm's weights of resnet18 tell 1000 classes apart, num_classes is 3": ("timm:resnet18", {"num_classes": 3}),
        "weights of vit_b_16 are for 224 px, not 96": ("torchvision:vit_b_16", {"input_px": 96}),
    }
    for told, (name, options) in refused.items():
        with pytest.raises(ValueError, match=told):
            build_model(name, weights="DEFAULT", **options)
    with pytest.raises(ValueError, match="timm:vit_small_patch14_dinov2 has no classifier and so no classes"):
        open_network("timm:vit_small_patch14_dinov2")
    for options in ({"width": 0.5}, {"channels": 1}):
        with pytest.raises(ValueError, match="only our own networks"):
            build_model("timm:resnet18", **options)
    for name, size_px in (
        ("timm:gmlp_ti16_224", 8),
        ("pytorchcv:resnet10", 96),
    ):  # which ends in a mean over 7 x 7 places
        with pytest.raises(ValueError, match=f"{name} cannot be built for 3 classes and {size_px} px "):
            build_model(name, 3, input_px=size_px)


@needs_timm
@needs_pytorchcv
def test_all_names_are_listed_and_none_labels_pixels():
    names = model_names()
    assert {"zfnet", "torchvision:vgg16", "timm:resnet50.a1_in1k", "pytorchcv:zfnet", "pytorchcv:tresnet_m"} <= set(
        names
    )
    assert not [name for name in names if name.endswith(("_voc", "_coco", "_ade20k", "_cityscapes"))]
    assert len(names) == len(set(names))
