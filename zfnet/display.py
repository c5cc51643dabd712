"""What a value shows of itself in a notebook: a title and a small table, as HTML."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray
from PIL import Image

CELL = 'style="text-align:left;padding:2px 12px 2px 0"'


def html_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], below: str = "") -> str:
    """A table of words, all escaped, under its title. below: HTML that stands under it."""
    head = "".join(f"<th {CELL}>{escape(name)}</th>" for name in columns)
    body = "".join("<tr>" + "".join(f"<td {CELL}>{escape(str(value))}</td>" for value in row) + "</tr>" for row in rows)
    return f"<div><b>{escape(title)}</b><table><tr>{head}</tr>{body}</table>{below}</div>"


def html_heat(values: NDArray[np.floating], *, high: float, words: str, side_px: int = 160) -> str:
    """Values (R, C) from 0 (black) to `high` (white), enlarged without smoothing, as a picture in the page."""
    grey = (255 * values / max(high, 1e-30)).clip(0, 255).astype(np.uint8)
    times = max(1, side_px // max(grey.shape))
    file = io.BytesIO()
    Image.fromarray(grey.repeat(times, 0).repeat(times, 1)).save(file, "PNG")
    data = base64.b64encode(file.getvalue()).decode()
    return f'<img alt="{escape(words)}" title="{escape(words)}" src="data:image/png;base64,{data}"/>'


def mebibytes(count: int) -> str:
    """A number of bytes in MiB."""
    return f"{count / 2**20:.1f} MiB"
