"""Weight files: what loads, and what the errors name."""

import datetime
import zipfile
from http.client import IncompleteRead
from pathlib import Path
from urllib.error import URLError

import pytest
import torch

from zfnet import build_model
from zfnet.models.weights import fit, read_file


def small(weights: Path | None = None, name: str = "zfnet") -> torch.nn.Module:
    return build_model(name, 4, weights, width=0.05, input_px=64)


@pytest.mark.parametrize("wrap", [lambda s: s, lambda s: {"model": s, "epoch": 3}, lambda s: {"state_dict": s}])
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "module._orig_mod."])
def test_a_state_dict_loads_in_its_usual_wrappings(tmp_path: Path, wrap, prefix: str):
    model = small()
    torch.save(wrap({prefix + name: tensor for name, tensor in model.state_dict().items()}), tmp_path / "w.pt")
    loaded = small(tmp_path / "w.pt").state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in model.state_dict().items())


def test_a_torchvision_state_dict_loads_with_and_without_auxiliary_heads(tmp_path: Path):
    from torchvision.models import googlenet

    published = googlenet(weights=None, num_classes=6, aux_logits=True, init_weights=False)
    torch.save(published.state_dict(), tmp_path / "aux.pt")
    model = build_model("torchvision:googlenet", 6, tmp_path / "aux.pt")
    assert torch.equal(model.state_dict()["fc.weight"], published.state_dict()["fc.weight"])
    assert not any("aux" in name for name in model.state_dict())
    torch.save(model.state_dict(), tmp_path / "plain.pt")
    build_model("torchvision:googlenet", 6, tmp_path / "plain.pt")


def test_a_googlenet_of_ours_with_a_thousand_classes_takes_its_input_as_it_was_trained(tmp_path: Path):
    """Its checkpoint says how; a bare file of a thousand classes is taken for torchvision's own weights."""
    model = build_model("torchvision:googlenet", 1000)
    for transformed in (False, True):
        network = {"arguments": {"name": "torchvision:googlenet"}, "transform_input": transformed}
        torch.save({"network": network, "model": model.state_dict()}, tmp_path / "ours.pt")
        assert build_model("torchvision:googlenet", 1000, tmp_path / "ours.pt").transform_input is transformed
    torch.save(model.state_dict(), tmp_path / "bare.pt")
    assert build_model("torchvision:googlenet", 1000, tmp_path / "bare.pt").transform_input is True


def test_what_does_not_fit_is_named_and_nothing_is_copied(tmp_path: Path):
    state = small().state_dict()
    state["conv9.weight"] = state.pop("conv3.weight")
    state["fc8.bias"] = torch.zeros(5)
    torch.save(state, tmp_path / "odd.pt")
    with pytest.raises(ValueError, match="does not fit") as caught:
        small(tmp_path / "odd.pt")
    message = str(caught.value)
    assert "missing conv3.weight" in message
    assert "not in the model conv9.weight" in message
    assert "fc8.bias is (5,) in the file, (4,) in the model" in message


def test_code_in_a_pickle_is_refused_with_the_way_out(tmp_path: Path):
    torch.save({"when": datetime.date(2013, 11, 12)}, tmp_path / "code.pt")
    with pytest.raises(ValueError, match=r"run code, which is refused.*datetime.*weights_only=False"):
        small(tmp_path / "code.pt")


