"""Training curves from run folders alone: python experiments/history.py runs='[runs/train/A,runs/train/B]'."""

from __future__ import annotations

from experiments.common.job import Run, start

if __name__ == "__main__":
    start("experiments.history:history")

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from omegaconf import DictConfig

from experiments.common.config import as_list, list_or_none, pick
from experiments.common.publish import publish
from zfnet.figures.curves.history import Histories, draw_history, load_histories, save_histories
from zfnet.runs import read_csv, write_csv

TABLE = "metrics.csv"
COLUMNS = (
    "train_loss", "val_loss", "train_top1_error", "val_top1_error", "train_top5_error", "val_top5_error",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What conf/history.yaml says of the runs and the curves."""

    runs: str | list[str] | None
    labels: str | list[str] | None
    show: str
    top: int
    smoothing: float


def history(config: DictConfig, run: Run) -> None:
    """Read, save the arrays, draw and tell; or draw again from saved arrays."""
    if not run.world.first:
        return
    settings = pick(Settings, config)
    if config.redraw is None:
        if settings.runs is None:
            raise ValueError("give runs=FOLDER or runs=[FOLDER,...] (run folders of train.py), or redraw=FILE.npz")
        folders = run_folders(as_list(settings.runs))
        histories = read_histories(folders, list_or_none(settings.labels))
        save_histories(run.folder / "history.npz", histories)
        run.note(runs=[str(folder) for folder in folders])
    else:
        histories = load_histories(config.redraw)
    report(histories, settings, run.folder)


def run_folders(given: Sequence[str]) -> list[Path]:
    """The given run folders; one that is not a run stands for all runs in it, by name, numbers in their order.

    Raises ValueError for a folder that neither is nor holds a run with an epoch behind it, and for none.
    """
    if not given:
        raise ValueError("no run was given: expected runs=FOLDER or runs=[FOLDER,...]")
    folders: list[Path] = []
    for path in map(Path, given):
        tables = [table.parent for table in path.glob(f"*/{TABLE}")]
        found = [path] if (path / TABLE).is_file() else sorted(tables, key=_by_number)
        if not found:
            raise ValueError(
                f"{path}: no {TABLE} in it or in the folders in it; expected the folder of a training run with at "
                "least one whole epoch behind it, or a folder of such folders"
            )
        folders += found
    return folders


def _by_number(folder: Path) -> list[tuple[bool, int, str]]:
    """A key that puts seed=2 before seed=10."""
    parts = re.split(r"(\d+)", folder.name)
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]


def read_histories(folders: Sequence[Path], labels: Sequence[str] | None) -> Histories:
    """The epochs of each run; labels: what to call them, by default the shortest ends of their paths that differ."""
    if labels is not None and len(labels) != len(folders):
        raise ValueError(f"{len(labels)} labels for {len(folders)} runs ({', '.join(map(str, folders))})")
    tables = [_rows(folder) for folder in folders]
    columns = {name: np.array([float(row[name]) for table in tables for row in table]) for name in COLUMNS}
    return Histories(
        label=np.array(names_of(folders) if labels is None else list(map(str, labels)), np.str_),
        run=np.repeat(np.arange(len(tables)), [len(table) for table in tables]),
        epoch=np.array([int(row["epoch"]) for table in tables for row in table], np.int64),
        **columns,
    )


def _rows(folder: Path) -> list[dict[str, str]]:
    rows = read_csv(folder / TABLE)
    missing = [name for name in ("epoch", *COLUMNS) if not rows or rows[0].get(name) is None]
    if missing:
        raise ValueError(f"{folder / TABLE}: no column {missing[0]} or no row; expected what train.py writes")
    return rows


def names_of(folders: Sequence[Path]) -> list[str]:
    """The last parts of the paths, as many as tell the runs apart."""
    parts = [folder.resolve().parts for folder in folders]
    for length in range(1, max(map(len, parts)) + 1):
        names = ["/".join(part[-length:]) for part in parts]
        if len(set(names)) == len(names):
            return names
    raise ValueError(f"the same run is given twice among {', '.join(map(str, folders))}")


def report(histories: Histories, settings: Settings, folder: Path) -> None:
    """The figure, in files and TensorBoard, and a line a run."""
    figure = draw_history(histories, settings.show, top=settings.top, smoothing=settings.smoothing)
    rows: list[dict[str, object]] = []
    for number, label in enumerate(histories.label.tolist()):
        one = histories.of(number)
        best = one.best(settings.top)
        train, val = one.errors("train", settings.top), one.errors("val", settings.top)
        rows.append({
            "run": label, "epochs": int(one.epoch[-1]), "best_epoch": int(one.epoch[best]),
            "best_val_error": float(val[best]), "last_val_error": float(val[-1]), "last_train_error": float(train[-1]),
            "last_val_loss": float(one.val_loss[-1]), "last_train_loss": float(one.train_loss[-1]),
        })  # fmt: skip
        print(
            f"{label}: top-{settings.top} error {val[best]:.1%} after epoch {one.epoch[best]}, at the end "
            f"{val[-1]:.1%} (training {train[-1]:.1%}), loss {one.val_loss[-1]:.3f} (training "
            f"{one.train_loss[-1]:.3f})"
        )
    write_csv(folder / "history.csv", rows)
    publish({"history": figure}, folder)
