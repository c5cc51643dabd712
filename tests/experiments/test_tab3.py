"""Table 3: rows found and measured as by hand, refused where they differ, trained where they are missing."""

from __future__ import annotations

import csv
import json
import os
import signal
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from hydra.core.override_parser.overrides_parser import OverridesParser
from in_process import run_within
from trained_rows import sweep_words

from experiments.common.job import Run
from experiments.common.network import ModelChoice
from experiments.tab3_ablation import PAPER, VARIANTS, cells, evenly_spaced
from experiments.tables.runs import TableRun, TableSettings, open_table
from experiments.tables.train_missing import TRAIN, _wait_for, overrides_of
from zfnet import build_model
from zfnet.data import ImageData
from zfnet.data.datasets.imagenet import list_folder
from zfnet.data.decode import decode_square
from zfnet.models.table import TABLES
from zfnet.training import Hardware, Recipe, World, load_checkpoint
from zfnet.training.checkpoint import save_checkpoint


def table(folder: Path) -> list[dict[str, str]]:
    with open(folder / "tab3.csv", newline="") as file:
        return list(csv.DictReader(file))


def newest(row: Path) -> Path:
    return sorted((row / "checkpoints").glob("step-*.pt"))[-1]


def errors_by_hand(row: Path, root: Path, split: str) -> tuple[float, float]:
    """Top-1 error and mean loss of the last checkpoint on the central crops: numpy, and the network in float64."""
    content = load_checkpoint(newest(row))
    frame = content["network"]["frame"]
    model = build_model(**content["network"]["arguments"])
    model.load_state_dict(content["model"])
    model.double().eval()
    listed = list_folder(root, split)
    wrong, loss = 0, 0.0
    for path, label in zip(listed.paths, listed.labels.tolist(), strict=True):
        square = np.asarray(decode_square(path, 72), np.float64).transpose(2, 0, 1)
        pixels = (square - frame["mean"].double().numpy()) / frame["scale"].double().numpy()
        with torch.no_grad():
            scores = model(torch.from_numpy(pixels[None, :, 4:68, 4:68])).numpy()[0]
        wrong += int(scores.argmax() != label)
        loss += float(np.log(np.exp(scores).sum()) - scores[label])
    return wrong / len(listed.paths), loss / len(listed.paths)


def test_finished_rows_are_measured_and_missing_ones_named(rows: Path, image_root: Path, carry_out_here, tmp_path):
    words = sweep_words(image_root, f"rows={rows}", f"run_dir={tmp_path / 'table'}", "models=[zfnet,alexnet_no_7]")
    code, printed = carry_out_here("tab3_ablation", *words)
    assert code == 0, printed
    (row,) = table(tmp_path / "table")
    for split, name in (("train", "train"), ("val", "val")):
        error, loss = errors_by_hand(rows / "zfnet-seed0", image_root, split)
        assert float(row[f"{name}_top1_error"]) == pytest.approx(error, abs=1e-9)
        assert float(row[f"{name}_loss"]) == pytest.approx(loss, rel=1e-5)
    assert (row["train_images"], row["val_images"], row["paper_train_top1_error"]) == ("48", "12", "33.1")
    line = next(line for line in printed.splitlines() if line.startswith("as is"))
    assert f"{100 * float(row['val_top1_error']):.1f} (38.4)" in line
    assert "- (40.5)" in line  # AlexNet was not asked for
    assert "1 of 2 networks are finished" in printed
    command = next(line.split() for line in printed.splitlines() if "experiments/train.py" in line)
    assert command[-4:] == ["model=alexnet_no_7", "seed=0", f"run_dir={rows / 'alexnet_no_7-seed0'}", "resume=auto"]
    assert f"data.root={image_root}" in command
    assert not any(word.startswith(("rows=", "models=")) for word in command)
    manifest = json.loads((tmp_path / "table" / "manifest.json").read_text())
    assert manifest["missing"] == {"alexnet_no_7-seed0": "missing"}


def test_a_table_of_which_nothing_is_there_names_each_network_once(
    trained_rows: Path, image_root: Path, carry_out_here, tmp_path: Path
):
    words = sweep_words(image_root, f"rows={trained_rows}", f"run_dir={tmp_path / 'table'}", "seeds=[0,0]")
    code, printed = carry_out_here("tab3_ablation", *words, "models=[alexnet,alexnet]")
    assert code == 0, printed
    assert "0 of 1 networks are finished" in printed
    assert "the table:" not in printed
    assert not (tmp_path / "table" / "tab3.csv").exists()


