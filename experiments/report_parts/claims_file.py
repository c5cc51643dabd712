"""Claims on the console and in files: claims.json with all that was found, claims.csv with a row an effect."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from zfnet.analysis.claims import Claim
from zfnet.files import write_text
from zfnet.runs import write_csv

FILE = "claims.json"


def show_claims(claims: Sequence[Claim]) -> None:
    for claim in claims:
        print(f"{claim.sentence.number:>2}. {claim.verdict}: {claim.sentence.statement}")
        for one in claim.effects:
            floors = ", ".join(f"{name} {value:.3g}" for name, value in one.floors.items())
            told = ", ".join(f"{name} {value:.3g}" for name, value in one.parts.items())
            print(f"    {one.name}: {one.value:.3g} [{one.low:.3g}, {one.high:.3g}] over {one.count} {one.over}"
                  f"{f'; {floors}' if floors else ''}{f' ({told})' if told else ''}")  # fmt: skip
        for remark in claim.remarks:
            print(f"    {remark}")


def save_claims(folder: Path, claims: Sequence[Claim]) -> None:
    content = [
        {
            **asdict(claim.sentence), "verdict": claim.verdict, "remarks": claim.remarks, "why": claim.why,
            "effects": [asdict(one) for one in claim.effects],
        }
        for claim in claims
    ]  # fmt: skip
    write_text(folder / FILE, json.dumps(content, indent=2) + "\n")
    rows = [
        {
            "number": claim.sentence.number, "verdict": claim.verdict, "effect": one.name, "value": one.value,
            "low": one.low, "high": one.high, "over": one.over, "count": one.count,
            "floors": json.dumps(dict(one.floors)),
        }
        for claim in claims for one in claim.effects
    ]  # fmt: skip
    write_csv(folder / "claims.csv", rows)


def read_claims(folder: Path) -> list[dict[str, Any]]:
    """What `save_claims` wrote."""
    content: list[dict[str, Any]] = json.loads((folder / FILE).read_text(encoding="utf-8"))
    return content
