"""visualise: images without priors and with them, in arrays from which the same figure is drawn again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from small_network import small_network

from zfnet.figures.drawing import style
from zfnet.figures.sheets.maximised import load_maximised


@pytest.fixture(autouse=True)
def small_drawings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(style, "DPI", 40)


def test_both_pictures_of_each_map_are_kept_and_drawn(carry_out_here: Callable, tmp_path: Path):
    net = small_network(tmp_path / "best.pt")
    code, said = carry_out_here("visualise", f"checkpoint={net}", "maps=2", "steps=8", "run_dir=out")
    assert code == 0, said
    assert {path.name for path in (tmp_path / "out").glob("*.npz")} == {"maximised_conv5.npz", "maximised_fc8.npz"}
    shown = load_maximised(tmp_path / "out" / "maximised_fc8.npz")
    assert shown.bare.shape == shown.held.shape == (2, 64, 64, 3)
    assert not np.array_equal(shown.bare, shown.held)
    assert set(shown.map_name) <= {"red", "green", "blue"}
    assert (tmp_path / "out" / "maximised_conv5.png").exists()
    code, said = carry_out_here("visualise", f"redraw={tmp_path}/out/maximised_fc8.npz", "run_dir=again")
    assert code == 0, said
    assert (tmp_path / "again" / "maximised_fc8.png").read_bytes() == (
        tmp_path / "out" / "maximised_fc8.png"
    ).read_bytes()


def test_a_layer_without_filters_is_told(carry_out_here: Callable, tmp_path: Path):
    net = small_network(tmp_path / "best.pt")
    code, said = carry_out_here("visualise", f"checkpoint={net}", "layer=relu1")
    assert code == 2
    assert "expected a convolution or linear layer" in said
