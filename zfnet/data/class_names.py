"""Readable class names, from the files that ImageNet-format data sets carry, and which class a word means."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from zfnet.files import shown

if TYPE_CHECKING:
    from zfnet.data.source import ImageSource  # torch, which packing does without

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
        text = source.read_text(encoding="utf-8-sig")
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


class Named(Protocol):
    """Classes by number: folder names, where they are known, and readable names. Every Network has them."""

    @property
    def wnids(self) -> tuple[str, ...]:
        """The folder name of each class; empty where only the readable names are known."""

    @property
    def names(self) -> tuple[str, ...]:
        """The readable name of each class."""


def class_number(word: str | int, network: Named) -> int:
    """The class meant by its folder name (wnid), its readable name in any case, or else its number.

    Where folders are called by numbers, 2 is the folder "2" and not the class that sorts third.
    Raises ValueError for one that is not there, with those that are written much like it, and for an ambiguous name.
    """
    found = _called(str(word), network)
    if not found and str(word).isdecimal() and int(word) < len(network.names):
        return int(word)
    return _only(found, word, network, f"; numbers go from 0 to {len(network.names) - 1}")


def class_of_folder(wnid: str, name: str, network: Named) -> int:
    """The class of a folder by its name, or else by the readable name that goes with it: a number is a name here.

    Raises ValueError as `class_number` does.
    """
    return network.wnids.index(wnid) if wnid in network.wnids else _only(_called(name, network), name, network)


def _only(found: list[int], word: str | int, network: Named, also: str = "") -> int:
    if len(found) == 1:
        return found[0]
    if found:
        raise ValueError(f"class {word!r} may be {' or '.join(map(str, found))}: give the number")
    close = difflib.get_close_matches(str(word), network.names, n=3) or network.names[:3]
    raise ValueError(f"class {word!r} is none of the network's {len(network.names)} (such as {', '.join(close)}){also}")


def classes_of(source: ImageSource, network: Named) -> list[int | None]:
    """For each class of the images the network's class, by folder names or else readable ones; None where unknown."""
    if source.wnids == network.wnids or (not network.wnids and len(source.wnids) == len(network.names)):
        return list(range(len(source.wnids)))
    if network.wnids:
        return [network.wnids.index(wnid) if wnid in network.wnids else None for wnid in source.wnids]
    meant = [_called(name, network) for name in source.names]
    return [found[0] if len(found) == 1 else None for found in meant]


def classes_of_images(source: ImageSource, network: Named) -> list[int | None]:
    """For each image the network's class: by its class of the data (`classes_of`), or else by its file's name.

    File names of the usual patterns tell it: n02111889_Samoyed.JPEG, Samoyed_12.jpg, n02111889_1234.JPEG where the
    network knows wnids. None where neither tells.
    """
    by_label = classes_of(source, network)
    return [
        by_label[label] if label >= 0 and by_label[label] is not None else _by_file(source.path(image), network)
        for image, label in enumerate(source.labels.tolist())
    ]


def _by_file(path: str, network: Named) -> int | None:
    stem = Path(path).stem
    wnid, _, name = stem.partition("_")
    words = [wnid, name, stem.rstrip("0123456789").rstrip("_- ")]
    for word in (word.replace("_", " ") for word in words if word and not word.isdigit()):
        found = _called(word, network)
        if len(found) == 1:
            return found[0]
    return None


def _called(word: str, network: Named) -> list[int]:
    """The classes of that name, never by number."""
    if word in network.wnids:
        return [network.wnids.index(word)]
    word = _plain(word)
    return [number for number, name in enumerate(network.names) if _plain(name) == word]


def _plain(name: str) -> str:
    """The first of several names ("tench, Tinca tinca"), in small letters."""
    return name.split(",")[0].strip().lower()
