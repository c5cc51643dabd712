"""A network by its name: also where a folder is called the same, and never without a word on its random weights."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_network import small_network

from experiments.common.network import NetworkChoice
from experiments.fig6_filters import Checkpoints
from zfnet.network import open_network

SMALL = ("model.width=0.05", "model.input_px=64")


@pytest.mark.parametrize(("name", "given"), [("weights", "other.pt"), ("size_px", 96)])
def test_what_a_checkpoint_has_itself_is_not_taken_from_elsewhere(carry_out_here, tmp_path: Path, name, given) -> None:
    path = small_network(tmp_path / "net.pt")
    told = f"{name}={given}"
    with pytest.raises(ValueError, match=f"net.pt has weights and a size: .*{told}"):
        open_network(path, **{name: given})
    for job in ("filters", "visualise"):
        code, printed = carry_out_here(job, f"checkpoint={path}", f"{name}={given}", "run_dir=run")
        assert code == 2
        assert told in printed


def test_the_size_is_of_those_that_are_named(tmp_path: Path) -> None:
    path = str(small_network(tmp_path / "net.pt"))
    named = NetworkChoice(checkpoint="torchvision:alexnet", weights="DEFAULT", size_px=96)
    assert named.other(path) == NetworkChoice(checkpoint=path)
    assert named.other("torchvision:vgg11", "a.pt") == NetworkChoice(
        checkpoint="torchvision:vgg11", weights="a.pt", size_px=96
    )
    of = Checkpoints(unlimited=None, alexnet="torchvision:alexnet", zfnet=path).choices(named)
    assert (of["alexnet"], of["zfnet"]) == (named, NetworkChoice(checkpoint=path))


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
