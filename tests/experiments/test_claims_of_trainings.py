"""Sentences that compare trainings: found below run=..., by network and by the limit on filters."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from in_process import run_here
from trained_rows import sweep_words

from experiments.report_parts import claim_tables
from experiments.report_parts.claim_tables import TableClaims
from experiments.report_parts.inner_job import LeftOut
from experiments.report_parts.trainings import Training
from experiments.tables.kept_folds import FoldResult, save_fold


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, image_root: Path) -> Path:
    """A ZFNet, the same without the limit, and an AlexNet, and what is claimed of the first."""
    folder = tmp_path_factory.mktemp("trainings")
    kinds = {
        "zfnet": ["model=zfnet"],
        "unlimited": ["model=zfnet", "training.filter_rms_limit=null"],
        "alexnet": ["model=alexnet"],
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name, words in kinds.items():
            assert run_here("train", *sweep_words(image_root, *words), f"run_dir={folder / 'runs' / name}") == 0
        checkpoint = next((folder / "runs" / "zfnet" / "checkpoints").glob("step-*.pt"))
        words = [
            f"checkpoint={checkpoint}", "data=imagenet_folder", "data.side=72", f"data.root={image_root}",
            "split=train", "hardware.workers=0", "hardware.device=cpu", f"run={folder / 'runs'}",
            "sentences=[2,3,4,14]", f"run_dir={folder / 'claims'}",
        ]  # fmt: skip
        assert run_here("claims", *words) == 0
    return folder / "claims"


def test_filters_are_compared_with_those_of_the_other_trainings(found: Path):
    claims = {one["number"]: one for one in json.loads((found / "claims.json").read_text())}
    assert all(one["effects"] for one in claims.values())
    for number in (2, 3):
        (effect,) = claims[number]["effects"]
        assert effect["over"] == "filters"
        assert "fresh weights" in effect["floors"]
        assert effect["parts"].keys() == {"ZFNet", "AlexNet"}
    (limit,) = claims[4]["effects"]
    assert {"without", "with the limit"} <= limit["parts"].keys()


def test_one_network_of_each_kind_is_averaged_where_no_kind_has_two(found: Path):
    claims = {one["number"]: one for one in json.loads((found / "claims.json").read_text())}
    (effect,) = claims[14]["effects"]
    assert sum("alexnet" in name for name in effect["parts"]) == 1
    assert not any("unlimited" in name for name in effect["parts"])


def test_a_table_without_scratch_does_not_hide_one_that_has_both(tmp_path: Path):
    """Table 5 is often made of the pretrained network alone; Table 4's folds tell sentence 12 all the same."""

    def kept(job: str, rights: dict[str, float]) -> SimpleNamespace:
        for method, right in rights.items():
            truth = np.arange(100) % 10
            predicted = np.where(np.arange(100) < 100 * right, truth, (truth + 1) % 10)
            fold = FoldResult(test=np.arange(100), truth=truth, predicted=predicted, facts={})
            save_fold(tmp_path / job / "kept" / f"{method}-15-0-0123456789ab.npz", fold)
        return SimpleNamespace(job=job, folder=tmp_path / job, facts={})

    there = {
        "tab4_caltech101": kept("tab4_caltech101", {"pretrained": 0.8, "scratch": 0.5}),
        "tab5_caltech256": kept("tab5_caltech256", {"pretrained": 0.8}),
    }
    shelf = SimpleNamespace(find=lambda job, of_these_images: there.get(job))
    claims = TableClaims(cast(Any, SimpleNamespace(shelf=shelf)))
    (effect,) = claims.transfer()
    assert (effect.name, round(effect.value, 9), effect.above_zero) == ("15 images a class, tab4", 0.3, True)
    del there["tab4_caltech101"]
    with pytest.raises(LeftOut, match=r"no fold that both methods finished in .*tab5_caltech256"):
        claims.transfer()


def test_folds_are_those_of_the_table_not_of_what_was_tried_before(tmp_path: Path):
    """A run folder holds what was kept of other settings too, or nothing where kept=FOLDER said so."""

    def save(path: Path, right: int) -> None:
        truth = np.arange(100) % 10
        predicted = np.where(np.arange(100) < right, truth, (truth + 1) % 10)
        save_fold(path, FoldResult(test=np.arange(100), truth=truth, predicted=predicted, facts={}))

    folder, elsewhere = tmp_path / "tab4", tmp_path / "shared"
    save(folder / "kept" / "pretrained-15-0-ffffffffffff.npz", 10)  # of another layer, say
    save(elsewhere / "pretrained-15-0-0123456789ab.npz", 80)
    save(elsewhere / "scratch-15-0-0123456789ab.npz", 50)
    told = [str(elsewhere / f"{method}-15-0-0123456789ab.npz") for method in ("pretrained", "scratch")]
    kept = SimpleNamespace(job="tab4_caltech101", folder=folder, facts={"folds": told})
    shelf = SimpleNamespace(find=lambda job, of_these_images: kept if job == kept.job else None)
    (effect,) = TableClaims(cast(Any, SimpleNamespace(shelf=shelf))).transfer()
    assert round(effect.value, 9) == 0.3


def test_answers_are_of_their_own_training_also_where_two_have_one_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """runs/a/train and runs/b/train; and of other images in the same folder."""
    monkeypatch.setattr(claim_tables, "shared_words", lambda job: [])

    def evaluate(job: str, words: list[str], folder: Path, run: Any) -> None:
        folder.mkdir()
        right = int("/a/" in words[0])
        arrays = {"probability": np.array([[1 - right, right]], np.float64), "label": np.array([1])}
        np.savez(folder / "val_1views.npz", **cast(Any, arrays))

    monkeypatch.setattr(claim_tables, "run_inner", evaluate)
    views = SimpleNamespace(source=SimpleNamespace(fingerprint="these"))
    claims = TableClaims(cast(Any, SimpleNamespace(run=SimpleNamespace(folder=tmp_path), views=views)))
    both = [
        Training(checkpoint=tmp_path / name / "train" / "checkpoints" / "step-1.pt", model="zfnet", seed=0, limit=0.1)
        for name in ("a", "b")
    ]
    assert [claims.answers(one)[0][0, 1] for one in both] == [1, 0]
    assert len(list(tmp_path.glob("evaluate-train-*"))) == 2
    views.source.fingerprint = "others"
    claims.answers(both[0])
    assert len(list(tmp_path.glob("evaluate-train-*"))) == 3


def test_depth_is_told_by_the_newest_training_of_each_network_with_the_limit(monkeypatch: pytest.MonkeyPatch):
    """As the sentences about filters are; a trial of before, and one without the limit, are passed over."""
    models = ("alexnet", "alexnet_no_34", "alexnet_no_7", "alexnet_no_67", "alexnet_no_3467")
    trained = [(model, "last", 0.1) for model in models] + [(model, "trial", 0.1) for model in models]
    trained.insert(0, ("alexnet", "unlimited", None))
    newest_first = [
        Training(checkpoint=Path(folder) / model / "checkpoints" / "a.pt", model=model, seed=0, limit=limit)
        for model, folder, limit in trained
    ]
    asked: list[str] = []

    def answers(self: TableClaims, training: Training) -> tuple[np.ndarray, np.ndarray]:
        asked.append(training.checkpoint.parts[0])
        return np.eye(2)[np.arange(8) % 2], np.arange(8) // 4

    monkeypatch.setattr(TableClaims, "same_classes", lambda self: newest_first)
    monkeypatch.setattr(TableClaims, "answers", answers)
    TableClaims(cast(Any, SimpleNamespace())).depth()
    assert asked == ["last"] * 5
