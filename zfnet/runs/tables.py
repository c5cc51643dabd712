"""Rows of numbers as CSV files, rewritten whole so that a resumed run never repeats a row."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from zfnet.files import write_text


def write_csv(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Write rows that share their keys; a crash leaves the old file or the new one. Without rows there is no file."""
    if not rows:
        path.unlink(missing_ok=True)
        return
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def read_csv(path: Path) -> list[dict[str, str]]:
    """The rows of a file that `write_csv` wrote: column -> text."""
    with open(path, newline="") as file:
        return list(csv.DictReader(file))
