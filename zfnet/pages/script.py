"""Data for a page as a script: a page that was opened from a file may load scripts, and may not fetch JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

DIGITS = 5  # that count, of numbers with a fraction
ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def as_script(call: str, key: str, value: Any) -> str:
    """A line of JavaScript that hands the value over: call("key", value);

    Whatever stands in its texts, they neither end a script element nor a line. nan and infinity become null.
    """
    text = json.dumps([key, plain(value)], ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for odd, escaped in ESCAPES.items():
        text = text.replace(odd, escaped)
    return f"{call}(...{text});\n".encode("utf-8", "replace").decode()


def plain(value: Any) -> Any:
    """Arrays, numpy's numbers and mappings as what JSON knows; numbers with a fraction rounded to DIGITS that count."""
    if value is None or type(value) in (int, str, bool):  # most of what there is, told fastest
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return int(value) if value == int(value) and abs(value) < 1e15 else float(f"{value:.{DIGITS}g}")
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(one) for one in value]
    return value if isinstance(value, str | bool | int) else str(value)
