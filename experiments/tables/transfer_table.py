"""The table of a transfer job, beside the paper's."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from zfnet.analysis import folds_interval
from zfnet.figures.curves.fig9 import Curves, spread
from zfnet.runs import write_csv

Paper = Mapping[tuple[str, int], tuple[float, float]]  # (method, images a class) -> mean and deviation in %


def table_rows(curves: Curves, paper: Paper) -> Iterator[dict[str, Any]]:
    """A row a method and number of images: mean over the folds in %, sample deviation (nan of one), and the paper's."""
    for method, values in curves.accuracy.items():
        for count, own in zip(curves.per_class.tolist(), 100 * values, strict=True):
            theirs = paper.get((method, count), (math.nan, math.nan))
            yield {
                "method": method, "per_class": count, "folds": len(own), "mean": own.mean(),
                "deviation": spread(own) if len(own) > 1 else math.nan,
                **dict(zip(("low", "high"), folds_interval(own), strict=True)),
                "paper_mean": theirs[0], "paper_deviation": theirs[1],
            }  # fmt: skip


def show_table(curves: Curves, paper: Paper, *, of: str, path: Path) -> None:
    """Print the table beside the paper's numbers, which are `of` a data set, and save it as CSV."""
    rows = list(table_rows(curves, paper))
    print(f"\n{curves.title}; chance {100 * curves.chance:.1f} %")
    print("accuracy %, mean of the classes, ± standard deviation (n - 1) over folds [95 % interval of their mean]")
    print(f"{'':12}{'a class':>8}  {'here':>25}  the paper's, on {of}")
    for row in rows:
        theirs = "" if math.isnan(row["paper_mean"]) else f"{row['paper_mean']:.1f} ± {row['paper_deviation']:.1f}"
        here = f"{row['mean']:.1f}" + (f" ± {row['deviation']:.1f}" if row["folds"] > 1 else "")
        if row["folds"] > 2:
            here += f" [{row['low']:.1f}, {row['high']:.1f}]"
        print(f"{row['method']:12}{row['per_class']:8}  {here:>25}  {theirs}")
    write_csv(path, rows)
