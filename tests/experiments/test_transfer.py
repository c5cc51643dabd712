"""Tables 4 and 5: the protocol on small folders, folds kept and used again, the table against scikit-learn, Fig. 9."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import balanced_accuracy_score
from small_network import small_network

import experiments.tables.transfer as transfer
from experiments.tables.kept_folds import load_fold
from zfnet.data.folder import FolderImages
from zfnet.data.folds import Fold
from zfnet.figures.curves.fig9 import load_curves
from zfnet.training.from_scratch import Attempt

SMALL = (
    "folds=2",
    "test_per_class=4",
    "costs=[1.0]",
    "training.epochs=1",
    "training.batch_size=8",
    "hardware.workers=0",
)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_network(tmp_path_factory.mktemp("network") / "a.pt")


@pytest.fixture
def words(image_root: Path, checkpoint: Path, tmp_path: Path) -> list[str]:
    """Three classes of 16 images; folds are kept in one folder, whatever the run."""
    data = ["data=imagenet_folder", f"data.root={image_root}", "data.side=72"]
    return [*data, f"checkpoint={checkpoint}", f"kept={tmp_path / 'kept'}", "per_class=[5,8]", *SMALL]


def table(path: Path) -> dict[tuple[str, int], dict[str, str]]:
    with open(path, newline="") as file:
        return {(row["method"], int(row["per_class"])): row for row in csv.DictReader(file)}


def test_the_table_is_that_of_its_folds(carry_out_here, words: list[str], tmp_path: Path):
    code, printed = carry_out_here("tab4_caltech101", *words, "run_dir=run")
    assert code == 0, printed
    assert "3 classes, 2 folds; chance 33.3 %" in printed
    assert "layer 7: 205 features of 48 images; peak memory so far " in printed
    rows, curves = table(tmp_path / "run" / "tab4.csv"), load_curves(tmp_path / "run" / "tab4.npz")
    assert set(rows) == {(method, count) for method in ("pretrained", "scratch") for count in (5, 8)}
    told = json.loads((tmp_path / "run" / "manifest.json").read_text())["folds"]
    assert sorted(map(Path, told)) == sorted((tmp_path / "kept").glob("*-*-*.npz"))
    tested = {}
    for (method, count), row in rows.items():
        results = [load_fold(path) for path in sorted((tmp_path / "kept").glob(f"{method}-{count}-*.npz"))]
        assert len(results) == 2
        for result in results:
            assert result is not None
            assert np.bincount(result.truth).tolist() == [4, 4, 4]
        accuracy = [balanced_accuracy_score(result.truth, result.predicted) for result in results if result]
        assert float(row["mean"]) == pytest.approx(100 * np.mean(accuracy))
        assert float(row["deviation"]) == pytest.approx(100 * np.std(accuracy, ddof=1))
        np.testing.assert_allclose(curves.accuracy[method][curves.per_class == count][0], accuracy)
        tested[method, count] = [result.test.tolist() for result in results if result]
    assert tested["pretrained", 5] == tested["scratch", 8]
    assert rows["pretrained", 5]["paper_mean"] == "nan"
    assert float(rows["pretrained", 8]["mean"]) > 90  # flat colours


def test_finished_folds_are_used_again_and_other_settings_are_not(
    carry_out_here, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    trained = []

    def guessed(arguments: object, recipe: object, source: object, fold: Fold, **more: object) -> Attempt:
        trained.append(fold.seed)
        return Attempt(np.zeros(len(fold.test), np.int64), 0.5)

    before = FolderImages.fingerprint.func
    monkeypatch.setattr(transfer, "train_from_scratch", guessed)
    words = [*words, "per_class=[5]"]
    assert carry_out_here("tab4_caltech101", *words, "folds=1", "run_dir=one")[0] == 0
    code, printed = carry_out_here("tab4_caltech101", *words, "run_dir=two")
    assert code == 0, printed
    assert trained == [0, 1]  # each fold once
    assert printed.count(", kept\n") == 2
    assert carry_out_here("tab4_caltech101", *words, "training.learning_rate=0.02", "run_dir=three")[0] == 0
    assert trained == [0, 1, 0, 1]
    with monkeypatch.context() as patched:  # what an earlier version kept by another fingerprint is found
        patched.setattr(FolderImages, "fingerprint", "as this version says it")
        patched.setattr(FolderImages, "earlier_fingerprints", property(lambda images: (before(images),)))
        code, printed = carry_out_here("tab4_caltech101", *words, "run_dir=four")
        assert code == 0, printed
        assert printed.count(", kept\n") == 4
    for other in ("costs=[2.0]", "splits=2"):
        assert carry_out_here("tab4_caltech101", *words, other, f"run_dir={other[:5]}")[1].count(", kept\n") == 2
    for path in (tmp_path / "kept").glob("scratch-*.npz"):
        path.write_bytes(path.read_bytes()[:-30])
    code, printed = carry_out_here("tab4_caltech101", *words, "folds=1", "run_dir=five")
    assert code == 0, printed
    assert "it is set aside as set-aside-scratch-5-0-" in printed
    assert trained == [0, 1, 0, 1, 0]
    assert len(list((tmp_path / "kept").glob("set-aside-scratch-5-0-*.npz"))) == 1


def test_ctrl_c_keeps_what_is_finished_and_says_how_to_go_on(
    carry_out_here, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(transfer, "train_from_scratch", lambda *args, **kwargs: None)
    code, printed = carry_out_here("tab4_caltech101", *words, "run_dir=run")
    assert code == 130, printed  # the shell's for Ctrl-C
    assert f"stopped; finished folds lie in {tmp_path / 'kept'}" in printed
    assert len(list((tmp_path / "kept").glob("*.npz"))) == 2
    assert not (tmp_path / "run" / "tab4.csv").exists()


def test_caltech_s_layout_with_images_left_out_and_one_that_cannot_be_read(
    carry_out_here, checkpoint: Path, tmp_path: Path
):
    generator, folder = np.random.default_rng(0), tmp_path / "caltech101" / "101_ObjectCategories"
    for name, count in (("accordion", 9), ("yin_yang", 8), ("BACKGROUND_Google", 1)):
        (folder / name).mkdir(parents=True)
        for number in range(1, count + 1):
            pixels = generator.integers(0, 255, (80, 90), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"image_{number:04d}.jpg")
    (folder / "yin_yang" / "image_0008.jpg").write_bytes(b"")
    (tmp_path / "out.txt").write_text("accordion/image_0002.jpg\n")
    words = ["data.root=.", "data.side=72", f"checkpoint={checkpoint}", "per_class=[5]", "methods=[pretrained]", *SMALL]
    code, printed = carry_out_here("tab4_caltech101", *words, "exclude=out.txt", "folds=3", "run_dir=run")
    assert code == 0, printed
    assert "1 images are left out" in printed
    assert "Caltech-101: 2 classes, 3 folds" in printed
    for path in (tmp_path / "run" / "kept").glob("*.npz"):
        result = load_fold(path)
        assert result is not None
        assert np.bincount(result.truth).tolist() == [3, 2]  # 9 - 1 - 5 and 8 - 1 - 5
        assert result.test.max() < 15  # of 16 that are not left out the last cannot be read
        np.testing.assert_array_equal(result.truth, result.test >= 8)


def test_table_5_draws_fig_9_and_draws_it_again(carry_out_here, words: list[str], tmp_path: Path):
    code, printed = carry_out_here("tab5_caltech256", *words, "methods=[pretrained]", "folds=1", "run_dir=run")
    assert code == 0, printed
    assert {row["deviation"] for row in table(tmp_path / "run" / "tab5.csv").values()} == {"nan"}  # of one fold
    code, printed = carry_out_here("tab5_caltech256", "redraw=run/fig9.npz", "run_dir=again")
    assert code == 0, printed
    for name in ("tab5.csv", "fig9.png", "fig9.pdf"):
        assert (tmp_path / "again" / name).is_file()
    assert (tmp_path / "run" / "tab5.csv").read_text() == (tmp_path / "again" / "tab5.csv").read_text()


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["methods=[pretrained,svm]"], "methods=['pretrained', 'svm'], expected one or more of pretrained, scratch"),
        (["methods=[]"], "methods=[], expected one or more of pretrained, scratch"),
        (["per_class=[]"], "per_class=[]: expected one or more numbers"),
        (["exclude=nowhere.txt"], "exclude=nowhere.txt: no such file; expected one path a line"),
        (["checkpoint=torchvision:squeezenet1_0"], "without weights is an untrained network: give weights=DEFAULT"),
        (["per_class=[3]"], "each of at least splits=5 images, for the cross-validation"),
        (["costs=[0,1]"], "costs=[0, 1], expected one or more, each above 0"),
        (["batch_size=0"], "batch_size=0, expected 1 or more"),
        (["per_class=[5,16]"], "class 'red' has 16 images, expected at least 17"),
        (["data.side=80"], "give data.side=72"),
        (["data=caltech101", "data.root=nowhere"], "no Caltech-101 there; expected caltech101/101_ObjectCategories"),
        (["data=voc2012"], "several labels an image, expected one: tab6_pascal.py"),
        (["split=all"], "split 'all' is not one of train, val"),
    ],
)
def test_words_that_do_not_fit_are_told(carry_out_here, words: list[str], more: list[str], told: str):
    if more[0].startswith("data="):
        words = [word for word in words if not word.startswith("data")]
    code, printed = carry_out_here("tab4_caltech101", *words, *more)
    assert code == 2
    assert told in printed
