"""The sheet of variants: the image as it is first, then what training sees of it, and drawn again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from zfnet.data.augment import Augmentation
from zfnet.data.decode import decode_square
from zfnet.data.frame import InputFrame
from zfnet.data.views import crop_views, training_views


@pytest.fixture(autouse=True)
def small_drawings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most of a job's time goes into its 300 dpi."""
    monkeypatch.setattr("zfnet.figures.drawing.style.DPI", 40)


def test_the_first_tile_is_the_image_and_the_others_are_the_epochs_views(
    carry_out_here, image_root: Path, tmp_path: Path
):
    picture = sorted((image_root / "val" / "n00000001").iterdir())[0]
    words = [f"image={picture}", "model.input_px=48", "count=5", "columns=6", "seed=4", "training.zoom=0.5"]
    code, printed = carry_out_here("augmentations", *words, "run_dir=out")
    assert code == 0, printed
    tiles = np.load(tmp_path / "out" / "augmentations.npz")["pictures"]
    square = decode_square(str(picture), 48)
    np.testing.assert_array_equal(tiles[0], square)
    plain = InputFrame(48, 48, torch.zeros(3, 1, 1), torch.ones(3, 1, 1))
    limits = Augmentation(rotation_deg=40, shift=0.2, shear=0.2, zoom=0.5)
    for epoch in range(5):
        views = training_views("anywhere", 1, 48, 48, 4, epoch, limits)
        seen = crop_views(torch.from_numpy(square.copy()).permute(2, 0, 1)[None], views, plain)[0].permute(1, 2, 0)
        assert np.abs(seen.numpy() - tiles[1 + epoch]).max() <= 0.51
        still = replace(views, warps=None)
        assert not torch.equal(
            crop_views(torch.from_numpy(square.copy()).permute(2, 0, 1)[None], still, plain)[0], seen
        )
    code, printed = carry_out_here("augmentations", "redraw=out/augmentations.npz", "columns=3", "run_dir=again")
    assert code == 0, printed
    wide, tall = (Image.open(tmp_path / folder / "augmentations.png") for folder in ("out", "again"))
    assert wide.size[0] == tall.size[0]
    assert tall.size[1] > 1.5 * wide.size[1]


def test_without_limits_every_tile_is_the_image(carry_out_here, image_root: Path, tmp_path: Path):
    picture = sorted((image_root / "val" / "n00000000").iterdir())[0]
    still = ["training.views=centre", *(f"training.{name}=0" for name in ("rotation_deg", "shift", "shear", "zoom"))]
    code, printed = carry_out_here(
        "augmentations", f"image={picture}", "model.input_px=40", "count=2", *still, "run_dir=out"
    )
    assert code == 0, printed
    tiles = np.load(tmp_path / "out" / "augmentations.npz")["pictures"]
    assert (tiles == tiles[0]).all()
    code, printed = carry_out_here("augmentations", "count=0", "run_dir=none")
    assert code == 2
    assert "count=0, expected 1 or more" in printed
