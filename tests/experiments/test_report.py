"""The report of a small training: what is taken, what is run, what is left out, and one file that holds it all."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from in_process import run_here
from report_page import SMALL, words_of
from small_network import small_network

from experiments import report
from experiments.report_parts.claims_file import save_claims
from experiments.report_parts.collect import Collected, collect
from experiments.report_parts.inner_job import FUNCTIONS
from experiments.report_parts.items import ITEMS
from experiments.report_parts.kept_runs import KeptRun, Shelf

ROOT = Path(__file__).parents[2]


def page_of(run: Path) -> str:
    return (run / "report.html").read_text(encoding="utf-8")


def test_every_item_and_claim_is_on_the_page_or_left_out_with_a_reason(report_run: Path):
    page = page_of(report_run)
    left = json.loads((report_run / "manifest.json").read_text())["left_out"]
    shown = set(re.findall(r'<section class="entry" id="(\w+)"', page))
    assert len(shown) + len(left) == len(ITEMS) - len({"fig2", "fig6", "fig7"})  # which the fixture does without
    assert {"errors", "fig5", "tab7"} <= shown
    assert "it takes images of new classes" in left["New classes: Caltech-101's protocol (Table 4)"]
    assert all(left.values())
    assert len(re.findall(r'id="claim-\d+"', page)) == 15


def test_one_file_asks_for_nothing(report_run: Path):
    page = page_of(report_run)
    assert len(page.encode()) < 15_000_000
    assert "<script" not in page
    assert not re.findall(r'(?:src|href)="(?!data:image/|#)', page)
    assert "default-src 'none'" in unescape(page)
    assert not re.findall(r" style=", page)


def test_pictures_have_alternatives_and_items_commands(report_run: Path):
    page = page_of(report_run)
    pictures = re.findall(r"<img [^>]*>", page)
    assert pictures
    assert all(re.search(r'alt="[^"]{20,}"', one) for one in pictures)
    for section in re.findall(r'<section class="entry".*?</section>', page, re.DOTALL):
        assert re.search(r"<code>python experiments/\w+\.py ", section)


def test_the_page_says_what_the_claims_file_says(report_run: Path):
    page = page_of(report_run)
    for claim in json.loads((report_run / "claims" / "claims.json").read_text()):
        block = re.search(rf'<li class="claim \w+" id="claim-{claim["number"]}">.*?</li>', page, re.DOTALL)
        assert block
        assert f'<span class="verdict">{claim["verdict"]}</span>' in block[0]
        assert block[0].count('<tr><th scope="row">') == len(claim["effects"])


def test_what_was_done_is_not_done_again(
    report_run: Path, trained_rows: Path, image_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):  # fmt: skip
    """Taken by another report of the same network, and run again for one of another network."""
    monkeypatch.chdir(tmp_path)
    words = [f"run=[{trained_rows},{report_run}]", f"data.root={image_root}"]
    small = [*SMALL[:-1], "items=[claims,fig5]"]
    same = words_of(trained_rows, image_root)[0]
    assert run_here("report", *small, *words, same, f"run_dir={tmp_path / 'same'}") == 0
    printed = capsys.readouterr().out
    assert "fig5_invariance: taken from" in printed
    assert "claims: taken from" in printed
    assert not {"fig5", "claims"} & {path.name for path in (tmp_path / "same").iterdir()}
    other = f"checkpoint={small_network(tmp_path / 'other.pt')}"
    small[-1] = "items=[fig5]"
    assert run_here("report", *small, *words, other, f"run_dir={tmp_path / 'other'}") == 0
    assert (tmp_path / "other" / "fig5" / "fig5.png").is_file()


def test_what_is_asked_otherwise_is_done_again(
    trained_rows: Path, image_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):  # fmt: skip
    """By the same report: what it did before is of other options."""
    monkeypatch.chdir(tmp_path)
    run = tmp_path / "run"
    given = [*SMALL[:-1], *words_of(trained_rows, image_root)[:2], f"run_dir={run}", "items=[claims,fig2]"]
    found = []
    for more in (["claims.sentences=[2]"], ["claims.sentences=[2]"], ["claims.sentences=[3]", "maps=1"]):
        assert run_here("report", *given, *more) == 0
        taken = re.findall(r"(\w+): taken from", capsys.readouterr().out)
        numbers = [one["number"] for one in json.loads((run / "claims" / "claims.json").read_text())]
        command = json.loads((run / "fig2" / "manifest.json").read_text())["command"]
        found.append((taken, numbers, [word for word in command if word.startswith("maps=")]))
    assert found == [
        ([], [2], ["maps=2"]), (["claims", "fig2_features"], [2], ["maps=2"]), ([], [3], ["maps=1"]),
    ]  # fmt: skip


def test_jobs_are_called_as_their_files_start_them():
    for job, function in FUNCTIONS.items():
        assert f'start("experiments.{job}:{function}")' in (ROOT / "experiments" / f"{job}.py").read_text()
    known = {path.stem for path in (ROOT / "experiments").glob("*.py")}
    assert {one.job for one in ITEMS} - known <= {"audit"}
    assert {one.job for one in ITEMS if one.words is not None} <= set(FUNCTIONS)
    assert all(one.words is not None or one.missing for one in ITEMS)


def test_probes_of_other_classes_are_an_entry_beside_those_of_these(tmp_path: Path):
    def kept(name: str, data: str, finished: str) -> KeptRun:
        (tmp_path / name).mkdir()
        (tmp_path / name / "tab7.png").write_bytes(b"")
        facts = {
            "networks": {"a.pt": "w"},
            "data": {"val": data},
            "finished": finished,
            "command": ["tab7_depth.py", name],
        }
        return KeptRun(folder=tmp_path / name, job="tab7_depth", facts=facts)

    runs = [kept("own", "these", "2026-01-03"), kept("old", "other", "2026-01-01"), kept("new", "other", "2026-01-02")]
    shelf = Shelf(runs=runs, weights="w", data=["these"], trained=None)
    assert [shelf.find("tab7_depth"), shelf.find_on_others("tab7_depth")] == [runs[0], runs[2]]
    assert Shelf(runs=runs[:1], weights="w", data=["these"], trained=None).find_on_others("tab7_depth") is None
    item = replace(next(one for one in ITEMS if one.name == "tab7"), tables=None)
    collected = Collected(left_out={})
    here = cast(Any, SimpleNamespace(shelf=shelf))
    collect(item, here, collected, cast(Any, SimpleNamespace(folder=tmp_path)))
    assert [(one.anchor, one.figures[0].path.parent.name) for one in collected.entries] == [
        ("tab7", "own"), ("tab7-others", "new"),
    ]  # fmt: skip


def test_what_another_epoch_or_another_crop_gave_is_not_this_networks(tmp_path: Path):
    """Of one training: what best.pt gave is no figure of epoch-0001.pt; and a zoo's network sees what size_px says."""
    (tmp_path / "checkpoints").mkdir()
    best = tmp_path / "checkpoints" / "best.pt"
    best.touch()

    def kept(job: str, **facts: Any) -> KeptRun:
        return KeptRun(folder=tmp_path / job, job=job, facts={"networks": {str(best): "w"}, **facts})

    runs = [kept("evaluate"), kept("fig5_invariance", frames={str(best): "224 px"}), kept("tab2_imagenet")]
    same = Shelf(runs=runs, weights="w", data=[], trained=tmp_path, frame="224 px")
    assert [same.find(one.job) for one in runs] == runs
    assert replace(same, frame="96 px").find("fig5_invariance") is None
    first = replace(same, weights="of the first epoch")
    assert [first.find(one.job) for one in runs] == [None, None, runs[2]]


