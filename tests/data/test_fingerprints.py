"""A fingerprint follows the data and nothing else, and data is known by what earlier versions called it."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import zfnet.data.datasets.imagenet as imagenet
from zfnet.data.datasets.imagenet import list_folder
from zfnet.data.duplicates import hash_images
from zfnet.data.folder import FolderImages
from zfnet.data.pack import open_pack, write_pack
from zfnet.data.pack.journal import Journal
from zfnet.data.source import fingerprints, same_data
from zfnet.data.subset import Subset

EARLIER = "24d81d37ab25b2f3"  # of these files at 8 px, before contents and class names counted
EARLIER_OF_PART = "9f73ed00b61a81d2"  # and of images 4 and 1 of them


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for wnid in ("n0", "n1"):
        (tmp_path / "root" / "train" / wnid).mkdir(parents=True)
        for number in range(3):
            (tmp_path / "root" / "train" / wnid / f"{number}.png").write_bytes(bytes(10 + number))
    return tmp_path / "root"


def source(root: Path) -> FolderImages:
    return FolderImages(list_folder(root, "train"), 8)


def test_an_image_overwritten_at_its_size_is_noticed_and_a_copy_of_the_data_is_not(root: Path):
    before = source(root).fingerprint
    shutil.copytree(root, root.with_name("copy"), copy_function=shutil.copyfile)  # other times
    assert source(root.with_name("copy")).fingerprint == before
    path = root / "train" / "n1" / "1.png"
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    path.write_bytes(b"\1" * 11)
    os.utime(path, ns=times)
    assert source(root).fingerprint != before


def test_readable_names_of_classes_count(root: Path):
    before = source(root).fingerprint
    (root / "words.txt").write_text("n0\tcat\nn1\tdog\n")
    named = source(root).fingerprint
    (root / "words.txt").write_text("n0\tdog\nn1\tcat\n")
    assert len({before, named, source(root).fingerprint}) == 3


def test_of_many_files_a_sample_is_looked_at_and_only_their_beginning(root: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(imagenet, "SAMPLED_FILES", 3)
    monkeypatch.setattr(imagenet, "SAMPLED_BYTES", 8)
    before, noticed = source(root).fingerprint, []
    for number, path in enumerate(list_folder(root, "train").paths):
        whole = Path(path).read_bytes()
        for place in (0, 9):
            Path(path).write_bytes(whole[:place] + b"\1" + whole[place + 1 :])
            noticed += [(number, place)] * (source(root).fingerprint != before)
        Path(path).write_bytes(whole)
    assert noticed == [(0, 0), (2, 0), (5, 0)]


def test_pipes_and_missing_files_are_passed_over(root: Path):
    os.mkfifo(root / "train" / "n0" / "pipe.png")
    images = list_folder(root, "train")
    (root / "train" / "n1" / "1.png").unlink()
    assert len(images.digest()) == 16


def test_what_an_earlier_version_called_the_same_data_is_known(root: Path):
    whole, part = source(root), Subset(source(root), np.array([4, 1]))
    assert fingerprints(whole) == (whole.fingerprint, EARLIER)
    assert fingerprints(part) == (part.fingerprint, EARLIER_OF_PART)
    for images, earlier in ((whole, EARLIER), (part, EARLIER_OF_PART)):
        assert same_data(images, earlier)
        assert same_data(images, images.fingerprint)
        assert not same_data(images, "24d81d37ab25b2f4")
    (root / "train" / "n1" / "1.png").write_bytes(b"longer than before")
    assert not same_data(source(root), EARLIER)


def picture(path: Path, grey: int) -> None:
    Image.new("L", (8, 8), grey).save(path)


def test_a_pack_follows_class_names_and_its_pixels_and_is_known_by_what_it_was_called(root: Path, tmp_path: Path):
    for number, path in enumerate(sorted(root.rglob("*.png"))):
        picture(path, 30 * number)
    pack = write_pack(list_folder(root, "train"), tmp_path / "pack", 8, workers=1)
    summary = json.loads((tmp_path / "pack" / "pack.json").read_text())
    assert same_data(pack, summary["fingerprint"])
    before = pack.fingerprint
    assert open_pack(tmp_path / "pack").fingerprint == before != summary["fingerprint"]
    (tmp_path / "pack" / "pack.json").write_text(json.dumps({**summary, "names": ["cat", "dog"]}))
    assert open_pack(tmp_path / "pack").fingerprint != before
    (tmp_path / "pack" / "pack.json").write_text(json.dumps(summary))
    with open(tmp_path / "pack" / "pixels.npy", "r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\0")
    assert open_pack(tmp_path / "pack").fingerprint != before


def test_packing_again_notices_an_image_overwritten_at_its_size(root: Path, tmp_path: Path):
    for path in root.rglob("*.png"):
        picture(path, 100)
    images = list_folder(root, "train")
    write_pack(images, tmp_path / "pack", 8, workers=1)
    size = Path(images.paths[2]).stat().st_size
    picture(Path(images.paths[2]), 101)
    assert Path(images.paths[2]).stat().st_size == size
    with pytest.raises(ValueError, match="already a pack of other images"):
        write_pack(images, tmp_path / "pack", 8, workers=1)


def test_a_pack_that_an_earlier_version_made_or_began_is_used(root: Path, tmp_path: Path, capsys):
    for path in root.rglob("*.png"):
        picture(path, 100)
    images = list_folder(root, "train")
    earlier = images.earlier_digest(8)
    (tmp_path / "pack.partial").mkdir()
    with Journal(tmp_path / "pack.partial", earlier, 8, len(images)):
        pass
    assert write_pack(images, tmp_path / "pack", 8, workers=1).source == earlier
    write_pack(images, tmp_path / "pack", 8, workers=1)
    assert "already packed from these files, reused (0 skipped)" in capsys.readouterr().out


def test_perceptual_hashes_kept_by_an_earlier_fingerprint_are_used(array_source, tmp_path: Path):
    images = array_source(4)
    rows = hash_images(images, folder=tmp_path)
    images.earlier_fingerprints = ("arrays",)
    type(images).fingerprint, before = "now", type(images).fingerprint
    try:
        images.read = None
        assert (hash_images(images, folder=tmp_path) == rows).all()
    finally:
        type(images).fingerprint = before
