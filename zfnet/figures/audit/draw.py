"""A figure for each question of an audit, from the rows of its table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure

from zfnet.figures.audit.cascade import draw_cascade
from zfnet.figures.audit.dots import Panel, draw_dots

Row = dict[str, Any]
LIKENESS = {"spearman": "Spearman of |values|", "ssim": "structural similarity", "cosine": "cosine"}
WAYS = {
    "deletion": "deletion (low: faithful)",
    "ROAD": "ROAD (low: faithful)",
    "insertion": "insertion (high: faithful)",
}
PLACES = (
    "object", "deciding parts", "among decoys", "boxes under 10 %", "boxes of 10 to 30 %", "boxes over 30 %",
)  # fmt: skip
KINDS = {"class": "class", "unit": "unit", "layer": "whole layer"}


@dataclass(frozen=True, kw_only=True)
class Question:
    """How a question is drawn. panels: by the key `across`, value -> title; along, colour: keys of a row."""

    title: str
    across: str
    panels: dict[str, str]
    along: str
    colour: str


QUESTIONS = {
    "switches": Question(
        title="Switches: how alike to its true picture is a deconvnet's with other switches, other seeds?",
        across="measure", panels=LIKENESS, along="condition", colour="method",
    ),
    "sensitivity": Question(
        title="Sensitivity: how alike are pictures of another class, another map, another image?",
        across="measure", panels=LIKENESS, along="method", colour="condition",
    ),
    "faithfulness": Question(
        title="Faithfulness: what is left of the value, the pixels called important taken away or put back",
        across="measure", panels=WAYS, along="method", colour="condition",
    ),
    "localisation": Question(
        title="Localisation: does the picture lie where the truth is?",
        across="condition",
        panels={name: name for name in PLACES}, along="method", colour="measure",
    ),
    "training": Question(
        title="Training matters: how alike are pictures of a network that learned otherwise, or nothing?",
        across="measure", panels=LIKENESS, along="method", colour="condition",
    ),
}  # fmt: skip


def questions_of(rows: Sequence[Row]) -> list[str]:
    """Those that the rows answer, in the order in which they are drawn."""
    there = {row["question"] for row in rows}
    return [name for name in ("cascade", *QUESTIONS) if name in there]


def draw_question(name: str, rows: Sequence[Row]) -> Figure:
    """The figure of one question. Blank and refused pictures are told beside their method."""
    if name == "cascade":
        return draw_cascade([row for row in rows if row["question"] in ("cascade", "sensitivity")])
    question, own = QUESTIONS[name], [row for row in rows if row["question"] == name]
    panels = []
    for kind, word in KINDS.items():
        of_kind = [row for row in own if row["target"] == kind]
        for value, title in question.panels.items():
            chosen = [row for row in of_kind if row[question.across] == value]
            if any(row["mean"] is not None for row in chosen):
                panels.append(Panel(row=word, title=title, rows=chosen))
    return draw_dots(question.title, panels, along=question.along, colour=question.colour)
