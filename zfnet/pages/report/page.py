"""The report as one file: style within it by its hash, pictures as data, no script, nothing asked of anyone."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from zfnet.files import write_text
from zfnet.pages import base_style, environment
from zfnet.pages.report.intervals import bar
from zfnet.pages.report.pictures import inline

PACKAGE = "zfnet.pages.report"
LIMIT_BYTES = 15_000_000
WIDTHS_PX = (1600, 1200, 900, 700, 500)  # tried in turn until the page is small enough
HOLDS, FAILS = "holds", "does not hold"


@dataclass(frozen=True, kw_only=True)
class EffectRow:
    """An effect of a claim, in numbers and words. over: what was drawn for the interval, with how many."""

    name: str
    value: float
    low: float
    high: float
    over: str
    floors: Mapping[str, float] = field(default_factory=dict)
    parts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ClaimRow:
    """A sentence of the paper and what became of it here."""

    number: int
    statement: str
    where: str
    measured: str
    verdict: str
    effects: Sequence[EffectRow]
    remarks: Sequence[str] = ()

    @property
    def kind(self) -> str:
        return {HOLDS: "yes", FAILS: "no"}.get(self.verdict, "open")


@dataclass(frozen=True, kw_only=True)
class Table:
    """Cells as they are shown. ours: the columns, from 0, that are ours and stand out beside the paper's."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    ours: Sequence[int] = ()


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A picture file, what it shows for those who do not see it, and a line under it."""

    path: Path
    alt: str
    caption: str = ""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A figure or table of the report. anchor: its address on the page. command: how to do it alone."""

    anchor: str
    title: str
    paper: str
    caption: str
    command: str
    source: str
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()


@dataclass(frozen=True, kw_only=True)
class Report:
    """All of the page. left_out: what is not on it, and why. facts: the manifest, in words. links: files beside it."""

    title: str
    lead: str
    claims: Sequence[ClaimRow]
    claims_command: str
    entries: Sequence[Entry]
    left_out: Mapping[str, str]
    facts: Mapping[str, str]


def write_report(path: Path, report: Report) -> int:
    """Write the page; returns its bytes, which stay below LIMIT_BYTES: figures are made smaller until they do.

    Raises ValueError where even the smallest figures are too much.
    """
    for most_px in WIDTHS_PX:
        text = render(report, most_px)
        size = len(text.encode("utf-8", "replace"))
        if size < LIMIT_BYTES:
            write_text(path, text)
            return size
    raise ValueError(
        f"{path} would be {size / 1e6:.1f} MB, expected less than {LIMIT_BYTES / 1e6:.0f}: leave out items"
    )


def render(report: Report, most_px: int) -> str:
    """The page as text, its figures no wider than most_px."""
    style = base_style() + (Path(str(resources.files(PACKAGE))) / "static" / "report.css").read_text(encoding="utf-8")
    style = style.replace("</", "<\\/").strip() + "\n"
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    )  # fmt: skip
    pictures = {one.path: inline(one.path, most_px) for entry in report.entries for one in entry.figures}
    given: dict[str, Any] = {"report": report, "style": style, "policy": policy, "pictures": pictures, "bar": bar}
    text = environment(PACKAGE).get_template("report.html").render(
        **given, number=number, counts=_counts(report.claims)
    )  # fmt: skip
    return text.encode("utf-8", "replace").decode()


def number(value: float) -> str:
    """Three digits that count, a minus as long as a plus; a dash for none."""
    return "–" if value != value else f"{value:.3g}".replace("-", "\u2212")


def _counts(claims: Sequence[ClaimRow]) -> dict[str, int]:
    return {kind: sum(one.kind == kind for one in claims) for kind in ("yes", "no", "open")}
