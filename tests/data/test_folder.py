"""Folder images: squares, labels and means against Pillow and numpy; unreadable files; life in a loader worker."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from zfnet.data.datasets.imagenet import list_folder
from zfnet.data.decode import UnreadableImage
from zfnet.data.folder import FolderImages
from zfnet.data.source import UNREADABLE

SIDE_PX = 8


@pytest.fixture
def root(tmp_path: Path) -> Path:
    generator = np.random.default_rng(0)
    for wnid in ("n01", "n02"):
        folder = tmp_path / "train" / wnid
        folder.mkdir(parents=True)
        for index in range(3):
            image = generator.integers(0, 256, (SIDE_PX, SIDE_PX + 4, 3), dtype=np.uint8)
            Image.fromarray(image).save(folder / f"ä{index}.png")
    return tmp_path


def squares(root: Path) -> np.ndarray:
    """What Pillow reads, cropped: the files have the side already."""
    return np.stack([np.asarray(Image.open(path))[:, 2:-2] for path in sorted(root.rglob("*.png"))])


def damage(root: Path) -> Path:
    path = root / "train" / "n01" / "ä1.png"
    path.write_bytes(path.read_bytes()[:-60])
    return path


def test_reads_squares_and_labels_in_the_order_asked(root: Path) -> None:
    source = FolderImages(list_folder(root, "train"), SIDE_PX)
    images, labels = source.read([4, 0, 5])
    assert images.dtype == torch.uint8
    assert (images.permute(0, 2, 3, 1).numpy() == squares(root)[[4, 0, 5]]).all()
    assert labels.tolist() == [1, 0, 1]
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert (len(source), source.wnids) == (6, ("n01", "n02"))
    assert source.path(4) == str(root / "train" / "n02" / "ä1.png")


def test_an_unreadable_image_is_marked(root: Path) -> None:
    damage(root)
    images, labels = FolderImages(list_folder(root, "train"), SIDE_PX).read([0, 1, 2])
    assert labels.tolist() == [0, UNREADABLE, 0]
    assert not images[1].any()
    assert (images[2].permute(1, 2, 0).numpy() == np.asarray(Image.open(root / "train/n01/ä2.png"))[:, 2:-2]).all()


def test_strict_stops_at_it(root: Path) -> None:
    damage(root)
    source = FolderImages(list_folder(root, "train"), SIDE_PX, strict=True)
    with pytest.raises(UnreadableImage, match=r"n01/ä1\.png: .*truncated"):
        source.read([0, 1, 2])
    with pytest.raises(UnreadableImage, match=r"n01/ä1\.png: .*truncated"):
        source.mean()


def test_mean_is_numpys(root: Path) -> None:
    source = FolderImages(list_folder(root, "train"), SIDE_PX)
    expected = squares(root).astype(np.float64).mean(axis=0).transpose(2, 0, 1)
    assert source.mean().dtype == np.float32
    assert np.abs(source.mean() - expected).max() < 1e-5


def test_mean_leaves_out_what_cannot_be_read(root: Path) -> None:
    good = squares(root)[[0, 2, 3, 4, 5]]
    damage(root)
    mean = FolderImages(list_folder(root, "train"), SIDE_PX).mean()
    assert np.abs(mean - good.astype(np.float64).mean(axis=0).transpose(2, 0, 1)).max() < 1e-5


def test_mean_of_nothing_readable_is_an_error(root: Path) -> None:
    for path in root.rglob("*.png"):
        path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"n01/ä0\.png: neither this nor any other of 6 sampled images can be read"):
        FolderImages(list_folder(root, "train"), SIDE_PX).mean()


def test_fingerprint_follows_files_labels_and_side(root: Path) -> None:
    images = list_folder(root, "train")
    before = FolderImages(images, SIDE_PX).fingerprint
    assert before == FolderImages(list_folder(root, "train"), SIDE_PX).fingerprint
    assert before != FolderImages(images, SIDE_PX + 1).fingerprint
    damage(root)
    assert before != FolderImages(images, SIDE_PX).fingerprint


def test_it_travels_to_a_worker(root: Path) -> None:
    source = FolderImages(list_folder(root, "train"), SIDE_PX)
    images, labels = pickle.loads(pickle.dumps(source)).read([5, 1])
    assert torch.equal(images, source.read([5, 1])[0])
    assert labels.tolist() == [1, 0]


def test_a_side_of_nothing_is_refused(root: Path) -> None:
    with pytest.raises(ValueError, match="a side of 0 px"):
        FolderImages(list_folder(root, "train"), 0)
