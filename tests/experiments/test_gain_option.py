"""gain=... of the jobs that draw projections: refused before anything is computed, and it changes what is drawn."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zfnet.figures.drawing import style
from zfnet.figures.unit_sheet import UnitSheet, save_sheet


@pytest.mark.parametrize("job", ["fig2_features", "fig4_evolution", "fig6_filters", "fig7_occlusion", "project"])
def test_a_gain_that_is_none_is_refused_with_the_choices(carry_out_here, job: str) -> None:
    code, printed = carry_out_here(job, "gain=strong", "run_dir=run")
    assert code == 2
    assert "gain=strong is not one of largest, p99.9" in printed


def test_a_figure_is_drawn_again_with_another_gain(
    carry_out_here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(style, "DPI", 40)
    generator = np.random.default_rng(0)
    sheet = UnitSheet(
        picture=generator.integers(0, 255, (40, 40, 3), dtype=np.uint8), layer=np.array("conv2"), map=np.array([7]),
        row=np.array([1]), column=np.array([2]), value=np.array([3.0]), map_name=np.array([""]),
        projection=generator.normal(size=(1, 3, 11, 11)).astype(np.float32),
        patch=generator.integers(0, 255, (1, 11, 11, 3), dtype=np.uint8), corner=np.array([[5, 5]]),
        classes=np.array(["cat"]), probability=np.array([0.5]),
    )  # fmt: skip
    save_sheet(tmp_path / "project.npz", sheet)
    drawn = []
    for gain in ("p99.9", "p50"):
        code, printed = carry_out_here(
            "project", f"redraw={tmp_path / 'project.npz'}", f"gain={gain}", f"run_dir={gain}"
        )
        assert code == 0, printed
        with Image.open(tmp_path / gain / "project.png") as image:
            drawn.append(np.asarray(image).astype(int))
    assert np.abs(drawn[0] - drawn[1]).max() > 50
