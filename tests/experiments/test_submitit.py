"""The sweep through Hydra's submitit launcher: its local executor, and what it would hand to Slurm."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from trained_rows import sweep_words

pytest.importorskip("hydra_plugins.hydra_submitit_launcher", reason="pip install hydra-submitit-launcher")


def test_rows_are_trained_by_the_local_executor(image_root: Path, carry_out_here, tmp_path: Path):
    words = sweep_words(image_root, "model=alexnet_no_3467", "seed=3", f"run_dir={tmp_path / 'rows'}")
    code, printed = carry_out_here("train", "-m", "hydra/launcher=submitit_local", *words)
    assert code == 0, printed
    row = tmp_path / "rows" / "alexnet_no_3467-seed3"
    assert json.loads((row / "manifest.json").read_text())["outcome"] == "finished"
    assert [path.name for path in (row / "checkpoints").glob("step-*.pt")] == ["step-00000006.pt"]


def test_slurm_is_asked_for_what_the_configuration_says(image_root: Path, carry_out_here, monkeypatch, tmp_path: Path):
    """A stand-in for sbatch keeps the script and refuses the job."""
    commands, kept = tmp_path / "bin", tmp_path / "kept.sh"
    commands.mkdir()
    for name, program in (("srun", "exit 0"), ("sbatch", f'cp "$1" {kept}; echo refused >&2; exit 1')):
        (commands / name).write_text(f"#!/bin/sh\n{program}\n")
        (commands / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(commands), prepend=":")
    words = sweep_words(image_root, "model=zfnet,alexnet", f"run_dir={tmp_path / 'rows'}")
    launcher = ("hydra/launcher=slurm", "hydra.launcher.partition=short", "hydra.launcher.timeout_min=90")
    code, printed = carry_out_here("train", "-m", *launcher, *words)
    assert code == 1
    assert "refused" in printed
    asked = [line.removeprefix("#SBATCH --") for line in kept.read_text().splitlines() if line.startswith("#SBATCH")]
    for line in ("partition=short", "time=90", "gpus-per-node=1", "cpus-per-task=8", "mem=64GB", "job-name=train",
                 "signal=USR2@300"):  # fmt: skip
        assert line in asked
    assert any(line.startswith("array=0-1") for line in asked)
