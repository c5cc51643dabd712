"""Layouts become lists of files and classes; each way in which a layout is wrong is told."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from zfnet.data.class_names import read_names
from zfnet.data.datasets.imagenet import ImageList, list_folder


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for split, count in (("train", 3), ("val", 2)):
        for wnid in ("n02", "n01", "n03"):
            touch(*(tmp_path / split / wnid / f"{wnid}_{index}.JPEG" for index in range(count)))
    return tmp_path


def test_classes_and_files_are_in_sorted_order(root: Path) -> None:
    images = list_folder(root, "train")
    assert images.wnids == ("n01", "n02", "n03")
    assert images.labels.dtype == np.int64
    assert images.labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert images.paths == sorted(str(path) for path in (root / "train").rglob("*.JPEG"))
    assert len(list_folder(root, "val")) == 6


def test_suffixes_in_any_case_and_nothing_else(root: Path) -> None:
    folder = root / "train" / "n01"
    touch(*(folder / name for name in ("a.jpg", "b.JPG", "c.png", "d.jpeg", "._a.jpg", "notes.txt", "Thumbs.db")))
    names = [Path(path).name for path in list_folder(root, "train").paths if "n01" in path]
    assert names == ["a.jpg", "b.JPG", "c.png", "d.jpeg", "n01_0.JPEG", "n01_1.JPEG", "n01_2.JPEG"]


def test_train_alone_is_enough(tmp_path: Path) -> None:
    touch(tmp_path / "train" / "n01" / "a.JPEG")
    assert list_folder(tmp_path, "train").wnids == ("n01",)


def error(root: Path, split: str) -> str:
    with pytest.raises(ValueError) as caught:
        list_folder(root, split)
    return str(caught.value)


def test_a_missing_root_is_named(tmp_path: Path) -> None:
    message = error(tmp_path / "gone", "train")
    assert message == f"{tmp_path / 'gone'}: no such folder; expected images as root/{{train,val}}/<wnid>/*.JPEG"


def test_a_root_without_splits_is_named(tmp_path: Path) -> None:
    assert error(tmp_path, "val").startswith(f"{tmp_path}: no val/ folder in it; expected root/{{train,val}}")


def test_the_split_folder_given_as_root_is_recognised(root: Path) -> None:
    assert error(root / "train", "train").endswith(f"did you mean its parent, {root}?")
    (root / "train").rename(root / "pictures")
    assert "seems to hold the classes of one split itself" in error(root / "pictures", "train")


def test_an_unknown_split_is_named(root: Path) -> None:
    assert error(root, "test") == "split 'test' is not one of train, val"


def test_an_empty_class_is_named(root: Path) -> None:
    for path in (root / "train" / "n02").iterdir():
        path.rename(path.with_suffix(".txt"))
    assert re.match(rf"{root}/train/n02: no images in this class folder .*\.jpeg, \.jpg", error(root, "train"))


@pytest.mark.parametrize(("only_in", "missing_from"), [("train", "val"), ("val", "train")])
def test_a_class_in_one_split_alone_is_named(root: Path, only_in: str, missing_from: str) -> None:
    touch(root / only_in / "n04" / "a.JPEG", root / only_in / "n05" / "a.JPEG")
    for split in ("train", "val"):
        expected = f"{root}: class n04 (and 1 more) is in {only_in}/ but missing from {missing_from}/"
        assert error(root, split).startswith(expected)


def test_images_lying_flat_in_val_ask_for_the_devkit(tmp_path: Path) -> None:
    touch(tmp_path / "train" / "n01" / "a.JPEG", tmp_path / "val" / "ILSVRC2012_val_00000001.JPEG")
    assert "give its devkit" in error(tmp_path, "val")
    assert list_folder(tmp_path, "train").wnids == ("n01",)


def test_digest_sees_content_and_not_the_place(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    images = list_folder(root, "train")
    before = images.digest(256)
    assert re.fullmatch("[0-9a-f]{16}", before)
    assert images.digest(128) != before
    assert ImageList(images.paths, images.labels[::-1].copy(), images.wnids, images.names).digest(256) != before
    moved = root.rename(tmp_path_factory.mktemp("other") / "moved")
    assert list_folder(moved, "train").digest(256) == before
    Path(list_folder(moved, "train").paths[4]).write_bytes(b"longer")
    assert list_folder(moved, "train").digest(256) != before


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])  # the latter is Windows's
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("words.txt", "n01\ttench, Tinca tinca\nn03\tgoldfish\nn99\tentity\n"),
        ("classes.tsv", "index\twnid\tname\n0\tn01\ttench, Tinca tinca\n\n7\tn03\tgoldfish\n"),
        ("classes.json", json.dumps({"n01": "tench, Tinca tinca", "n03": "goldfish"})),
    ],
)
def test_names_come_from_any_of_the_usual_files(root: Path, name: str, text: str, encoding: str) -> None:
    (root / name).write_text(text, encoding)
    assert list_folder(root, "val").names == ("tench, Tinca tinca", "n02", "goldfish")
    assert read_names(root / name)["n03"] == "goldfish"


def test_without_a_file_the_wnid_is_the_name(root: Path) -> None:
    assert list_folder(root, "train").names == ("n01", "n02", "n03")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("words.txt", "n01\ttench\nn02 goldfish\n", r"words\.txt: line 2 is 'n02 goldfish', expected wnid<TAB>name"),
        ("words.txt", "x" * 9_000_000, r"words\.txt: line 1 is 'x{60}' \.\.\. \(9,000,000 characters\), expected wnid"),
        (
            "words.txt",
            "n01\tL\xf6we\n".encode("latin-1"),
            r"words\.txt: not UTF-8 \(byte 0xf6 at 5\): save it",
        ),
        ("classes.json", b"\xff", r"classes\.json: not UTF-8 \(byte 0xff at 0\)"),
        ("classes.json", "[" * 9_000_000, r"classes\.json: not JSON"),
        ("classes.json", "{n01: tench}", r"classes\.json: not JSON .* expected \{wnid: name\}"),
        ("classes.json", '{"0": ["n01", "tench"]}', r"classes\.json: expected one JSON object of \{wnid: name\}"),
    ],
)
def test_a_broken_names_file_is_named_in_short(tmp_path: Path, name: str, text: str | bytes, message: str) -> None:
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match=message) as caught:
        read_names(tmp_path)
    assert len(str(caught.value)) < len(str(tmp_path)) + 200
