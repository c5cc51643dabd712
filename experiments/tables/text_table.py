"""Tables on the console."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from zfnet.analysis import folds_interval


def print_columns(lines: Sequence[Sequence[str]]) -> None:
    """Rows of as many cells each, in columns as wide as their widest cell."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def mean_and_deviation(values: Sequence[float] | NDArray[np.float64], none: str = "-") -> str:
    """The mean; of several its sample deviation (n - 1), of three on the mean's 95 % interval; `none` where none is.

    The interval of two would be nine deviations to either side.
    """
    if not len(values):
        return none
    told = f"{np.mean(values):.1f}" + (f" ± {np.std(values, ddof=1):.1f}" if len(values) > 1 else "")
    if len(values) < 3:
        return told
    low, high = folds_interval(np.asarray(values))
    return f"{told} [{low:.1f}, {high:.1f}]"
