"""Copies of a picture are found whatever was done to the file, other pictures are not."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zfnet.data.datasets.imagenet import list_folder
from zfnet.data.duplicates import BITS, DISTANCE, find_matches, hash_images, without
from zfnet.data.folder import FolderImages

COUNT = 12


def picture(seed: int) -> Image.Image:
    """240 x 180: colours at 9 x 12 places, smoothly between them, with grain."""
    generator = np.random.default_rng(seed)
    blobs = Image.fromarray(generator.integers(0, 256, (9, 12, 3), dtype=np.uint8))
    smooth = np.asarray(blobs.resize((240, 180), Image.Resampling.BICUBIC)).astype(int)
    return Image.fromarray((smooth + generator.integers(-10, 11, smooth.shape)).clip(0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """data/train: pictures 0 to 11. reference/train: 100 others, and 3 (smaller), 7 (larger, coarse) and 9 (grey)."""
    root = tmp_path_factory.mktemp("duplicates")
    for name in ("data/train/n1", "reference/train/m1"):
        (root / name).mkdir(parents=True)
    for seed in range(COUNT):
        picture(seed).save(root / f"data/train/n1/{seed:02d}.png")
    reference = root / "reference/train/m1"
    for seed in range(100):
        picture(1000 + seed).save(reference / f"{seed:03d}.jpg")
    picture(3).resize((120, 90), Image.Resampling.LANCZOS).save(reference / "small.jpg", quality=60)
    picture(7).resize((400, 300)).save(reference / "large.jpg", quality=25)
    picture(9).convert("L").save(reference / "grey.jpg", quality=80)
    (reference / "broken.jpg").write_bytes(b"\xff\xd8 cut short")
    return root


def source(root: Path, name: str, side_px: int = 64) -> FolderImages:
    return FolderImages(list_folder(root / name, "train"), side_px)


def test_copies_are_found_and_nothing_else(root: Path):
    data, reference = source(root, "data"), source(root, "reference", side_px=128)
    matches = find_matches(hash_images(data), hash_images(reference))
    named = [Path(reference.path(index)).stem for index in matches.second]
    assert matches.first.tolist() == [3, 7, 9]
    assert named == ["small", "large", "grey"]
    assert matches.bits.max() <= DISTANCE


def test_matches_are_those_of_counting_bits_one_pair_at_a_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("zfnet.data.duplicates.BLOCK", 7)
    generator = np.random.default_rng(0)
    others = generator.random((30, 1 + BITS)) < 0.5
    rows = others[generator.integers(30, size=20)]
    for number, row in enumerate(rows):
        row[1 + generator.permutation(BITS)[:number]] ^= True  # 0 to 19 bits apart
    rows[:, 0] = others[:, 0] = True
    rows[4, 0] = others[11, 0] = False
    matches = find_matches(rows, others, distance=12)
    expected = [
        (one, other, int((rows[one, 1:] != others[other, 1:]).sum()))
        for one in range(20)
        for other in range(30)
        if rows[one, 0] and others[other, 0] and (rows[one, 1:] != others[other, 1:]).sum() <= 12
    ]
    assert list(zip(matches.first, matches.second, matches.bits, strict=True)) == expected
    assert {bits for _, _, bits in expected} >= {0, 12}
    assert not len(find_matches(rows[:0], others).first)


@pytest.mark.parametrize("distance", [-1, 128, 300])
def test_a_distance_that_would_match_anything_is_refused(distance: int):
    rows = np.ones((2, 1 + BITS), bool)
    with pytest.raises(ValueError, match=f"distance={distance}, expected 0 to 127 bits"):
        find_matches(rows, rows, distance)


def test_hashes_are_kept_and_read_again(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    reference = source(root, "reference")
    rows = hash_images(reference, folder=tmp_path / "hashes")
    assert rows[:, 0].sum() == 103
    assert not rows[[Path(reference.path(index)).stem == "broken" for index in range(len(reference))]].any()
    monkeypatch.setattr(FolderImages, "read", lambda *words: pytest.fail("read again"))
    np.testing.assert_array_equal(hash_images(source(root, "reference"), folder=tmp_path / "hashes"), rows)


def test_hashes_that_are_damaged_or_of_fewer_images_are_made_again(root: Path, tmp_path: Path, caplog):
    data = source(root, "data")
    rows = hash_images(data, folder=tmp_path)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    np.save(tmp_path / "few.npy", np.load(path)[:3])
    np.savez(tmp_path / "zip.npz", np.load(path))
    others = [(tmp_path / name).read_bytes() for name in ("few.npy", "zip.npz")]
    for damaged in (b"", whole[:-1], b"x" + whole, whole.replace(b"(12, 33)", b"(9999999999999, 33)"), *others):
        path.write_bytes(damaged)
        np.testing.assert_array_equal(hash_images(data, folder=tmp_path), rows)
        assert path.read_bytes() == whole
    assert caplog.text.count(f"{path} holds no hashes of these images") == 6


def test_listed_images_are_left_out_by_folder_and_name(root: Path):
    data = source(root, "data")
    rest = without(data, ["/elsewhere/train/n1/03.png", "n1/07.png"])
    assert [Path(rest.path(index)).stem for index in range(len(rest))] == [
        f"{n:02d}" for n in range(12) if n not in (3, 7)
    ]
    with pytest.raises(ValueError, match=r"n2/99\.png \(and 1 more\) is to be left out but is not among these images"):
        without(data, ["n2/99.png", "n1/03.png", "n2/98.png"])


def test_a_missing_library_is_told(root: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "imagehash", None)
    with pytest.raises(ValueError, match=r"pip install 'zfnet\[duplicates\]'"):
        hash_images(source(root, "data"))
