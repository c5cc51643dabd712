"""A small report for tests: of one of two trainings of a sweep, over images of three classes."""

from __future__ import annotations

from pathlib import Path

import pytest
from in_process import run_here

SMALL = (
    "data=imagenet_folder", "data.side=72", "split=train", "hardware.workers=0", "hardware.device=cpu", "maps=2",
    "claims.count=24", "claims.maps=3", "claims.probe_per_class=6", "claims.probe_folds=2",
    "claims.probe_layers=[1,5]",
    "items=[claims,errors,tab2,fig4,fig5,pointing,tab1,tab3,tab4,tab5,tab6,tab7,audit]",
)  # fmt: skip


def words_of(trained_rows: Path, image_root: Path) -> list[str]:
    checkpoint = next((trained_rows / "zfnet-seed0" / "checkpoints").glob("step-*.pt"))
    return [f"checkpoint={checkpoint}", f"data.root={image_root}", f"run={trained_rows}"]


def build_report(folder: Path, trained_rows: Path, image_root: Path) -> Path:
    """The run folder of the job."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert run_here("report", *SMALL, *words_of(trained_rows, image_root), f"run_dir={folder / 'run'}") == 0
    return folder / "run"
