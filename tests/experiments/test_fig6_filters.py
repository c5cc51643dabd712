"""The Fig. 6 command: panels of the networks that are given, and their numbers."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from small_network import small_network

from zfnet.figures.fig6 import load_panels
from zfnet.network import open_network
from zfnet.training.checkpoint import save_checkpoint


def with_dead_map(path: Path) -> Path:
    """The small network with map 1 of conv1 silent and its filter 0 ten times as large."""
    content = torch.load(small_network(path), weights_only=True)
    content["model"]["conv1.bias"][1] = -1e6
    content["model"]["conv1.weight"][0] *= 10
    save_checkpoint(path, content)
    return path


def test_panels_and_numbers(carry_out_here, image_root: Path, tmp_path: Path) -> None:
    unlimited, alexnet = with_dead_map(tmp_path / "u.pt"), small_network(tmp_path / "a.pt", "alexnet")
    given = [f"unlimited={unlimited}", f"alexnet={alexnet}", f"images={image_root / 'val'}", "maps=4"]
    code, printed = carry_out_here("fig6_filters", *given, "hardware.workers=0", f"run_dir={tmp_path / 'run'}")
    assert code == 0, printed
    panels = {panel.letter: panel for panel in load_panels(tmp_path / "run" / "fig6.npz")}
    assert list(panels) == ["a", "b", "d"]
    weights = open_network(unlimited).model.get_parameter("conv1.weight").detach().numpy()
    np.testing.assert_array_equal(panels["a"].pictures, weights)
    norms = np.linalg.norm(weights.reshape(len(weights), -1), axis=1)
    assert panels["a"].ratio == pytest.approx(norms.max() / np.median(norms), rel=1e-5)
    assert panels["a"].dead >= 1
    assert (panels["a"].maps, panels["a"].images) == (len(weights), 12)
    assert panels["d"].pictures.shape == (4, 3, 51, 51)  # AlexNet's conv2 sees 11 + 4 * 2 + 8 * 4 pixels
    assert f"(a) {panels['a'].story().splitlines()[0]}" in printed

    code, printed = carry_out_here("fig6_filters", f"redraw={tmp_path}/run/fig6.npz", f"run_dir={tmp_path / 'again'}")
    assert code == 0, printed
    with Image.open(tmp_path / "run" / "fig6.png") as drawn, Image.open(tmp_path / "again" / "fig6.png") as redrawn:
        np.testing.assert_array_equal(np.asarray(drawn), np.asarray(redrawn))


def test_without_a_network(carry_out_here, tmp_path: Path) -> None:
    code, printed = carry_out_here("fig6_filters", f"images={tmp_path}", f"run_dir={tmp_path / 'run'}")
    assert code == 2
    assert "give at least one checkpoint: unlimited=FILE, alexnet=FILE, zfnet=FILE" in printed
