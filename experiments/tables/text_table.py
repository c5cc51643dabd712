"""Tables on the console."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def print_columns(lines: Sequence[Sequence[str]]) -> None:
    """Rows of as many cells each, in columns as wide as their widest cell."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def mean_and_deviation(values: Sequence[float] | NDArray[np.float64]) -> str:
    """The mean, with the sample deviation (n - 1) where there are several; a dash where there is none."""
    if not len(values):
        return "-"
    return f"{np.mean(values):.1f}" + (f" ± {np.std(values, ddof=1):.1f}" if len(values) > 1 else "")
