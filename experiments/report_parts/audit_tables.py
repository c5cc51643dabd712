"""An audit's CSV as tables of the report: one for each question and target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from zfnet.pages.report import Table
from zfnet.runs import read_csv

Row = dict[str, str]

FIGURES = {
    "pictures.png": "The class by every method, and what the same method shows of random weights.",
    "cascade.png": "How like its intact self a picture stays while weights are drawn anew, from the last layer "
    "down and one layer at a time; the floor is another image's picture.",
    "switches.png": "What becomes of a projection that goes through another image's switches, through noise, "
    "with a constant seed, with maps shuffled.",
    "sensitivity.png": "How like two pictures of one image are that ask for different classes or maps.",
    "faithfulness.png": "What is left of the answer as the pixels go that a picture calls important.",
    "localisation.png": "The share of a picture that lies on the object and its deciding parts.",
    "training.png": "The same pictures of fresh weights, and of a network that learned shuffled labels.",
}


TOLD = {  # by question: what it is called, and its measures in words
    "cascade": ("Random weights: likeness to the intact picture", {"spearman": "Spearman of |values|"}),
    "switches": (
        "Other switches and seeds: likeness to the true projection",
        {"spearman": "Spearman of |values|", "ssim": "structural similarity", "cosine": "cosine"},
    ),
    "sensitivity": (
        "Another class, map or image: likeness to the intact picture", {"spearman": "Spearman of |values|"},
    ),
    "training": ("Another training: likeness to the intact picture", {"spearman": "Spearman of |values|"}),
    "faithfulness": (
        "What is left of the value, the pixels called important taken away or put back",
        {"deletion": "deletion (low: faithful)", "ROAD": "ROAD (low)", "insertion": "insertion (high)"},
    ),
    "localisation": (
        "Whether the picture lies where the truth is", {"energy": "energy", "pointing": "pointing"},
    ),
}  # fmt: skip
FLOORS = ("random", "centre", "chance")


def tables(folder: Path) -> list[Table]:
    """Means with 95 % intervals, how many images, how many blank pictures among them, and what refused."""
    path = folder / "audit.csv"
    if not path.is_file():
        return []
    rows, found = read_csv(path), list[Table]()
    for question, (title, measures) in TOLD.items():
        own = [row for row in rows if row["question"] == question and row["measure"] in measures]
        for target in dict.fromkeys(row["target"] for row in own):
            of_target = [row for row in own if row["target"] == target]
            found.append(_table(of_target, f"{title}, of a {target}", measures))
    return found


def _table(rows: Sequence[Row], title: str, measures: Mapping[str, str]) -> Table:
    """A line a method, a column a condition and measure, or the other way where that is narrower."""
    methods = sorted(dict.fromkeys(row["method"] for row in rows), key=lambda name: name in FLOORS)
    told = {measure: word for measure, word in measures.items() if any(row["measure"] == measure for row in rows)}
    columns = list(dict.fromkeys((row["condition"], row["measure"]) for row in rows))
    several = len({condition for condition, _ in columns}) > 1
    names = [
        ", ".join(part for part in (condition if several else "", told[measure] if len(told) > 1 else "") if part)
        for condition, measure in columns
    ]
    if len(told) == 1:
        title = f"{title} ({next(iter(told.values()))})"
    cells = {(row["method"], row["condition"], row["measure"]): _cell(row) for row in rows}
    lines = [[cells.get((method, *column), "–") for column in columns] for method in methods]
    if len(columns) <= len(methods):
        return Table(title=title, head=["", *names], rows=_named(methods, lines))
    return Table(title=title, head=["", *methods], rows=_named(names, [list(one) for one in zip(*lines, strict=True)]))


def _named(names: Sequence[str], lines: Sequence[list[str]]) -> list[list[str]]:
    return [[name, *line] for name, line in zip(names, lines, strict=True)]


def _cell(row: Row) -> str:
    if row["refused"]:
        return f"refused: {row['refused']}"
    if not row["mean"]:
        return "–"
    edges = f" [{float(row['low']):.2f}, {float(row['high']):.2f}]" if row["low"] else ""
    blank = f", {row['blank']} blank" if int(row["blank"]) else ""
    return f"{float(row['mean']):.2f}{edges} of {row['images']}{blank}"
