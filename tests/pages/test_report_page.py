"""The report's page: hostile names are text, figures shrink until the file is small enough, bars show every floor."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zfnet.pages.report import ClaimRow, EffectRow, Entry, Figure, Report, Table, bar, page, write_report

HOSTILE = '</style></script><img src=x onerror=alert(1)> "q" \' &amp; {{ 7 * 7 }}\ud800'


def report(figures: list[Figure], name: str = "one") -> Report:
    effect = EffectRow(name=name, value=0.2, low=0.1, high=0.3, over="over 9 images", floors={name: -0.1}, parts={})
    claim = ClaimRow(
        number=8, statement=name, where=name, measured=name, verdict="holds", effects=[effect], remarks=[name]
    )  # fmt: skip
    table = Table(title=name, head=[name, "paper"], rows=[[name, "1"]], ours=(0,))
    entry = Entry(
        anchor="fig2", title=name, paper="Fig. 2", caption=name, command=name, source=name, figures=figures,
        tables=[table],
    )  # fmt: skip
    return Report(
        title=name, lead=name, claims=[claim], claims_command=name, entries=[entry], left_out={name: name},
        facts={name: name},
    )  # fmt: skip


def noise(path: Path, side: int = 800) -> Path:
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (side, side, 3), dtype=np.uint8)).save(path)
    return path


def test_hostile_names_are_text(tmp_path: Path):
    write_report(tmp_path / "r.html", report([Figure(path=noise(tmp_path / "a.png", 8), alt=HOSTILE)], HOSTILE))
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert text.count("<img") == 1
    assert text.count("</style>") == 1
    assert "{{ 7 * 7 }}" in text
    assert "<script" not in text


def test_a_page_that_was_not_asked_for_claims_does_not_say_that_none_hold(tmp_path: Path):
    with_claims = report([])
    for name, one in {"with": with_claims, "without": replace(with_claims, claims=[])}.items():
        write_report(tmp_path / f"{name}.html", one)
    assert "What of the paper holds here" in (tmp_path / "with.html").read_text()
    assert "What of the paper holds here" not in (tmp_path / "without.html").read_text()
    assert 'href="#claims"' not in (tmp_path / "without.html").read_text()


def test_figures_shrink_until_the_page_is_small_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    one = report([Figure(path=noise(tmp_path / "a.png"), alt="noise")])
    write_report(tmp_path / "wide.html", one)
    width = int(re.findall(r'width="(\d+)" height="800"', (tmp_path / "wide.html").read_text())[0])
    assert width == 800
    monkeypatch.setattr(page, "LIMIT_BYTES", 450_000)
    assert write_report(tmp_path / "small.html", one) < 450_000
    assert re.search(r'width="(700|500)"', (tmp_path / "small.html").read_text())
    monkeypatch.setattr(page, "LIMIT_BYTES", 1000)
    with pytest.raises(ValueError, match="leave out items"):
        write_report(tmp_path / "none.html", one)


def test_a_bar_shows_nothing_the_interval_and_every_floor():
    drawn = bar(0.2, 0.1, 0.3, {"centre": -0.1, "chance": 0.0, "none": float("nan")})
    assert drawn is not None
    assert drawn.floors == {"centre": 8.0, "chance": drawn.zero}
    assert drawn.zero == 64.0
    assert (drawn.low, drawn.value, drawn.high) == (120.0, 176.0, 232.0)
    assert bar(0.2, float("nan"), 0.3, {}) is None
