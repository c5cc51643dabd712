"""docs/notebook.md: its lines run as they stand, but for the weights, which are not downloaded."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from in_process import run_here
from matplotlib.figure import Figure
from test_history import write_run

from zfnet.figures.activations.maps import LayerMaps
from zfnet.figures.activations.saved import Activations, save_activations

PAGE = Path(__file__).parents[2] / "docs" / "notebook.md"


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "runs" / "train" / "a", 3, 0)
    assert run_here("history", "runs=runs/train") == 0
    (tmp_path / "runs" / "activations" / "today").mkdir(parents=True)
    layer = LayerMaps(layer="conv1", values=np.random.default_rng(0).normal(size=(1, 6, 4, 4)))
    shown = Activations(
        pictures=np.zeros((1, 20, 20, 3), np.uint8),
        names=("a",),
        network="net",
        layers=[layer],
        means={},
        together=False,
    )
    save_activations(tmp_path / "runs" / "activations" / "today" / "activations.npz", shown)
    names: dict[str, Any] = {}
    capsys.readouterr()
    page = PAGE.read_text().replace('weights="DEFAULT"', "weights=None")
    blocks = re.findall(r"```python\n(.*?)```", page, re.S)
    assert len(blocks) == 5
    for block in blocks:
        lines = re.sub(r"^(draw_\w+)\(", r"figure_\1 = \1(", block, flags=re.M)  # what a notebook shows
        exec(compile(lines, str(PAGE), "exec"), names)
    figures = {name for name, value in names.items() if isinstance(value, Figure)}
    kinds = ("channels", "filters", "history", "means", "over")
    assert figures == {f"figure_draw_{kind}" for kind in kinds}
    assert names["pictures"].shape == (2, 224, 224, 3)
    printed = capsys.readouterr().out
    assert "features.0: 64 filters x (3 channels x 3 x 3) + 64 biases = 1,792" in printed
    assert printed.count("at its best place") == 3
