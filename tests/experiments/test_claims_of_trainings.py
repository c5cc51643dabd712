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

from experiments.report_parts.claim_tables import TableClaims
from experiments.report_parts.inner_job import LeftOut
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
        return SimpleNamespace(job=job, folder=tmp_path / job)

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
