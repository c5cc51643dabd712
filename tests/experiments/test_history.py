"""The training curves job: from run folders alone, drawn again, and told what is missing."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(autouse=True)
def small_drawings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most of a job's time goes into its 300 dpi."""
    monkeypatch.setattr("zfnet.figures.drawing.style.DPI", 40)


def write_run(folder: Path, epochs: int, seed: int) -> list[dict[str, float]]:
    """A run folder as train.py leaves it, as far as curves go."""
    generator, folder = np.random.default_rng(seed), Path(folder)
    folder.mkdir(parents=True)
    names = [f"{of}_{what}" for of in ("train", "val") for what in ("loss", "top1_error", "top5_error")]
    rows = [
        {"epoch": epoch, "step": 10 * epoch, **dict(zip(names, generator.random(6).tolist(), strict=True))}
        for epoch in range(1, epochs + 1)
    ]
    with open(folder / "metrics.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return rows


def test_curves_of_several_runs_from_their_folders(carry_out_here, tmp_path: Path):
    first, second = write_run(tmp_path / "runs" / "a", 5, 0), write_run(tmp_path / "runs" / "b", 3, 1)
    code, printed = carry_out_here("history", "runs=runs", "run_dir=out", "smoothing=0.4")
    assert code == 0, printed
    arrays = dict(np.load(tmp_path / "out" / "history.npz"))
    assert arrays["label"].tolist() == ["a", "b"]
    assert arrays["run"].tolist() == [0] * 5 + [1] * 3
    for name in ("train_loss", "val_loss", "train_top1_error", "val_top1_error", "val_top5_error"):
        np.testing.assert_array_equal(arrays[name], [row[name] for row in first + second])
    best = min(first, key=lambda row: row["val_top1_error"])
    assert f"a: top-1 error {best['val_top1_error']:.1%} after epoch {best['epoch']}, at the end" in printed
    with open(tmp_path / "out" / "history.csv", newline="") as file:
        assert next(csv.DictReader(file))["best_epoch"] == str(best["epoch"])
    assert Image.open(tmp_path / "out" / "history.png").size[0] == 400
    assert (tmp_path / "out" / "history.pdf").stat().st_size > 1000
    assert list((tmp_path / "out").rglob("events.out.tfevents.*"))


def test_drawn_again_without_the_runs_and_with_names_given(carry_out_here, tmp_path: Path):
    write_run(tmp_path / "one" / "run", 2, 0)
    write_run(tmp_path / "two" / "run", 2, 1)
    code, printed = carry_out_here("history", "runs=one/run", "labels=alone", "run_dir=single")
    assert code == 0, printed
    assert "alone: top-1 error" in printed
    code, printed = carry_out_here("history", "runs=[one/run,two/run]", "labels=[plain,augmented]", "run_dir=out")
    assert code == 0, printed
    for folder in ("one", "two"):
        (tmp_path / folder / "run" / "metrics.csv").unlink()
    code, printed = carry_out_here("history", "redraw=out/history.npz", "show=error", "top=5", "run_dir=again")
    assert code == 0, printed
    assert "augmented: top-5 error" in printed
    assert (tmp_path / "again" / "history.png").is_file()


def test_runs_of_a_sweep_come_by_number_and_those_without_an_epoch_do_not_come(tmp_path: Path):
    from experiments.history import run_folders

    for name in ("width=1,seed=10", "width=1,seed=2", "width=1", "zoom"):
        write_run(tmp_path / name, 1, 0)
    (tmp_path / "width=1,seed=3" / "checkpoints").mkdir(parents=True)
    names = [folder.name for folder in run_folders([str(tmp_path)])]
    assert names == ["width=1", "width=1,seed=2", "width=1,seed=10", "zoom"]


def test_runs_of_one_name_are_told_apart_by_the_folders_above(tmp_path: Path):
    from experiments.history import names_of

    assert names_of([tmp_path / "one" / "run", tmp_path / "two" / "run"]) == ["one/run", "two/run"]
    with pytest.raises(ValueError, match="the same run is given twice"):
        names_of([tmp_path / "one", tmp_path / "one"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["runs=nowhere"], "nowhere: no metrics.csv in it or in the folders in it"),
        ([], "give runs=FOLDER"),
        (["runs=[]"], "no run was given: expected runs=FOLDER"),
        (["runs=run", "labels=[a,b]"], "2 labels for 1 runs"),
        (["runs=run", "show=hits"], "show='hits'"),
    ],
)
def test_what_is_missing_is_told(carry_out_here, tmp_path: Path, words: list[str], message: str):
    write_run(tmp_path / "run", 2, 0)
    code, printed = carry_out_here("history", *words, "run_dir=out")
    assert code == 2
    assert message in printed
