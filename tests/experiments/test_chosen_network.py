"""A network by its name: also where a folder is called the same, and never without a word on its random weights."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_network import small_network

from experiments.common.network import NetworkChoice
from zfnet.network import open_network

SMALL = ("model.width=0.05", "model.input_px=64")


def test_a_folder_called_as_the_network_is_no_checkpoint(carry_out_here, tmp_path: Path) -> None:
    (tmp_path / "zfnet").mkdir()  # as in a checkout of this project
    code, printed = carry_out_here("filters", "model=zfnet", *SMALL, "run_dir=run")
    assert code == 0, printed
    assert "warning: zfnet without weights" in printed


def test_a_name_given_for_a_checkpoint_is_an_untrained_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert NetworkChoice(checkpoint="zfnet").untrained
    assert NetworkChoice(checkpoint="zfnet").title == "zfnet, untrained"
    assert not NetworkChoice(checkpoint="zfnet", weights="a.pt").untrained
    small_network(Path("zfnet"))
    assert not NetworkChoice(checkpoint="zfnet").untrained
    assert open_network("zfnet").names == ("red", "green", "blue")


def test_a_network_by_name_numbers_its_classes() -> None:
    network = open_network("mnist_convnet", size_px=28, channels=1, num_classes=10)
    assert network.names == tuple(f"class {number}" for number in range(10))