def test_what_was_found_of_another_network_beside_this_one_is_not_this_networks(tmp_path: Path):
    """Claims of a ZFNet open the AlexNet that they compare it with; evaluate checkpoint=[a,b] says what both say."""

    def kept(job: str, *networks: str) -> KeptRun:
        facts = {"networks": {f"{one}.pt": one for one in networks}}
        return KeptRun(folder=tmp_path / job, job=job, facts=facts)

    claims, audit, averaged = kept("claims", "zfnet", "alexnet"), kept("audit", "zfnet", "shuffled"), ("zfnet", "other")
    filters = kept("fig6_filters", "unlimited", "alexnet", "zfnet")
    of_zfnet = Shelf(runs=[claims, audit, filters, kept("evaluate", *averaged)], weights="zfnet", data=[], trained=None)
    assert [of_zfnet.find(job) for job in ("claims", "audit", "fig6_filters")] == [claims, audit, filters]
    assert of_zfnet.find("evaluate") is None
    assert replace(of_zfnet, weights="alexnet").find("claims") is None
    assert replace(of_zfnet, weights="shuffled").find("audit") is None


@pytest.mark.parametrize(("job", "again"), [("tab4_caltech101", True), ("train", True), ("evaluate", False)])
def test_sentences_are_measured_anew_once_there_is_more_to_measure_them_on(
    job: str, again: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Sentence 12 was left out for want of Table 4, which has been made since."""

    def kept(name: str, finished: str) -> KeptRun:
        return KeptRun(folder=tmp_path / name, job=name, facts={"networks": {"a.pt": "w"}, "finished": finished})

    (tmp_path / "claims").mkdir()
    save_claims(tmp_path / "claims", [])
    shelf = Shelf(runs=[kept("claims", "2026-01-01"), kept(job, "2026-01-02")], weights="w", data=[], trained=None)
    measured: list[str] = []
    monkeypatch.setattr(report, "shared_words", lambda job: [])
    monkeypatch.setattr(report, "run_inner", lambda job, words, folder, run: measured.append(job))
    monkeypatch.setattr(report, "runs_in", lambda folders: shelf.runs)
    settings = cast(Any, SimpleNamespace(claims={}))
    report.claim_sentences(settings, Collected(left_out={}), cast(Any, SimpleNamespace(folder=tmp_path)), shelf)
    assert measured == (["claims"] if again else [])


def test_an_item_that_is_not_there(image_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    words = [f"checkpoint={small_network(tmp_path / 'one.pt')}", f"data.root={image_root}", "items=[fig99]"]
    assert run_here("report", *SMALL[:-1], *words) == 2
