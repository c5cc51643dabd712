"""A small atlas for tests: of a run's last network beside another, over images one of whose classes has a wild name."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from in_process import run_here
from small_network import small_network

WILD = '</script><img src=x onerror=alert(1)> "quoted"'
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


def data_of(site: Path, key: str) -> Any:
    """What a data script of an atlas hands over."""
    call = re.fullmatch(r"atlas\.take\(\.\.\.(.*)\);\n", (site / "data" / f"{key}.js").read_text())
    assert call
    return json.loads(call[1])[1]
