"""Weights in safetensors files: the checks that .pt files have, and one clear line about files that are none."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from zfnet import build_model, open_network
from zfnet.models import read_file

SMALL = {"num_classes": 3, "width": 0.05, "input_px": 67}


def weights() -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    return build_model("zfnet", **SMALL).state_dict()


def load(path: Path) -> torch.nn.Module:
    return build_model("zfnet", **SMALL, weights=path)


def raw(path: Path, header: object, data: bytes = b"") -> Path:
    """A file of the format, byte by byte: the header's length, the header, the numbers."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def floats(dtype: str, shape: list[int], size: int) -> dict[str, object]:
    return {"conv1.bias": {"dtype": dtype, "shape": shape, "data_offsets": [0, size]}}


def test_weights_come_back_bit_for_bit_whatever_the_file_is_called(tmp_path: Path):
    state = weights()
    for name in ("w.safetensors", "W.SAFETENSORS", "downloaded.bin"):
        save_file(state, tmp_path / name)
        loaded = load(tmp_path / name).state_dict()
        assert all(torch.equal(loaded[key], state[key]) for key in state)


def test_wrappers_prefixes_go_and_a_checkpoint_is_asked_for_by_the_other_door(tmp_path: Path):
    state = weights()
    save_file({f"module._orig_mod.{name}": value for name, value in state.items()}, tmp_path / "w.safetensors")
    assert torch.equal(load(tmp_path / "w.safetensors").get_submodule("fc8").weight, state["fc8.weight"])
    with pytest.raises(ValueError, match=r"w\.safetensors is not a checkpoint of ours: for a bare state_dict name its"):
        open_network(tmp_path / "w.safetensors")
    with pytest.raises(FileNotFoundError, match=r"no weight file at .*none\.safetensors"):
        load(tmp_path / "none.safetensors")


@pytest.mark.parametrize("keep", [0, 3, 8, 200, -1])
def test_a_truncated_file_is_named_in_a_line(tmp_path: Path, keep: int):
    path = tmp_path / "w.safetensors"
    save_file(weights(), path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"w\.safetensors is cut short or no safetensors file \(") as caught:
        load(path)
    assert "\n" not in str(caught.value)


def test_hostile_headers_are_refused_before_anything_is_reserved(tmp_path: Path):
    hostile = {
        "claims": raw(tmp_path / "claims.safetensors", floats("F32", [2**62], 8), b"\0" * 8),
        "larger": raw(tmp_path / "larger.safetensors", floats("F32", [3], 8), b"\0" * 8),
        "rest": raw(tmp_path / "rest.safetensors", floats("F32", [2], 8), b"\0" * 12),
        "brace": raw(tmp_path / "brace.safetensors", b"{" * 5000),
        "kind": raw(tmp_path / "kind.safetensors", floats("PICKLE", [2], 8), b"\0" * 8),
        "huge": tmp_path / "huge.safetensors",
        "torch": tmp_path / "torch.safetensors",
    }
    hostile["huge"].write_bytes(struct.pack("<Q", 2**60) + b"{}")
    torch.save(weights(), hostile["torch"])
    for name, path in hostile.items():
        with pytest.raises(ValueError, match=rf"{name}\.safetensors is cut short or no safetensors file") as caught:
            read_file(path)
        assert len(str(caught.value)) < 600


def test_what_does_not_fit_is_named_as_of_other_files(tmp_path: Path):
    def changed(name: str, value: torch.Tensor) -> Path:
        save_file({**weights(), name: value.contiguous()}, tmp_path / "w.safetensors")
        return tmp_path / "w.safetensors"

    bias = weights()["fc8.bias"]
    told = {
        r"fc8\.bias holds 1 numbers that are not finite": torch.tensor([1.0, torch.inf, 2.0]),
        r"fc8\.bias is torch\.int64 in the file": bias.long(),
        r"fc8\.bias is \(4,\) in the file, \(3,\) in the model": torch.zeros(4),
        r"fc8\.bias is torch\.complex64 in the file": bias.to(torch.complex64),
    }
    for message, value in told.items():
        with pytest.raises(ValueError, match=rf"w\.safetensors does not fit ConvNet: {message}"):
            load(changed("fc8.bias", value))
    with pytest.raises(ValueError, match=r"not in the model fc8\.bi\\nas") as caught:
        load(changed("fc8.bi\nas", bias))
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match=r"empty\.safetensors holds a mapping with keys , expected a state_dict"):
        load(raw(tmp_path / "empty.safetensors", {}))
    half = load(changed("fc8.bias", bias.half()))
    assert torch.equal(half.get_submodule("fc8").bias, bias.half().float())


def test_numbers_that_torch_cannot_widen_are_refused(tmp_path: Path):
    model = torch.nn.Module()
    model.register_parameter("conv1", torch.nn.Parameter(torch.zeros(4)))
    from zfnet.models import fit

    header = {"conv1": {"dtype": "F4", "shape": [8], "data_offsets": [0, 4]}}
    path = raw(tmp_path / "four.safetensors", header, b"\0" * 4)
    with pytest.raises(ValueError, match=r"four\.safetensors does not fit Module: conv1 is torch\.float4"):
        fit(model, read_file(path), path)


def test_counts_of_batches_may_be_missing_and_nothing_else(tmp_path: Path):
    state = build_model("torchvision:resnet18", 3).state_dict()
    torch.save({name: v for name, v in state.items() if "num_batches" not in name}, tmp_path / "old.pt")
    build_model("torchvision:resnet18", 3, tmp_path / "old.pt")
    torch.save({name: v for name, v in state.items() if "running_var" not in name}, tmp_path / "less.pt")
    with pytest.raises(ValueError, match=r"less\.pt does not fit ResNet: missing bn1\.running_var"):
        build_model("torchvision:resnet18", 3, tmp_path / "less.pt")
