"""The audit's job: a run of everything, in parts and drawn again, with and without boxes."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_network import WNIDS, small_network

from experiments.report_parts import audit_tables
from zfnet.figures.drawing import style
from zfnet.runs import write_csv

QUESTIONS = ("cascade", "switches", "sensitivity", "faithfulness", "localisation", "training")
METHODS = "methods=[deconvnet,occlusion]"
SMALL = ("hardware.workers=0", METHODS, "ways=[deletion,ROAD]", "count=3", "costly_count=2", "stages=1", "shown=1")
Carry = Callable[..., tuple[int, str]]


@pytest.fixture(autouse=True)
def small_drawings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most of a job's time goes into its 300 dpi."""
    monkeypatch.setattr(style, "DPI", 30)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """72 px images, one of each class and another of the first, with an object and a deciding part."""
    root, generator = tmp_path_factory.mktemp("boxes"), np.random.default_rng(0)
    images = []
    for number, wnid in enumerate((*WNIDS, WNIDS[0])):
        path = root / "val" / wnid / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(generator.integers(0, 255, (72, 72, 3), dtype=np.uint8)).save(path)
        parts = [{"name": "eye", "box": [30, 10, 40, 20], "deciding": True}]
        images.append({"path": f"val/{wnid}/{number}.png", "class": wnid, "object": [14, 6, 50, 60], "parts": parts})
    (root / "parts.json").write_text(json.dumps({"classes": {}, "images": images}))
    small_network(root / "a.pt")
    small_network(root / "b.pt", seed=1)
    return root


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "audit.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_question_is_asked_told_and_drawn_and_can_be_drawn_again(
    carry_out_here: Carry, root: Path, tmp_path: Path
):
    words = ["data=imagenet_folder", f"data.root={root}", f"checkpoint={root / 'a.pt'}", *SMALL]
    code, printed = carry_out_here("audit", *words, f"twin={root / 'b.pt'}", "run_dir=run")
    assert code == 0, printed
    rows = rows_of(tmp_path / "run")
    assert {row["question"] for row in rows} >= set(QUESTIONS) - {"localisation"}
    assert {row["method"] for row in rows if row["question"] == "cascade"} == {"deconvnet", "occlusion"}
    assert {row["condition"] for row in rows if row["question"] == "training"} == {
        "another seed", "fresh weights, seed 1"
    }  # fmt: skip
    assert {row["images"] for row in rows if row["method"] == "occlusion" and row["question"] == "cascade"} <= {
        "2",
        "1",
        "0",
    }
    for name in (*{row["question"] for row in rows}, "pictures"):
        assert (tmp_path / "run" / f"{name}.png").is_file(), name
    code, printed = carry_out_here("audit", f"redraw={tmp_path / 'run' / 'audit.json'}", "run_dir=again")
    assert code == 0, printed
    assert rows_of(tmp_path / "again") == rows
    first, again = (json.loads((tmp_path / name / "manifest.json").read_text()) for name in ("run", "again"))
    assert (again["networks"], again["frames"]) == (
        first["networks"],
        first["frames"],
    )  # by which a report finds what was drawn again
    assert again["images"] == first["images"] == 3
    titles = [table.title for table in audit_tables.tables(tmp_path / "again")]
    assert len(titles) >= 10  # four or five of classes, four of units; switches of units and of layers
    assert titles[0] == "Random weights: likeness to the intact picture, of a class (Spearman of |values|)"


def test_a_reports_tables_tell_intervals_images_blank_pictures_and_refusals(tmp_path: Path):
    told = {"question": "switches", "target": "unit", "condition": "random switches", "measure": "spearman"}
    value = {"mean": "0.5", "low": "0.25", "high": "0.75", "images": "90", "blank": "3", "refused": ""}
    nothing = {"mean": "", "low": "", "high": "", "images": "0", "blank": "0", "refused": "no rule for Sigmoid"}
    rows = [{**told, "method": "deconvnet", **value}, {**told, "method": "guided", **nothing}]
    rows.append({**told, "method": "deconvnet", "condition": "random weights", **value, "blank": "0"})
    write_csv(tmp_path / "audit.csv", rows)
    (table,) = audit_tables.tables(tmp_path)
    assert table.head == ["", "random switches", "random weights"]
    assert table.rows == [
        ["deconvnet", "0.50 [0.25, 0.75] of 90, 3 blank", "0.50 [0.25, 0.75] of 90"],
        ["guided", "refused: no rule for Sigmoid", "–"],
    ]
    rows = [
        {**told, "question": "faithfulness", "measure": way, "method": "deconvnet", **value} for way in ("ROAD", "x")
    ]
    write_csv(tmp_path / "audit.csv", rows)
    (table,) = audit_tables.tables(tmp_path)
    assert table.title.endswith(", of a unit (ROAD (low))")
    assert len(table.rows) == 1  # the value at each share of the pixels stays in the CSV
    assert audit_tables.tables(tmp_path / "elsewhere") == []


def test_parts_of_an_audit_are_drawn_together(carry_out_here: Carry, root: Path, tmp_path: Path):
    words = ["data=imagenet_folder", f"data.root={root}", f"checkpoint={root / 'a.pt'}", *SMALL, "count=4"]
    some = ["methods=[gradient]", "questions=[sensitivity]", "shown=0"]
    for part in range(2):
        code, printed = carry_out_here("audit", *words, *some, f"part=[{part},2]", f"run_dir=part{part}")
        assert code == 0, printed
    files = ",".join(str(tmp_path / f"part{part}" / "audit.json") for part in range(2))
    code, printed = carry_out_here("audit", f"redraw=[{files}]", "run_dir=both")
    assert code == 0, printed
    first, second, rows = (rows_of(tmp_path / name) for name in ("part0", "part1", "both"))
    assert [int(row["images"]) + int(row["not_measured"]) for row in rows] == [4] * len(rows)
    assert len(rows) == len(first) == len(second)
    for one, other, row in zip(first, second, rows, strict=True):
        if one["mean"] and other["mean"] and one["images"] == other["images"]:
            assert float(row["mean"]) == pytest.approx((float(one["mean"]) + float(other["mean"])) / 2, abs=1e-5)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("a text", "JSONDecodeError: Expecting value"),
        ('{"a": 1}', "KeyError: 'values'"),
        ("[1]", "TypeError: 'int' object is not"),
        ('[{"values": [1.0], "a": 1}]', "TypeError: .*unexpected keyword argument 'a'"),
        ("[" * 100_000, "RecursionError"),
    ],
)
def test_a_file_that_is_no_audits_is_named(carry_out_here: Carry, tmp_path: Path, content: str, why: str):
    (tmp_path / "other.json").write_text(content)
    code, printed = carry_out_here("audit", "redraw=other.json", "run_dir=run")
    assert code == 2, printed
    wrong = rf"error: other\.json is not what an audit saved \({why}.*\), expected its list of findings: give redraw="
    assert re.search(wrong, printed)
    assert len(printed.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("methods=[lime]", "methods=lime is not one of deconvnet"),
        ("questions=[why]", "'why' is not one of cascade"),
        ("part=[4,4]", "which of how many"),
        ("count=1", "expected 2 or more"),
    ],
)
def test_words_that_do_not_fit_are_told(carry_out_here: Carry, root: Path, word: str, message: str):
    words = ["data=imagenet_folder", f"data.root={root}", f"checkpoint={root / 'a.pt'}"]
    code, printed = carry_out_here("audit", *words, word, "run_dir=run")
    assert code == 2
    assert message in printed