def test_seeds_are_averaged_and_what_was_measured_is_kept_until_the_weights_change(
    rows: Path, image_root: Path, carry_out_here, tmp_path
):
    words = sweep_words(image_root, f"rows={rows}", f"run_dir={tmp_path / 'table'}", "models=[zfnet]", "seeds=[0,1]")
    kept = [rows / f"zfnet-seed{seed}" / name for seed in (0, 1)
            for name in ("predictions-1views.npz", "training_scores-1views.json")]  # fmt: skip
    code, printed = carry_out_here("tab3_ablation", *words)
    assert code == 0, printed
    errors = [100 * float(row["val_top1_error"]) for row in table(tmp_path / "table")]
    deviation = abs(errors[0] - errors[1]) / 2**0.5
    assert f"{sum(errors) / 2:.1f} ± {deviation:.1f} (38.4)" in printed
    before = [path.stat().st_mtime_ns for path in kept]
    assert carry_out_here("tab3_ablation", *words)[0] == 0
    assert [path.stat().st_mtime_ns for path in kept] == before
    path = newest(rows / "zfnet-seed1")
    content = load_checkpoint(path)
    content["model"]["fc8.bias"] += torch.tensor([0.0, 0.0, 100.0])  # now everything is of the last class
    save_checkpoint(path, {name: content[name] for name in ("network", "model", "trainer")})
    assert carry_out_here("tab3_ablation", *words)[0] == 0
    assert [path.stat().st_mtime_ns == was for path, was in zip(kept, before, strict=True)] == [True] * 2 + [False] * 2
    assert float(table(tmp_path / "table")[1]["train_top1_error"]) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("training.learning_rate=0.02", "trained with learning_rate=0.01, this table asks for 0.02"),
        ("training.epochs=3", "trained with epochs=1, this table asks for 3"),
        ("model.width=0.1", "trained with width=0.05, this table asks for 0.1"),
        ("data.side=80", "trained with data="),
    ],
)
def test_rows_of_other_settings_or_images_are_refused(
    trained_rows: Path, image_root, carry_out_here, tmp_path, word, told
):
    words = sweep_words(image_root, f"rows={trained_rows}", f"run_dir={tmp_path / 'table'}", "models=[zfnet]", word)
    code, printed = carry_out_here("tab3_ablation", *words)
    assert code == 2
    assert told in printed
    assert "give the same settings, or another folder (rows=...)" in printed


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["model=alexnet"], "a table has several networks: give models=[...] instead of model=..."),
        (["seed=3"], "a table has several networks: give seeds=[...] instead of seed=..."),
        (["models=vgg", "seeds=1"], "models=['vgg'], seeds=[1]: expected one"),
        (["models=[zfnet,vgg]"], "expected one or more of alexnet, alexnet_no_34"),
        (["models=[zfnet]", "train_images=0"], "train_images=0, expected 1 or more, or null for all"),
        (["model.weights=x.pt"], "model.weights=x.pt: the rows of a table are trained from scratch"),
    ],
)
def test_wrong_words_are_told(trained_rows: Path, image_root: Path, carry_out_here, tmp_path: Path, words, told):
    code, printed = carry_out_here(
        "tab3_ablation", *sweep_words(image_root, f"rows={trained_rows}", f"run_dir={tmp_path / 'table'}", *words)
    )
    assert code == 2
    assert told in printed


def test_several_processes_are_refused_before_anything_is_opened(tmp_path: Path):
    run = Run(tmp_path, World(rank=1, size=2), Hardware(), None)
    settings = TableSettings(
        data=ImageData(root="nowhere"), model=ModelChoice(name="zfnet"), training=Recipe(), rows="nowhere", seeds=[0],
        train_missing=False, processes=1, views=1, batch_size=8,
    )  # fmt: skip
    with pytest.raises(ValueError, match=r"one process: give processes=\.\.\. instead of torchrun"):
        open_table(settings, run)


