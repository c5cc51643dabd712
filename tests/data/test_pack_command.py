"""scripts/pack_imagenet: both splits, what it says, and how it ends when something is wrong."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zfnet.data.pack import open_pack
from zfnet.data.pack.__main__ import main
from zfnet.data.pack.layout import pack_bytes


@pytest.fixture
def root(tmp_path: Path) -> Path:
    generator = np.random.default_rng(0)
    for split, count in (("train", 4), ("val", 2)):
        for wnid in ("n01", "n02"):
            folder = tmp_path / "root" / split / wnid
            folder.mkdir(parents=True)
            for index in range(count):
                Image.fromarray(generator.integers(0, 256, (9, 12, 3), dtype=np.uint8)).save(folder / f"{index}.png")
    return tmp_path / "root"


def pack(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["pack_imagenet", *map(str, arguments)])
    main()


def test_packs_both_splits_and_says_how_to_train(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "train" / "n01" / "2.png").write_bytes(b"")
    pack(monkeypatch, "--root", root, "--out", tmp_path / "out", "--side", 8, "--workers", 1)
    train, val = open_pack(tmp_path / "out" / "train"), open_pack(tmp_path / "out" / "val")
    assert (len(train), len(val), train.side_px, train.wnids) == (7, 4, 8, ("n01", "n02"))
    printed = capsys.readouterr().out
    assert f"skipped {root}/train/n01/2.png: not an image" in printed
    *_, of_train, of_val, command = printed.splitlines()
    assert of_train.endswith(f"MB, 7 images, 1 skipped, data {train.fingerprint}")
    assert of_val.endswith(f"MB, 4 images, 0 skipped, data {val.fingerprint}")
    assert command.endswith(f"zfnet train data=imagenet_pack data.root={tmp_path / 'out'}")


def test_one_split_alone(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pack(monkeypatch, "--root", root, "--out", tmp_path / "out", "--side", 8, "--split", "val")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["val"]


def test_a_shell_takes_the_command_as_it_is(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pack(monkeypatch, "--root", root, "--out", tmp_path / "my pack's", "--side", 8, "--split", "val")
    command = capsys.readouterr().out.splitlines()[-1].partition(": ")[2]
    assert shlex.split(command)[-1] == f"data.root={tmp_path}/my pack's"


def test_an_error_is_one_line(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        SystemExit, match=r"^error: .*train: no train/ folder in it; .* did you mean its parent, .*root\?$"
    ):
        pack(monkeypatch, "--root", root / "train", "--out", tmp_path / "out")
    (root / "val" / "n02" / "1.png").write_bytes(b"")
    with pytest.raises(SystemExit, match=r"^error: .*val/n02/1\.png: not an image"):
        pack(monkeypatch, "--root", root, "--out", tmp_path / "out", "--side", 8, "--strict")


def test_the_disk_must_hold_both_splits(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Room for the training images alone is found out at the start, not after hours."""
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 0, pack_bytes(8, 8) + 100))
    with pytest.raises(SystemExit, match=r"^error: .*out: the pack needs 0\.0 MB and its disk has"):
        pack(monkeypatch, "--root", root, "--out", tmp_path / "out", "--side", 8)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("option", ["--side", "--workers"])
def test_numbers_below_one_are_refused(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    with pytest.raises(SystemExit):
        pack(monkeypatch, "--root", root, "--out", tmp_path / "out", option, 0)
    assert f"{option} 0: expected at least 1" in capsys.readouterr().err
