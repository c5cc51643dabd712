"""Caltech-101 and Caltech-256 in the very layout of the originals: what is listed, and the pixels that come out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torchvision.datasets import Caltech101, Caltech256

from zfnet.data.datasets.caltech import list_caltech101, list_caltech256
from zfnet.data.folder import FolderImages
from zfnet.data.image_data import ImageData
from zfnet.data.source import UNREADABLE

GREY_VALUE = 77


def write_jpeg(path: Path, number: int, grey: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((40, 60, 3), (200, 10 * number, 30), np.uint8)
    Image.fromarray(np.full((40, 60), GREY_VALUE, np.uint8) if grey else pixels).save(path, quality=95)


@pytest.fixture
def caltech101(tmp_path: Path) -> Path:
    """Three categories, one of them grey, the background with its stray file, and (empty) annotations."""
    folder = tmp_path / "caltech101"
    for category, count in (("Faces", 3), ("accordion", 2), ("yin_yang", 1), ("BACKGROUND_Google", 2)):
        for number in range(1, count + 1):
            image = folder / "101_ObjectCategories" / category / f"image_{number:04d}.jpg"
            write_jpeg(image, number, grey=category == "yin_yang")
    (folder / "101_ObjectCategories" / "BACKGROUND_Google" / "tmp").touch()
    (folder / "Annotations" / "Faces_2").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def caltech256(tmp_path: Path) -> Path:
    """Two categories, one with the original's stray file, and the clutter."""
    folder = tmp_path / "caltech256" / "256_ObjectCategories"
    for place, (category, count) in enumerate((("001.ak47", 2), ("002.american-flag", 3), ("003.clutter", 2)), start=1):
        for number in range(1, count + 1):
            write_jpeg(folder / category / f"{place:03d}_{number:04d}.jpg", number)
    (folder / "002.american-flag" / "RENAME2").touch()
    return tmp_path


def test_caltech101_has_its_categories_and_no_background(caltech101: Path):
    images = list_caltech101(caltech101)
    assert images.wnids == images.names == ("Faces", "accordion", "yin_yang")
    assert images.labels.tolist() == [0, 0, 0, 1, 1, 2]
    named = ["/".join(Path(path).parts[-2:]) for path in images.paths]
    assert named[2:4] == ["Faces/image_0003.jpg", "accordion/image_0001.jpg"]
    assert all(Path(path).is_file() for path in images.paths)


def test_caltech256_has_its_categories_and_no_clutter(caltech256: Path):
    images = list_caltech256(caltech256)
    assert images.wnids == ("001.ak47", "002.american-flag")
    assert images.names == ("ak47", "american-flag")
    assert images.labels.tolist() == [0, 0, 1, 1, 1]
    assert Path(images.paths[-1]).name == "002_0003.jpg"
    assert all(Path(path).is_file() for path in images.paths)


def test_the_files_are_those_that_torchvision_itself_opens(caltech101: Path, caltech256: Path):
    for theirs, ours in ((Caltech101(caltech101), list_caltech101(caltech101)),
                         (Caltech256(str(caltech256)), list_caltech256(caltech256))):  # fmt: skip
        for index, (path, label) in enumerate(zip(ours.paths, ours.labels, strict=True)):
            picture, target = theirs[index]
            assert (picture.filename, target) == (path, label)


def test_images_are_prepared_as_imagenet_s_and_grey_ones_become_rgb(caltech101: Path):
    source = ImageData(str(caltech101), "caltech101", side=20).open("all")
    squares, labels = source.read(range(len(source)))
    assert squares.shape == (6, 3, 20, 20)
    for index in range(5):
        halved = Image.open(source.path(index)).resize((30, 20), Image.Resampling.BILINEAR).crop((5, 0, 25, 20))
        np.testing.assert_allclose(squares[index].permute(1, 2, 0).numpy(), np.asarray(halved), atol=1)
    assert labels.tolist() == [0, 0, 0, 1, 1, 2]
    assert np.abs(squares[5].numpy().astype(int) - GREY_VALUE).max() <= 1


def test_a_pack_of_caltech_holds_what_the_files_do(caltech256: Path, tmp_path: Path):
    packed = ImageData(str(caltech256), "caltech256", side=16, pack=str(tmp_path / "pack"))
    packed.prepare()
    decoded = FolderImages(list_caltech256(caltech256), 16)
    assert len(packed.open("all")) == len(decoded) == 5
    assert (packed.open("all").read(range(5))[0] == decoded.read(range(5))[0]).all()
    assert packed.open("all").path(3) == decoded.path(3)


def test_a_picture_that_is_named_wrong_is_told_as_unreadable(caltech101: Path):
    """torchvision counts files: a foreign one makes it look for a picture that is not there."""
    (caltech101 / "caltech101" / "101_ObjectCategories" / "Faces" / "Thumbs.db").touch()
    source = FolderImages(list_caltech101(caltech101), 16)
    assert source.read(range(4))[1].tolist() == [0, 0, 0, UNREADABLE]


@pytest.mark.parametrize(("kind", "missing"), [("caltech101", "101_Object"), ("caltech256", "256_Object")])
def test_a_missing_root_says_what_was_expected_and_makes_nothing(tmp_path: Path, kind: str, missing: str):
    with pytest.raises(ValueError, match=rf"expected {kind}/{missing}.*data\.download=true"):
        ImageData(str(tmp_path / "nowhere"), kind).open("all")
    assert not (tmp_path / "nowhere").exists()


def test_a_category_missing_from_caltech256_is_told(caltech256: Path):
    folder = caltech256 / "caltech256" / "256_ObjectCategories"
    (folder / "002.american-flag").rename(folder / "004.american-flag")
    with pytest.raises(ValueError, match=r"003\.clutter where category 002 was expected"):
        list_caltech256(caltech256)


def test_caltech_has_no_train_and_val_and_others_cannot_be_downloaded(caltech101: Path):
    with pytest.raises(ValueError, match="split 'train' is not one of all"):
        ImageData(str(caltech101), "caltech101").open("train")
    with pytest.raises(ValueError, match=r"nobody offers data\.kind=images for download"):
        ImageData(str(caltech101), download=True).prepare()


def test_what_is_there_is_not_downloaded_again(caltech101: Path, monkeypatch: pytest.MonkeyPatch):
    def no_network(*args: object, **kwargs: object) -> None:
        raise AssertionError("asked the network")

    monkeypatch.setattr("torchvision.datasets.caltech.download_and_extract_archive", no_network)
    data = ImageData(str(caltech101), "caltech101", side=16, download=True)
    data.prepare()
    assert len(data.open("all")) == 6
    with pytest.raises(AssertionError, match="asked the network"):
        ImageData(str(caltech101 / "new"), "caltech101", download=True).prepare()


@pytest.mark.parametrize(("kind", "name"), [("caltech101", "Caltech-101"), ("caltech256", "Caltech-256")])
def test_a_failed_download_is_told_with_the_layout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, name: str
):
    def no_network(*args: object, **options: object) -> None:
        raise RuntimeError("File not found\nor corrupted.")

    monkeypatch.setattr("torchvision.datasets.caltech.download_and_extract_archive", no_network)
    told = rf"{name} could not be downloaded into \S+ \(File not found or corrupted\.\).*expected in it: {kind}/"
    with pytest.raises(ValueError, match=told):
        ImageData(str(tmp_path), kind, download=True).prepare()
