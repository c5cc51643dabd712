"""Which class a word, a folder or a file means, where names look like numbers."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from zfnet.data import class_number, class_of_folder, classes_of, classes_of_images, list_any_folder
from zfnet.data.folder import FolderImages


class Classes(NamedTuple):
    wnids: tuple[str, ...]
    names: tuple[str, ...]


DIGITS = Classes(("0", "1", "10", "2", "5"), ("0", "1", "10", "2", "5"))
NAMED = Classes(("0", "1", "10", "2", "5"), ("nought", "one", "ten", "two", "five"))
ZOO = Classes((), ("tench", "goldfish", "white shark", "7"))


@pytest.mark.parametrize(
    ("word", "network", "expected"),
    [
        *((word, network, at) for network in (DIGITS, NAMED) for at, word in enumerate(DIGITS.wnids)),
        *((int(word), DIGITS, at) for at, word in enumerate(DIGITS.wnids)),
        (4, DIGITS, 4),  # nothing is called so
        ("Ten", NAMED, 2),
        (1, ZOO, 1),
        (7, ZOO, 3),
        ("goldfish", ZOO, 1),
    ],
)
def test_a_name_counts_before_a_number(word: str | int, network: Classes, expected: int):
    assert class_number(word, network) == expected


@pytest.mark.parametrize("word", [8, "11", "-1", "²"])
def test_a_number_beyond_the_classes_is_told(word: str | int):
    with pytest.raises(ValueError, match=r"is none of the network's 5 .*numbers go from 0 to 4"):
        class_number(word, NAMED)


def test_a_folder_is_no_number(tmp_path: Path):
    for folder in ("1", "7", "goldfish"):
        (tmp_path / folder).mkdir()
        Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(tmp_path / folder / "a.png")
    source = FolderImages(list_any_folder(tmp_path), 8)
    assert source.wnids == ("1", "7", "goldfish")
    assert classes_of(source, ZOO) == [None, 3, 1]
    assert classes_of_images(source, ZOO) == [None, 3, 1]
    assert class_of_folder("10", "10", DIGITS) == class_of_folder("n0", "ten", NAMED) == 2
    with pytest.raises(ValueError, match=r"class '1' is none of the network's 4 \(such as tench, [^;]*\)$"):
        class_of_folder("1", "1", ZOO)


def test_a_linked_folder_is_a_class_and_a_hidden_one_is_none(tmp_path: Path):
    root = tmp_path / "root"
    for path in (root / "cat" / ".ipynb_checkpoints", root / "dog", tmp_path / "elsewhere"):
        path.mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(path / "1.png")
    (root / "hen").symlink_to(tmp_path / "elsewhere")
    Image.new("RGB", (8, 8)).save(root / "cat" / "2.png")
    (root / "dog" / "back").symlink_to(root)
    listed = list_any_folder(root)
    assert listed.wnids == ("cat", "dog", "hen")
    assert [Path(path).relative_to(root).as_posix() for path in listed.paths] == ["cat/2.png", "dog/1.png", "hen/1.png"]
