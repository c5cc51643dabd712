"""Table 2: single networks and ensembles against softmax probabilities averaged by hand."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax
from trained_rows import sweep_words

from experiments.tab2_imagenet import PAPER, show, table_rows
from experiments.tables.runs import TableRun
from zfnet import build_model
from zfnet.data.datasets.imagenet import list_folder
from zfnet.data.decode import decode_square
from zfnet.training import load_checkpoint
from zfnet.training.scoring.ensemble import Predictions

CORNERS = ((0, 0), (0, 8), (8, 0), (8, 8), (4, 4))


def probabilities_by_hand(row: Path, root: Path) -> np.ndarray:
    """Mean softmax probability over the paper's ten views, image by image and view by view: (N, C), in float64."""
    content = load_checkpoint(sorted((row / "checkpoints").glob("step-*.pt"))[-1])
    frame = content["network"]["frame"]
    model = build_model(**content["network"]["arguments"])
    model.load_state_dict(content["model"])
    model.double().eval()
    found = []
    for path in list_folder(root, "val").paths:
        square = np.asarray(decode_square(path, 72), np.float64).transpose(2, 0, 1)
        pixels = (square - frame["mean"].double().numpy()) / frame["scale"].double().numpy()
        crops = [pixels[:, y : y + 64, x : x + 64] for y, x in CORNERS]
        views = [torch.from_numpy(view.copy()) for crop in crops for view in (crop, crop[:, :, ::-1])]
        with torch.no_grad():
            found.append(np.mean([softmax(model(view[None]).numpy()[0]) for view in views], axis=0))
    return np.array(found)


def test_an_ensemble_of_those_that_are_there(rows: Path, image_root: Path, carry_out_here, tmp_path: Path):
    words = sweep_words(image_root, f"rows={rows}", f"run_dir={tmp_path / 'table'}", "seeds=[0,1,2]")
    code, printed = carry_out_here("tab2_imagenet", *words)
    assert code == 0, printed
    with open(tmp_path / "table" / "tab2.csv", newline="") as file:
        found = list(csv.DictReader(file))
    singles = [probabilities_by_hand(rows / f"zfnet-seed{seed}", image_root) for seed in (0, 1)]
    labels = list_folder(image_root, "val").labels
    expected = [*singles, (singles[0] + singles[1]) / 2]
    assert [row["networks"] for row in found] == ["zfnet-seed0", "zfnet-seed1", "2 of 3 networks"]
    for row, own in zip(found, expected, strict=True):
        assert float(row["val_top1_error"]) == pytest.approx((own.argmax(1) != labels).mean(), abs=1e-9)
        assert float(row["val_loss"]) == pytest.approx(-np.log(own[range(12), labels]).mean(), rel=1e-5)
    assert "2 of 5 networks are finished" in printed
    for name in ("zfnet-seed2", "zfnet_512_1024_512-seed0", "alexnet-seed0"):
        assert f"  {name}: missing" in printed


def test_the_rows_of_the_paper(capsys: pytest.CaptureFixture[str]):
    """Every network there: what each row averages, and where the paper's numbers stand."""
    generator, wnids = np.random.default_rng(0), tuple(f"n{index}" for index in range(8))
    label = generator.integers(0, 8, 200)
    networks = [*(("zfnet", seed) for seed in range(5)), ("zfnet_512_1024_512", 0), ("alexnet", 0)]
    scores = {
        TableRun(model=model, seed=seed, folder=Path(f"{model}-seed{seed}")): 2 * generator.standard_normal((200, 8))
        for model, seed in networks
    }
    known = {
        row: Predictions(log_softmax(own, 1).astype(np.float32), label, wnids, "data", row.name)
        for row, own in scores.items()
    }
    rows = table_rows(known, seeds=5, views=10)
    probability = [softmax(own, 1) for own in scores.values()]
    groups = [[6], [0], [1], [2], [3], [4], [0, 1, 2, 3, 4], [5], [0, 1, 2, 3, 4, 5]]
    for row, group in zip(rows, groups, strict=True):
        guesses = np.mean([probability[member] for member in group], axis=0).argsort(1)[:, ::-1]
        assert row["val_top1_error"] == (guesses[:, 0] != label).mean()
        assert row["val_top5_error"] == pytest.approx((guesses[:, :5] != label[:, None]).all(1).mean())
    show(rows, images=200, classes=8, views=10)
    printed = capsys.readouterr().out.splitlines()[3:]  # below two lines of heading
    assert len(printed) == 1 + len(PAPER)
    ours = [f"{100 * rows[-1][f'val_top{k}_error']:.1f}" for k in (1, 5)]
    assert printed[-1].split()[-9:] == [ours[0], "36.0", ours[1], "14.7", "14.8", "6", "of", "6", "networks"]
    singles = [100 * row["val_top1_error"] for row in rows[1:6]]
    assert f"{np.mean(singles):.1f} ± {np.std(singles, ddof=1):.1f}" in printed[4]
    assert printed[4].endswith("mean of 5")
