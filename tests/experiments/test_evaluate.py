"""The evaluation command: errors, arrays, ensembles, and images that do not belong to the network."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import top_k_accuracy_score

import zfnet.training.scoring.evaluation as evaluation
from experiments.evaluate import Settings, choices_of
from zfnet import build_model
from zfnet.data import ImageData
from zfnet.data.frame import torchvision_frame
from zfnet.network import Network
from zfnet.training.checkpoint import save_checkpoint

ARGUMENTS = {"name": "zfnet", "num_classes": 3, "width": 0.05, "input_px": 64}
WNIDS = ("n00000000", "n00000001", "n00000002")


def checkpoint(path: Path, seed: int, wnids: tuple[str, ...] = WNIDS) -> Path:
    torch.manual_seed(seed)
    model = build_model(**ARGUMENTS)
    network = Network(model, torchvision_frame(64, 72), wnids, wnids, ARGUMENTS)
    save_checkpoint(path, {"network": network.state(), "model": model.state_dict(), "trainer": {}})
    return path


def test_one_network_and_an_ensemble(carry_out_here, image_root: Path, tmp_path: Path):
    a, b = checkpoint(tmp_path / "a.pt", 1), checkpoint(tmp_path / "b.pt", 2)
    data = ["data=imagenet_folder", f"data.root={image_root}", "data.side=72", "hardware.workers=0"]
    arrays = {}
    for name, given in (("a", a), ("b", b), ("both", f"[{a},{b}]")):
        code, printed = carry_out_here("evaluate", *data, f"checkpoint={given}", f"run_dir={tmp_path / name}")
        assert code == 0, printed
        arrays[name] = {views: np.load(tmp_path / name / f"val_{views}views.npz") for views in (1, 10)}
    for views in (1, 10):
        mean = (arrays["a"][views]["probability"] + arrays["b"][views]["probability"]) / 2
        assert np.allclose(arrays["both"][views]["probability"], mean, atol=1e-6)
    with open(tmp_path / "both" / "errors.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    for row, views in zip(rows, (1, 10), strict=True):
        found = arrays["both"][views]
        accuracy = top_k_accuracy_score(found["label"], found["probability"], k=1, labels=[0, 1, 2])
        assert float(row["top1_error"]) == pytest.approx(1 - accuracy)
        assert row["images"] == "12"
    with open(tmp_path / "both" / "val_1views_per_class.csv", newline="") as file:
        assert [row["name"] for row in csv.DictReader(file)] == ["red", "green", "blue"]


def test_an_image_that_cannot_be_read_is_not_counted(carry_out_here, image_root: Path, tmp_path: Path):
    root = tmp_path / "root"
    shutil.copytree(image_root, root)
    bad = root / "val" / "n00000001" / "n00000001_2.JPEG"
    bad.write_bytes(bad.read_bytes()[:500])
    path, folder = checkpoint(tmp_path / "a.pt", 1), tmp_path / "run"
    data = ["data=imagenet_folder", f"data.root={root}", "data.side=72", "hardware.workers=0"]
    code, printed = carry_out_here("evaluate", *data, f"checkpoint={path}", "views=1", f"run_dir={folder}")
    assert code == 0, printed
    assert f"1 images could not be read and are not counted: {bad}" in printed
    assert np.load(folder / "val_1views.npz")["label"].tolist() == [0] * 4 + [1, 1, -100, 1] + [2] * 4
    with open(folder / "val_1views_per_class.csv", newline="") as file:
        assert [row["images"] for row in csv.DictReader(file)] == ["4", "3", "4"]


def test_images_that_a_network_answers_with_nan_are_its_errors(
    carry_out_here, image_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """All the red ones are; a green one cannot be read."""
    answers = evaluation.log_probabilities

    def of_red_nothing(model, images, frame, views):
        red, green, _ = images.float().mean((2, 3)).T  # (B, 3, side, side) to (B,)
        return answers(model, images, frame, views).masked_fill((red > green + 50)[:, None], torch.nan)

    monkeypatch.setattr(evaluation, "log_probabilities", of_red_nothing)
    root, folder = shutil.copytree(image_root, tmp_path / "root"), tmp_path / "run"
    (root / "val" / "n00000001" / "n00000001_2.JPEG").write_bytes(b"")
    data = ["data=imagenet_folder", f"data.root={root}", "data.side=72", "hardware.workers=0", "views=1"]
    code, printed = carry_out_here("evaluate", *data, f"checkpoint={checkpoint(tmp_path / 'a.pt', 1)}", "run_dir=run")
    assert code == 0, printed
    arrays = np.load(folder / "val_1views.npz")
    assert arrays["label"].tolist() == [0] * 4 + [1, 1, -100, 1] + [2] * 4
    assert np.flatnonzero(np.isnan(arrays["probability"]).any(1)).tolist() == [0, 1, 2, 3, 6]
    with open(folder / "val_1views_per_class.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["name"], row["images"]) for row in rows] == [("red", "4"), ("green", "3"), ("blue", "4")]
    assert rows[0]["error"] == "1.0"
    with open(folder / "errors.csv", newline="") as file:
        (errors,) = csv.DictReader(file)
    counts = np.array([int(row["images"]) for row in rows])
    assert float(errors["top1_error"]) == pytest.approx(
        np.average([float(row["error"]) for row in rows], weights=counts)
    )


def test_weights_and_a_size_go_with_the_zoos_names_alone():
    def asked(*paths: str):
        given = {"data": ImageData("."), "split": "val", "views": 1, "batch_size": 8, "weights": "w.pt", "size_px": 96}
        return choices_of(Settings(**given, checkpoint=list(paths)))

    own, zoos = asked("own.pt", "torchvision:alexnet")
    assert (own.checkpoint, own.weights, own.size_px) == ("own.pt", None, None)
    assert (zoos.checkpoint, zoos.weights, zoos.size_px) == ("torchvision:alexnet", "w.pt", 96)
    (alone,) = asked("own.pt")
    assert (alone.weights, alone.size_px) == ("w.pt", 96)  # to be refused by name


@pytest.mark.parametrize(
    ("wnids", "side", "told"),
    [
        (("n0", "n1", "n2"), 72, "tells 3 classes apart (n0, n1, n2 ...), the images have 3 (n00000000, n00000001"),
        (WNIDS, 80, "sees crops of 72 px squares, the images are 80 px: give data.side=72"),
    ],
)
def test_images_of_another_network_are_refused(
    carry_out_here, image_root: Path, tmp_path: Path, wnids: tuple[str, ...], side: int, told: str
):
    path = checkpoint(tmp_path / "a.pt", 1, wnids)
    data = ["data=imagenet_folder", f"data.root={image_root}", f"data.side={side}"]
    code, printed = carry_out_here("evaluate", *data, f"checkpoint={path}")
    assert code == 2
    assert told in printed
