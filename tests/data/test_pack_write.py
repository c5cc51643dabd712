"""A pack holds what the files show, whatever the number of workers; bad images, bad places and full disks."""

from __future__ import annotations

import json
import shutil
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from packing import COUNT, SIDE_PX, contents, damage, make_images, squares

from zfnet.data.datasets.imagenet import ImageList
from zfnet.data.decode import UnreadableImage
from zfnet.data.pack import open_pack, write_pack
from zfnet.data.pack.layout import pack_bytes
from zfnet.data.workers import AHEAD, in_order


@pytest.fixture
def images(tmp_path: Path) -> ImageList:
    return make_images(tmp_path / "root")


def test_pixels_labels_and_paths_are_the_files(tmp_path: Path, images: ImageList) -> None:
    write_pack(images, tmp_path / "pack", SIDE_PX, workers=1)
    assert (np.load(tmp_path / "pack" / "pixels.npy", mmap_mode="r") == squares(images)).all()
    assert (np.load(tmp_path / "pack" / "labels.npy") == np.repeat([0, 1, 2], COUNT // 3)).all()
    assert [path.decode() for path in np.load(tmp_path / "pack" / "paths.npy")] == images.paths
    assert not (tmp_path / "pack.partial").exists()


def test_mean_is_numpys_in_float64(tmp_path: Path, images: ImageList) -> None:
    mean = write_pack(images, tmp_path / "pack", SIDE_PX, workers=1).mean()
    expected = squares(images).astype(np.float64).mean(axis=0).transpose(2, 0, 1)
    assert mean.dtype == np.float32
    assert (mean == expected.astype(np.float32)).all()


def test_the_number_of_workers_changes_no_byte(tmp_path: Path, images: ImageList) -> None:
    damage(images, 3, 300, 590)
    write_pack(images, tmp_path / "one", SIDE_PX, workers=1)
    write_pack(images, tmp_path / "three", SIDE_PX, workers=3)
    assert contents(tmp_path / "one") == contents(tmp_path / "three")


def test_the_fingerprint_follows_pixels_labels_and_names_alone(tmp_path: Path, images: ImageList) -> None:
    first = write_pack(images, tmp_path / "a", SIDE_PX, workers=1).fingerprint
    moved = [path.replace(str(tmp_path / "root"), str(tmp_path / "elsewhere")) for path in images.paths]
    shutil.copytree(tmp_path / "root", tmp_path / "elsewhere")
    again = ImageList(moved, images.labels, images.wnids, images.names)
    assert write_pack(again, tmp_path / "b", SIDE_PX, workers=1).fingerprint == first
    labels = images.labels.copy()
    labels[0] = 1
    relabelled = ImageList(images.paths, labels, images.wnids, images.names)
    assert write_pack(relabelled, tmp_path / "c", SIDE_PX, workers=1).fingerprint != first
    shutil.copy(images.paths[1], images.paths[0])
    assert write_pack(images, tmp_path / "d", SIDE_PX, workers=1).fingerprint != first


def test_skipped_images_leave_no_gap(tmp_path: Path, images: ImageList, capsys: pytest.CaptureFixture[str]) -> None:
    expected = squares(images)
    bad = [0, 255, 256, 598]  # the last is in the part that is cut off anyway
    damage(images, *bad)
    pack = write_pack(images, tmp_path / "pack", SIDE_PX, workers=1)
    good = np.delete(np.arange(COUNT), bad)
    place = {path: index for index, path in enumerate(images.paths)}
    order = [place[pack.path(row)] for row in range(len(pack))]
    pixels = np.load(tmp_path / "pack" / "pixels.npy")
    assert sorted(order) == good.tolist()
    assert (pixels == expected[order]).all()
    assert (pack.labels == images.labels[order]).all()
    assert np.abs(pack.mean() - expected[good].astype(np.float64).mean(axis=0).transpose(2, 0, 1)).max() < 1e-4
    reasons = json.loads((tmp_path / "pack" / "pack.json").read_text())["skipped"]
    assert [reason.partition(": not an image of ")[0] for reason in reasons] == [images.paths[index] for index in bad]
    printed = capsys.readouterr().out
    assert "596 images of 3 classes packed, 4 skipped" in printed
    assert all(f"  skipped {reason}\n" in printed for reason in reasons)


@pytest.mark.parametrize("workers", [1, 2])
def test_strict_stops_at_the_first(tmp_path: Path, images: ImageList, workers: int) -> None:
    damage(images, 300)
    with pytest.raises(UnreadableImage, match=r"n01/100\.png: not an image"):
        write_pack(images, tmp_path / "pack", SIDE_PX, workers, strict=True)
    assert not (tmp_path / "pack").exists()
    assert len(write_pack(images, tmp_path / "pack", SIDE_PX, workers)) == COUNT - 1


def test_strict_does_not_take_over_skipped_images(tmp_path: Path, images: ImageList) -> None:
    damage(images, 10, *range(200, 400))
    with pytest.raises(ValueError, match=r"n01/000\.png: neither this nor any other image of class n01 can be read"):
        write_pack(images, tmp_path / "pack", SIDE_PX, workers=1)
    with pytest.raises(UnreadableImage, match=r"n00/010\.png"):
        write_pack(images, tmp_path / "pack", SIDE_PX, workers=1, strict=True)


def test_strict_does_not_take_a_pack_that_left_images_out(tmp_path: Path, images: ImageList) -> None:
    damage(images, 10, 20)
    write_pack(images, tmp_path / "pack", SIDE_PX, workers=1)
    with pytest.raises(
        ValueError, match=r"pack: already packed without 2 images .*n00/010\.png.* and strict allows none"
    ):
        write_pack(images, tmp_path / "pack", SIDE_PX, workers=1, strict=True)


def test_a_pack_of_the_same_is_reused(tmp_path: Path, images: ImageList, capsys: pytest.CaptureFixture[str]) -> None:
    write_pack(images, tmp_path / "pack", SIDE_PX, workers=1)
    before = (tmp_path / "pack" / "pixels.npy").stat().st_mtime_ns
    write_pack(images, tmp_path / "pack", SIDE_PX, workers=1)
    assert "already packed from these files, reused" in capsys.readouterr().out
    assert (tmp_path / "pack" / "pixels.npy").stat().st_mtime_ns == before


def test_a_pack_whose_classes_have_other_names_now_says_so(tmp_path: Path, images: ImageList) -> None:
    write_pack(images, tmp_path / "pack", SIDE_PX, workers=1)
    named = replace(images, names=(*images.names[:-1], "zebra"))
    told = rf"classes had other names \('{images.names[-1]}' is 'zebra' now\): give the pack itself"
    with pytest.raises(ValueError, match=told):
        write_pack(named, tmp_path / "pack", SIDE_PX, workers=1)


def test_a_pack_of_something_else_is_kept(tmp_path: Path, images: ImageList) -> None:
    write_pack(images, tmp_path / "pack", SIDE_PX, workers=1)
    with pytest.raises(ValueError, match=r"pack: already a pack of other images \(list \w+, 600 images, side 8\)"):
        write_pack(images, tmp_path / "pack", SIDE_PX - 1, workers=1)
    assert len(open_pack(tmp_path / "pack")) == COUNT


def test_a_folder_that_is_no_pack_is_kept(tmp_path: Path, images: ImageList) -> None:
    (tmp_path / "thesis").mkdir()
    with pytest.raises(ValueError, match="thesis: not a pack"):
        write_pack(images, tmp_path / "thesis", SIDE_PX)


def test_a_full_disk_is_told_before_anything_is_written(
    tmp_path: Path, images: ImageList, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 10**9, 1_000))
    with pytest.raises(ValueError, match=r"partial: the pack needs 0\.1 MB and its disk has 0\.0 MB free; free some"):
        write_pack(images, tmp_path / "pack", SIDE_PX)
    assert not (tmp_path / "pack.partial").exists()


def test_imagenet_takes_252_gb() -> None:
    assert round(pack_bytes(1_281_167, 256) / 1e9) == 252


def test_the_size_comes_first(tmp_path: Path, images: ImageList, capsys: pytest.CaptureFixture[str]) -> None:
    write_pack(images, tmp_path / "pack", SIDE_PX, workers=1)
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith(f"{tmp_path / 'pack'}: packing 600 images at 8 px into 0.1 MB (")
    assert abs(sum(map(len, contents(tmp_path / "pack").values())) - pack_bytes(COUNT, SIDE_PX)) < 150 * COUNT


def test_nothing_to_pack_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="0 images at 8 px"):
        write_pack(ImageList([], np.zeros(0, np.int64), (), ()), tmp_path / "pack", SIDE_PX)


def test_tasks_are_drawn_only_a_few_ahead() -> None:
    """The memory of a long list stays flat because no more than AHEAD tasks a worker are ever under way."""
    drawn = 0

    def tasks() -> object:
        nonlocal drawn
        for task in range(50):
            drawn += 1
            yield task

    for done, result in enumerate(in_order(abs, tasks(), workers=2)):
        assert result == done
        assert drawn <= done + 2 * AHEAD
