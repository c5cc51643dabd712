"""Readable class names from the files that ImageNet-format data sets carry."""

from __future__ import annotations

import json
from pathlib import Path

from zfnet.files import shown

LINE_SHOWN = 60  # characters of a wrong line in a message
NAME_FILES = ("words.txt", "classes.tsv", "classes.json")


def read_names(source: str | Path) -> dict[str, str]:
    """wnid -> name, from a mapping file, or from the first of NAME_FILES in a folder; empty where it has none of them.

    A .json file holds {wnid: name}; any other is lines of wnid<TAB>name, as words.txt is, or of columns that a first
    line with "wnid" and "name" among them explains (index<TAB>wnid<TAB>name). Raises ValueError on what is neither.
    """
    source = Path(source)
    if source.is_dir():
        found = [source / name for name in NAME_FILES if (source / name).is_file()]
        return read_names(found[0]) if found else {}
    try:
        text = source.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{shown(source)}: not UTF-8 (byte {error.object[error.start]:#x} at {error.start:,}): save it as UTF-8"
        ) from error
    return _from_json(source, text) if source.suffix == ".json" else _from_lines(source, text)


def _from_json(source: Path, text: str) -> dict[str, str]:
    try:
        names = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"{source}: not JSON ({error}); expected {{wnid: name}}") from error
    if not isinstance(names, dict) or not all(isinstance(name, str) for name in names.values()):
        raise ValueError(f"{source}: expected one JSON object of {{wnid: name}}, both strings")
    return names


def _from_lines(source: Path, text: str) -> dict[str, str]:
    rows = [line.split("\t") for line in text.splitlines()]
    wnid, name, first = 0, 1, 0
    if rows and {"wnid", "name"} <= set(rows[0]):
        wnid, name, first = rows[0].index("wnid"), rows[0].index("name"), 1
    names = {}
    for number, row in enumerate(rows[first:], start=first + 1):
        if row == [""]:
            continue
        if len(row) <= max(wnid, name):
            line = "\t".join(row)
            found = repr(line) if len(line) <= LINE_SHOWN else f"{line[:LINE_SHOWN]!r} ... ({len(line):,} characters)"
            raise ValueError(f"{source}: line {number} is {found}, expected wnid<TAB>name")
        names[row[wnid].strip()] = row[name].strip()
    return names
