"""A released network is the network: to a folder and back, by the Hub's mixin, by torch.hub, with an honest card."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from zfnet import Network, build_model, open_network
from zfnet.data import InputFrame, torchvision_frame
from zfnet.models import build_model as by_name
from zfnet.training.checkpoint import save_checkpoint

pytest.importorskip("safetensors")
pytest.importorskip("huggingface_hub")

from zfnet.hub import HubNetwork, load_released, model_card, save_released
from zfnet.hub.released import CARD, CONFIG, WEIGHTS

ROOT = Path(__file__).parents[2]
MANIFEST = {
    "command": ["train.py", "experiment=demo"], "commit": "abc", "dirty": True, "seed": 3, "wall_s": 97.2,
    "packages": {"zfnet": "0.1.0", "torch": "2.14.1"}, "device": "two cores", "outcome": "finished",
    "data": {"images": 3000, "val_images": 500, "train": "43b0", "val": "fb9c"},
    "best": {"epoch": 13, "val_top1_error": 0.036, "val_top5_error": 0.0},
}  # fmt: skip


@pytest.fixture
def network() -> Network:
    return drawn_network(0)


def drawn_network(seed: int) -> Network:
    arguments = {"name": "zfnet", "num_classes": 3, "width": 0.05, "input_px": 64}
    torch.manual_seed(seed)
    frame = InputFrame(72, 64, torch.rand(3, 72, 72) * 255, torch.full((3, 1, 1), 60.0))
    return Network(by_name(**arguments).eval(), frame, ("n1", "n2", "n3"), ("cat", "dog", "owl"), arguments)


def same(one: Network, other: Network) -> None:
    images = torch.randn(2, 3, 64, 64)
    assert torch.equal(one.model.eval()(images), other.model.eval()(images))
    assert (one.names, one.wnids, one.arguments) == (other.names, other.wnids, other.arguments)
    assert (one.frame.side_px, one.frame.size_px) == (other.frame.side_px, other.frame.size_px)
    assert torch.equal(one.frame.mean, other.frame.mean)
    assert torch.equal(one.frame.scale, other.frame.scale)


def test_a_released_network_comes_back_as_it_was(network: Network, tmp_path: Path):
    same(network, load_released(save_released(network, tmp_path / "release")))


def test_the_weights_are_a_state_dict_without_code(network: Network, tmp_path: Path):
    from safetensors.torch import load_file

    folder = save_released(network, tmp_path)
    state = load_file(folder / WEIGHTS)
    assert set(state) == set(network.model.state_dict())
    build_model(**network.arguments).load_state_dict(state)
    assert json.loads((folder / CONFIG).read_text())["names"] == ["cat", "dog", "owl"]


def test_the_mixin_saves_and_loads_a_folder(network: Network, tmp_path: Path):
    HubNetwork(network, "# a card\n").save_pretrained(tmp_path / "named")
    back = HubNetwork.from_pretrained(tmp_path / "named")
    same(network, back.network)
    assert back.card == (tmp_path / "named" / CARD).read_text() == "# a card\n"


def test_what_is_no_release_is_told(network: Network, tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"has no config\.json, model\.safetensors"):
        load_released(tmp_path)
    folder = save_released(network, tmp_path / "one")
    (folder / WEIGHTS).write_bytes(b"nothing")
    with pytest.raises(ValueError, match="is no released network"):
        load_released(folder)
    own = open_network(nn.Sequential(nn.Flatten(), nn.Linear(12, 2)), frame=torchvision_frame(size_px=2, side_px=2))
    with pytest.raises(ValueError, match="cannot be released"):
        save_released(own, tmp_path / "two")


def test_the_card_says_what_the_run_kept(network: Network):
    card = model_card(network, title="A slim ZFNet", repository="me/slim", manifest=MANIFEST, recipe={"epochs": 15},
                      epochs=[{"epoch": "15", "val_top1_error": "0.05"}])  # fmt: skip
    for words in ("license: mit", "# A slim ZFNet", "top-1 error, epoch 13 | 3.6%", "epoch 15, the last | 5.0%",
                  "training images | 3000", "epochs | 15", "`train.py experiment=demo`", "abc (with changes)",
                  "two cores", 'from_pretrained("me/slim")', "cat, dog, owl", "without an interval",
                  "pip install 'zfnet[hub]'"):  # fmt: skip
        assert words in card
    little = model_card(network, title="T", repository="r", manifest={}, recipe={})
    assert "## Errors" not in little
    assert "None" not in little


def test_torch_hub_finds_the_networks(network: Network, tmp_path: Path):
    path = tmp_path / "best.pt"
    save_checkpoint(path, {"network": network.state(), "model": network.model.state_dict(), "trainer": {}})
    other, namesake = drawn_network(1), tmp_path / "other" / "best.pt"
    namesake.parent.mkdir()
    save_checkpoint(namesake, {"network": other.state(), "model": other.model.state_dict(), "trainer": {}})
    before = dict(sys.modules)
    try:
        loaded = torch.hub.load(str(ROOT), "pretrained", str(path), source="local")
        same(network, loaded)
        same(network, torch.hub.load(str(ROOT), "pretrained", path.as_uri(), source="local"))
        same(other, torch.hub.load(str(ROOT), "pretrained", namesake.as_uri(), source="local"))
        model = torch.hub.load(str(ROOT), "alexnet", num_classes=3, width=0.05, input_px=64, source="local")
    finally:
        sys.modules.update(before)
    assert model(torch.randn(1, 3, 64, 64)).shape == (1, 3)
    hubconf = runpy.run_path(str(ROOT / "hubconf.py"))
    assert {name for name, one in hubconf.items() if callable(one) and not name.startswith("_")} == {
        "zfnet", "alexnet", "pretrained"
    }  # fmt: skip


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path / "cache"))