def test_other_files_say_what_they_are(tmp_path: Path):
    (tmp_path / "text.pt").write_text("not weights")
    whole = tmp_path / "whole.pt"
    torch.save(small().state_dict(), whole)
    (tmp_path / "half.pt").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    torch.save({"epoch": 3}, tmp_path / "numbers.pt")
    for name in ("text.pt", "half.pt"):
        with pytest.raises(ValueError, match=f"{name} is cut short or was not written by torch.save"):
            small(tmp_path / name)
    with pytest.raises(ValueError, match=r"holds a mapping with keys epoch, expected a state_dict"):
        small(tmp_path / "numbers.pt")
    with pytest.raises(FileNotFoundError, match=r"no weight file at .*none\.pt"):
        small(tmp_path / "none.pt")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda w: w * float("nan"), r"fc8\.bias holds 4 numbers that are not finite"),
        (lambda w: w.half() / 0, r"fc8\.bias holds 4 numbers that are not finite"),
        (lambda w: w.long(), r"fc8\.bias is torch\.int64 in the file, torch\.float32 in the model"),
        (lambda w: w.bool(), r"fc8\.bias is torch\.bool in the file"),
        (lambda w: w.to(torch.complex64), r"fc8\.bias is torch\.complex64 in the file"),
        (lambda w: w.to_sparse(), r"fc8\.bias is torch\.float32 in another layout"),
    ],
)
def test_what_is_no_weight_is_named_and_nothing_is_copied(tmp_path: Path, change, told: str):
    model = small()
    state = {name: torch.ones_like(tensor) for name, tensor in model.state_dict().items()}
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(ValueError, match=rf"a\.pt does not fit ConvNet: {told}"):
        fit(model, {**state, "fc8.bias": change(state["fc8.bias"])}, "a.pt")
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    for dtype in (torch.float16, torch.bfloat16, torch.float64, torch.float8_e4m3fn):
        fit(model, {**state, "fc8.bias": state["fc8.bias"].to(dtype)}, "a.pt")
    assert model.state_dict()["fc8.bias"].tolist() == [1] * 4


def test_a_zip_that_inflates_to_far_more_than_its_size_is_refused_before_it_does(tmp_path: Path, monkeypatch):
    torch.save({"w": torch.zeros(2_000_000)}, tmp_path / "whole.pt")
    with (
        zipfile.ZipFile(tmp_path / "whole.pt") as whole,
        zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as bomb,
    ):
        for name in whole.namelist():
            bomb.writestr(name, whole.read(name))
    monkeypatch.setattr(zipfile.ZipFile, "testzip", None)
    with pytest.raises(ValueError, match=r"bomb\.pt is damaged: it inflates from \d,\d+ to 8,0\d\d,\d+ bytes"):
        read_file(tmp_path / "bomb.pt")
    monkeypatch.undo()
    monkeypatch.setattr("zfnet.files._free_bytes", lambda: 1_000_000)
    with pytest.raises(ValueError, match=r"whole\.pt is damaged: it inflates to .* of memory are free"):
        read_file(tmp_path / "whole.pt")


def test_a_zip_whose_directory_is_damaged_is_named(tmp_path: Path):
    torch.save(small().state_dict(), tmp_path / "a.pt")
    content = (tmp_path / "a.pt").read_bytes()
    place = content.rindex(b"PK\1\2")
    (tmp_path / "a.pt").write_bytes(content[:place] + b"PK\1\3" + content[place + 4 :])
    with pytest.raises(ValueError, match=r"a\.pt is damaged: "):
        small(tmp_path / "a.pt")


def test_a_runs_folder_and_a_path_without_checkpoints_name_the_file_that_was_meant(tmp_path: Path):
    held = tmp_path / "run" / "checkpoints"
    held.mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match=r"no weight file at .*run$"):
        small(tmp_path / "run")
    for name in ("step-00000010.pt", "step-00000020.pt", "epoch-0001.pt"):
        (held / name).touch()
    for given, meant in (
        ("", "step-00000020.pt"),
        ("epoch-0001.pt", "epoch-0001.pt"),
        ("checkpoints", "step-00000020.pt"),
    ):
        with pytest.raises(FileNotFoundError) as caught:
            small(tmp_path / "run" / given)
        assert str(caught.value).endswith(f": did you mean {held / meant}?")
    (held / "best.pt").touch()
    for given in ("", "best.pt", "checkpoints"):
        with pytest.raises(FileNotFoundError) as caught:
            small(tmp_path / "run" / given)
        assert str(caught.value) == f"no weight file at {tmp_path / 'run' / given}: did you mean {held / 'best.pt'}?"


@pytest.mark.parametrize("error", [URLError("name not known"), RuntimeError("invalid hash"), IncompleteRead(b"")])
def test_weights_that_cannot_be_downloaded_name_their_address_and_the_way_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: Exception
):
    def no_network(url: str, *args: object, **options: object) -> None:
        raise error

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.download_url_to_file", no_network)
    told = (
        rf"torchvision:squeezenet1_0 could not be downloaded from https://\S+\.pth \(.*{str(error)[1:8]}.*weights=FILE"
    )
    with pytest.raises(ValueError, match=told) as caught:
        build_model("torchvision:squeezenet1_0", weights="DEFAULT")
    assert "\n" not in str(caught.value)
