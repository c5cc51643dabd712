"""An audit's CSV as tables of the report: a question and a target each, a column a method."""

from __future__ import annotations

from pathlib import Path

from zfnet.pages.report import Table
from zfnet.runs import read_csv

TOLD = {  # by question, the measure that is told
    "cascade": ("spearman", "Random weights: likeness to the intact picture"),
    "switches": ("spearman", "Other switches and seeds: likeness to the true projection"),
    "sensitivity": ("spearman", "Another class, map or image: likeness to the intact picture"),
    "training": ("spearman", "Another training: likeness to the intact picture"),
    "faithfulness": ("ROAD", "What is left of the value when the important pixels are imputed"),
    "localisation": ("energy", "Share of the importance that lies where the truth is"),
}
NOTE = {"spearman": "Spearman of |values|", "ROAD": "ROAD, low: faithful", "energy": "energy"}
FLOORS = ("random", "centre", "chance")


def tables(folder: Path) -> list[Table]:
    """Means with 95 % intervals, how many images, how many blank pictures among them, and what refused."""
    path = folder / "audit.csv"
    if not path.is_file():
        return []
    rows = read_csv(path)
    found = []
    for question, (measure, title) in TOLD.items():
        own = [row for row in rows if row["question"] == question and row["measure"] == measure]
        for target in dict.fromkeys(row["target"] for row in own):
            of_target = [row for row in own if row["target"] == target]
            found.append(_table(of_target, f"{title} ({NOTE[measure]}), of a {target}"))
    return found


def _table(rows: list[dict[str, str]], title: str) -> Table:
    methods = sorted(dict.fromkeys(row["method"] for row in rows), key=lambda name: name in FLOORS)
    cells = {(row["condition"], row["method"]): _cell(row) for row in rows}
    body = [
        [condition, *(cells.get((condition, method), "–") for method in methods)]
        for condition in dict.fromkeys(row["condition"] for row in rows)
    ]
    return Table(title=title, head=["", *methods], rows=body)


def _cell(row: dict[str, str]) -> str:
    if row["refused"]:
        return f"refused: {row['refused']}"
    if not row["mean"]:
        return "–"
    edges = f" [{float(row['low']):.2f}, {float(row['high']):.2f}]" if row["low"] else ""
    blank = f", {row['blank']} blank" if int(row["blank"]) else ""
    return f"{float(row['mean']):.2f}{edges} of {row['images']}{blank}"
