"""A small atlas for tests: of a run's last network beside another, over images one of whose classes has a wild name."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from in_process import run_here
from small_network import small_network
from torch import nn

from zfnet.data import InputFrame
from zfnet.network import Network

WILD = '</script><img src=x onerror=alert(1)> "quoted"'
WILD_LAYERS = ("</script><img src=x onerror=alert(2)>", "\"quoted\" 'names'/and\nlines", "% #/map/7 &amp; é")
LAYERS = ("conv1", "conv2", "conv3", "conv5", "fc8")
TOP, SHOWN = 4, 3
SMALL = (
    "data=imagenet_folder", "data.side=72", "split=train", "hardware.workers=0", "hardware.device=cpu", f"top={TOP}",
    f"shown={SHOWN}", "shown_maps=2", f"layers=[{','.join(LAYERS)}]", "square_px=24", "stride_px=20",
)  # fmt: skip


def build_atlas(folder: Path, whole_run: Path, image_root: Path) -> Path:
    """The run folder of the job."""
    root = folder / "images"
    shutil.copytree(image_root, root)
    (root / "words.txt").write_text(f"n00000000\tred\nn00000001\tgreen\nn00000002\t{WILD}\n")
    other = small_network(folder / "other.pt", seed=1)
    words = [
        f"checkpoint={whole_run / 'checkpoints' / 'best.pt'}",
        f"data.root={root}",
        f"compare={other}",
        f"run_dir={folder / 'run'}",
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert run_here("atlas", *SMALL, *words) == 0
    return folder / "run"


def build_wild_atlas(folder: Path) -> Path:
    """The run folder of an atlas of drawn objects with known parts, by a network whose layers have wild names."""
    torch.manual_seed(0)
    model = nn.Sequential()
    for number, name in enumerate(WILD_LAYERS):
        model.add_module(name, nn.Conv2d(3 if number == 0 else 6, 6, 5, stride=2))
        model.add_module(f"relu{number}", nn.ReLU())
    model.add_module("pool", nn.AdaptiveAvgPool2d(1))
    model.add_module("flat", nn.Flatten())
    model.add_module("scores", nn.Linear(6, 12))
    frame = InputFrame(72, 64, torch.full((3, 1, 1), 120.0), torch.full((3, 1, 1), 60.0))
    network = Network(model, frame, (), tuple(f"{WILD} {number}" for number in range(12)))
    drawn = ("data=parts_world", "data.draw_px=72", "data.side=72", "data.pack=null", "data.train_per_class=1")
    more = ("data.val_per_class=3", "split=val", "shown=2", "top=5", "hardware.workers=0", "hardware.device=cpu")
    made = ("optimised=2", "optimised_steps=4", "checkpoint=wild.pt", f"data.root={folder / 'drawn'}")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("experiments.atlas.open_chosen", lambda choice, run: network)
        assert run_here("atlas", *drawn, *more, *made, f"run_dir={folder / 'run'}") == 0
    return folder / "run"


def data_of(site: Path, key: str) -> Any:
    """What a data script of an atlas hands over."""
    call = re.fullmatch(r"atlas\.take\(\.\.\.(.*)\);\n", (site / "data" / f"{key}.js").read_text())
    assert call
    return json.loads(call[1])[1]
