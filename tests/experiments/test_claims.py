"""The job of the claims on a small training: what is measured, taken from other runs, or left out and named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from in_process import run_here
from small_network import small_network

from zfnet.analysis.claims import FAILS, HOLDS, NOT_HERE

SMALL = (
    "data=imagenet_folder", "data.side=72", "split=train", "hardware.workers=0", "hardware.device=cpu", "count=24",
    "maps=3", "top=3", "square_px=24", "stride_px=24", "probe_per_class=6", "probe_folds=2", "probe_layers=[1,5]",
)  # fmt: skip


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, trained_rows: Path, image_root: Path) -> Path:
    folder = tmp_path_factory.mktemp("claims") / "run"
    words = [
        f"checkpoint={next((trained_rows / 'zfnet-seed0' / 'checkpoints').glob('step-*.pt'))}",
        f"data.root={image_root}", f"run={trained_rows}", f"run_dir={folder}",
    ]  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder.parent)
        assert run_here("claims", *SMALL, *words) == 0
    return folder


def claims_of(folder: Path) -> dict[int, dict]:
    return {one["number"]: one for one in json.loads((folder / "claims.json").read_text())}


def test_every_sentence_has_a_verdict_and_what_is_behind_it(found: Path):
    claims = claims_of(found)
    assert list(claims) == list(range(1, 16))
    for claim in claims.values():
        assert claim["verdict"] in (HOLDS, FAILS, NOT_HERE)
        assert claim["effects"] or claim["why"]
        for effect in claim["effects"]:
            assert effect["low"] <= effect["value"] <= effect["high"]
            assert effect["over"] in ("images", "test images", "filters", "reference images")
    measured = {number for number, claim in claims.items() if claim["verdict"] != NOT_HERE}
    assert {5, 6, 7, 9, 11, 14, 15} <= measured
    for number in (5, 6, 7, 9, 11, 15):
        assert "fresh weights" in claims[number]["effects"][0]["floors"]


def test_what_is_left_out_is_named_with_the_way_to_it(found: Path):
    claims = claims_of(found)
    assert "training of alexnet" in claims[2]["why"]
    assert "filter_rms_limit=null" in claims[4]["why"]
    assert "parts.json" in claims[8]["why"]
    assert "tab4_caltech101" in claims[12]["why"]
    assert "alexnet_no_3467" in claims[13]["why"]


def test_networks_of_two_seeds_are_averaged(found: Path):
    (effect,) = claims_of(found)[14]["effects"]
    names = [name for name in effect["parts"] if "seed" in name]
    assert len(names) == 2
    single = sum(effect["parts"][name] for name in names) / 2
    assert effect["value"] == pytest.approx(single - effect["parts"]["their average"])
    assert "the best one" in effect["floors"]


def test_a_finished_run_of_these_weights_is_taken_and_one_of_others_is_not(
    found: Path, trained_rows: Path, image_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    monkeypatch.chdir(tmp_path)
    same = next((trained_rows / "zfnet-seed0" / "checkpoints").glob("step-*.pt"))
    for checkpoint, taken in ((same, True), (small_network(tmp_path / "other.pt"), False)):
        words = [f"checkpoint={checkpoint}", f"data.root={image_root}", f"run={found}", "sentences=11"]
        run_dir = tmp_path / f"taken-{taken}"
        assert run_here("claims", *SMALL, *words, f"run_dir={run_dir}") == 0
        assert ("taken from" in capsys.readouterr().out) == taken
        assert (run_dir / "tab7").is_dir() != taken


def test_a_network_without_weights_is_refused(image_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert run_here("claims", *SMALL, "checkpoint=torchvision:squeezenet1_0", f"data.root={image_root}") == 2


def test_a_computation_that_refuses_leaves_its_traceback_behind(tmp_path: Path):
    from experiments.claims import measured
    from experiments.report_parts.inner_job import LeftOut

    def refuse(error: Exception):
        raise error

    broken = measured(4, {4: lambda: refuse(ValueError("no such shape"))}, tmp_path)
    assert (broken.verdict, broken.why) == (NOT_HERE, "no such shape (error-4.txt)")
    assert "in refuse" in (tmp_path / "error-4.txt").read_text()
    left_out = measured(2, {2: lambda: refuse(LeftOut("give run=FOLDER"))}, tmp_path)
    assert (left_out.verdict, left_out.why) == (NOT_HERE, "give run=FOLDER")
    assert not (tmp_path / "error-2.txt").exists()
