"""An audit on the console: the lines that a reader wants first; the whole table is audit.csv."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Row = dict[str, Any]
FIRST = {  # by question the measure that is told
    "cascade": "spearman", "switches": "spearman", "sensitivity": "spearman", "training": "spearman",
    "faithfulness": "ROAD", "localisation": "energy",
}  # fmt: skip


def print_summary(rows: Sequence[Row]) -> None:
    """A line a method and condition, with its interval; and what was refused or blank."""
    for question, measure in FIRST.items():
        chosen = [row for row in rows if row["question"] == question and row["measure"] == measure]
        if chosen:
            print(f"\n{question}: {measure}, mean with its 95 % bootstrap interval over images")
        for row in chosen:
            print(f"  {row['target']:6}{row['method']:22}{row['condition']:34}{_value(row)}{_odd(row)}")
    refused = {(row["method"], row["refused"]) for row in rows if row["refused"]}
    for method, reason in sorted(refused):
        print(f"\n{method} refused: {reason}")


def _value(row: Row) -> str:
    if row["mean"] is None:
        return "refused" if row["refused"] else "-"
    edges = "" if row["low"] is None else f" [{row['low']:.2f}, {row['high']:.2f}]"
    return f"{row['mean']:5.2f}{edges} of {row['images']}"


def _odd(row: Row) -> str:
    if not row["blank"]:
        return ""
    without = row["mean_without_blank"]
    return f"; {row['blank']} blank" + ("" if without is None else f", {without:.2f} without them")


def scalars_of(rows: Sequence[Row]) -> dict[str, float]:
    """For TensorBoard."""
    return {
        "/".join(("audit", row["question"], row["target"], row["method"], row["condition"], row["measure"])).replace(
            " ", "_"
        ): row["mean"]
        for row in rows
        if row["mean"] is not None and row["measure"] == FIRST[row["question"]]
    }
