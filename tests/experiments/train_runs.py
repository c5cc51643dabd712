"""Small runs of experiments/train.py, and how two of them are compared."""

from __future__ import annotations

import csv
from pathlib import Path

import torch

SMALL = (
    "data=imagenet_folder", "data.side=72", "model.width=0.05", "model.input_px=64", "training=modern",
    "training.batch_size=8", "hardware.workers=0", "training.learning_rate=0.005",
)  # fmt: skip


def settings(root: Path, folder: Path, *more: str) -> list[str]:
    return [*SMALL, f"data.root={root}", f"run_dir={folder}", *more]


def metrics(folder: Path) -> list[dict[str, str]]:
    with open(folder / "metrics.csv", newline="") as file:
        return list(csv.DictReader(file))


def last_checkpoint(folder: Path) -> dict:
    return torch.load(sorted((folder / "checkpoints").glob("step-*.pt"))[-1], weights_only=True)


def assert_same_end(one: Path, two: Path) -> None:
    a, b = last_checkpoint(one), last_checkpoint(two)
    assert a["trainer"]["position"] == b["trainer"]["position"]
    assert all(torch.equal(tensor, b["model"][name]) for name, tensor in a["model"].items())
    for x, y in zip(metrics(one), metrics(two), strict=True):
        assert all(x[name] == y[name] for name in x if name not in ("images_per_s", "wait_share", "wall_s"))