def test_a_failed_row_and_a_half_finished_one_do_not_sink_the_table(
    rows: Path, image_root: Path, carry_out_here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The trainings' command lines are carried out in this process, where torch is there already."""

    def carried_out(words: list[str]) -> tuple[int, bool]:
        assert words[:2] == [sys.executable, str(TRAIN)]
        return run_within("train", *words[2:]), False

    monkeypatch.setattr("experiments.tables.train_missing._wait_for", carried_out)
    (rows / "alexnet_no_34-seed1").mkdir()
    (rows / "alexnet_no_34-seed1" / "checkpoints").write_text("a file where a folder should be")
    half = rows / "zfnet-seed1"
    content = load_checkpoint(newest(half))
    content["trainer"].update(position={"epoch": 0, "batch": 5, "step": 5}, history=[])  # one step is to be done again
    content["trainer"]["schedule"]["scheduler"]["last_epoch"] = 5
    newest(half).unlink()
    manifest = half / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"outcome": "finished"', '"outcome": "stopped"'))
    save_checkpoint(
        half / "checkpoints" / "step-00000005.pt", {name: content[name] for name in ("network", "model", "trainer")}
    )
    words = sweep_words(image_root, f"rows={rows}", f"run_dir={tmp_path / 'table'}", "train_missing=true")
    code, printed = carry_out_here("tab3_ablation", *words, "models=[alexnet_no_34,zfnet]", "seeds=[1]")
    assert code == 0, printed
    assert "== 1 of 2: alexnet_no_34-seed1 (missing)" in printed
    assert "alexnet_no_34-seed1 ended with exit code 2" in printed
    assert "alexnet_no_34-seed1: no checkpoint, failed: FileExistsError" in printed
    assert "== 2 of 2: zfnet-seed1 (0 of 1 epochs, stopped)" in printed
    assert load_checkpoint(newest(half))["trainer"]["position"] == {"epoch": 1, "batch": 0, "step": 6}
    assert [row["model"] for row in table(tmp_path / "table")] == ["zfnet"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_are_the_trainings_to_handle(number: signal.Signals, tmp_path: Path):
    ready = tmp_path / "ready"
    program = (
        "import pathlib, signal, sys, time\n"
        f"signal.signal({int(number)}, lambda *_: sys.exit(7))\n"
        f"pathlib.Path({str(ready)!r}).touch()\n"
        "time.sleep(30)\n"
    )
    before = signal.getsignal(number)

    def ask() -> None:
        while not ready.exists():
            pass
        os.kill(os.getpid(), number)

    asking = threading.Thread(target=ask)
    asking.start()
    assert _wait_for([sys.executable, "-c", program]) == (7, True)
    asking.join()
    assert signal.getsignal(number) is before
    assert _wait_for([sys.executable, "-c", "pass"]) == (0, False)


def test_words_that_are_the_tables_own_do_not_reach_the_training(tmp_path: Path):
    row = TableRun(model="zfnet", seed=3, folder=tmp_path / "zfnet-seed3")
    given = ["experiment=x", "rows=here", "+training.label_smoothing=0.1", "seeds=[3]", "run_dir=there", "views=10"]
    shared = ["experiment=x", "+training.label_smoothing=0.1"]
    assert overrides_of(row, given) == [*shared, "model=zfnet", "seed=3", f"run_dir={row.folder}", "resume=auto"]


def test_a_rows_folder_with_signs_of_hydras_own_reaches_the_training():
    words = overrides_of(TableRun(model="zfnet", seed=3, folder=Path("/runs/a=1,b=[2]/zfnet-seed3")), [])
    parsed = {one.key_or_group: one.value() for one in OverridesParser.create().parse_overrides(words)}
    assert parsed["run_dir"] == "/runs/a=1,b=[2]/zfnet-seed3"


def test_every_variant_of_both_networks_has_its_row():
    assert set(PAPER) == {model for models in VARIANTS.values() for model in models} - {None}
    assert set(PAPER) == {name for name in TABLES if name.startswith(("alexnet", "zfnet")) and "norm_first" not in name}
    assert cells(None, {}) == ["", "", ""]
    assert cells("zfnet", {}) == ["- (33.1)", "- (38.4)", "- (16.5)"]


def test_some_training_images_are_spread_over_the_classes(array_source):
    source = array_source(60, classes=4)
    source.labels.sort()
    assert evenly_spaced(source, None) is source
    assert evenly_spaced(source, 60) is source
    part = evenly_spaced(source, 20)
    assert np.bincount(part.labels).tolist() == [5, 5, 5, 5]
    assert part.labels.tolist() == source.labels[np.round(np.linspace(0, 59, 20)).astype(int)].tolist()
    assert part.fingerprint != source.fingerprint
