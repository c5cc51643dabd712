"""The Table 7 job: the table against what is saved, its figure again, a second run from the cache, words that miss."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from small_network import small_network

from zfnet.figures.curves.depth import load_depth


@pytest.fixture
def words(tmp_path: Path, image_root: Path) -> list[str]:
    data = ["data=imagenet_folder", f"data.root={image_root}", "data.side=72", "hardware.workers=0"]
    folds = ["train_per_class=5", "test_per_class=8", "folds=2", "splits=2", "costs=[0.1,10]", "seed=3"]
    return [f"checkpoint={small_network(tmp_path / 'a.pt')}", *data, *folds, f"cache={tmp_path / 'cache'}"]


def test_the_table_is_what_the_images_say(carry_out_here, words: list[str], image_root: Path, tmp_path: Path):
    code, printed = carry_out_here("tab7_depth", *words, "svm=[1,fc6]", "softmax=[5]", "control=true", "run_dir=run")
    assert code == 0, printed
    assert "3 classes, 5 training images of each, 24 to 24 test images, 2 folds (seeds 3 to 4)" in printed
    arrays = np.load(tmp_path / "run" / "tab7.npz")
    classes = np.repeat([0, 1, 2], 16)  # of the training folder's images, in order
    means = defaultdict(list)
    with open(tmp_path / "run" / "tab7.csv", newline="") as file:
        for row in csv.DictReader(file):
            name = f"{row['network']}/{row['probe']}/{row['layer']}/fold{row['seed']}"
            tested, predicted = arrays[f"{name}/tested"], arrays[f"{name}/predicted"]
            np.testing.assert_array_equal(tested, arrays[f"fold{row['seed']}/test"])
            assert not set(tested) & set(arrays[f"fold{row['seed']}/train"])
            assert np.bincount(classes[tested]).tolist() == [8, 8, 8]
            assert float(row["accuracy"]) == pytest.approx(
                np.mean(predicted == classes[tested])
            )  # classes alike in size
            means[row["network"], row["probe"], row["layer"]].append(float(row["accuracy"]))
    probes = [("SVM", "1"), ("SVM", "fc6"), ("softmax", "5")]
    assert set(means) == {(network, *probe) for network in ("trained", "untrained") for probe in probes}
    own = np.array(means["trained", "softmax", "5"]) * 100
    (line,) = [line for line in printed.splitlines() if line.startswith("softmax (5)")]
    assert f"{own.mean():.1f} ± {np.abs(own[0] - own[1]) / np.sqrt(2):.1f}" in line
    assert line.split()[-2:] == ["82.9", "65.7"]
    assert (tmp_path / "run" / "tab7.png").stat().st_size > 10_000
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["fold_seeds"] == [3, 4]


def test_a_second_run_computes_nothing_and_the_figure_is_drawn_again(
    carry_out_here, words: list[str], tmp_path: Path, monkeypatch
):
    code, printed = carry_out_here("tab7_depth", *words, "svm=[5]", "softmax=[]", "run_dir=run")
    assert code == 0, printed
    monkeypatch.setattr("zfnet.analysis.probing.extraction._compute", None)
    monkeypatch.setattr("zfnet.analysis.probing.depth.svm_probe", None)
    code, printed = carry_out_here("tab7_depth", *words, "svm=[5]", "softmax=[]", "run_dir=again")
    assert code == 0, printed
    assert (tmp_path / "run" / "tab7.csv").read_text() == (tmp_path / "again" / "tab7.csv").read_text()
    code, printed = carry_out_here("tab7_depth", f"redraw={tmp_path / 'run' / 'tab7.npz'}", "run_dir=drawn")
    assert code == 0, printed
    assert (tmp_path / "drawn" / "tab7.pdf").is_file()
    lines, chance = load_depth(tmp_path / "run" / "tab7.npz")
    assert chance == pytest.approx(1 / 3)
    assert [line.network for line in lines] == ["trained", "paper, Caltech-101", "paper, Caltech-256"]
    assert lines[1].accuracy.tolist() == [[0.862]]


def test_images_that_are_left_out_are_in_no_fold(carry_out_here, words: list[str], tmp_path: Path):
    """Half of each class is: what is left are its images 0, 2, 4 ... of 16, five to train from and three to test on."""
    listed = [f"n0000000{label}/n0000000{label}_{number}.JPEG" for label in range(3) for number in range(1, 16, 2)]
    (tmp_path / "out.txt").write_text("\n".join(listed))
    code, printed = carry_out_here("tab7_depth", *words, "svm=[7]", "softmax=[]", "exclude=out.txt", "run_dir=run")
    assert code == 0, printed
    assert "24 images are left out" in printed
    assert "9 to 9 test images" in printed
    arrays = np.load(tmp_path / "run" / "tab7.npz")
    for seed in (3, 4):
        both = np.concatenate([arrays[f"fold{seed}/{part}"] for part in ("train", "test")])
        assert sorted(both) == list(range(24))


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["train_per_class=16"], "class 'red' has 16 images, expected at least 17"),
        (["data.side=80"], "crops of 72 px squares, the images are 80 px"),
        (["svm=[9]"], "this network has no layer 9"),
        (["svm=[]", "softmax=[]"], "svm=[] and softmax=[]: expected layers to probe"),
        (["splits=1"], "splits=1, expected 2 or more"),
        (["splits=6"], "3 classes of 5 or more training images"),
        (["data=null"], "give data=... and checkpoint=FILE"),
    ],
)
def test_words_that_do_not_fit_table_7_are_told(carry_out_here, words: list[str], more: list[str], told: str):
    given = [word for word in words if not word.startswith("data")] if more == ["data=null"] else words + more
    code, printed = carry_out_here("tab7_depth", *given)
    assert code == 2
    assert told in printed
