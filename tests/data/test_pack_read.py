"""A pack reads back by index, anywhere; what is not a whole pack is refused with its numbers."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from packing import COUNT, SIDE_PX, make_images, squares
from torch.utils.data import DataLoader

from zfnet.data.datasets.imagenet import ImageList
from zfnet.data.pack import PackImages, open_pack, write_pack


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> ImageList:
    return make_images(tmp_path_factory.mktemp("images"))


@pytest.fixture
def pack(tmp_path: Path, images: ImageList) -> PackImages:
    return write_pack(images, tmp_path / "train", SIDE_PX, workers=1)


def test_reads_by_index(pack: PackImages, images: ImageList) -> None:
    indices = [599, 0, 300, 0]
    pixels, labels = pack.read(indices)
    assert (pixels.permute(0, 2, 3, 1).numpy() == squares(images)[indices]).all()
    assert pixels.is_contiguous(memory_format=torch.channels_last)
    assert labels.tolist() == [2, 0, 1, 0]
    assert labels.dtype == torch.int64
    assert (len(pack), pack.side_px, pack.wnids, pack.path(300)) == (COUNT, SIDE_PX, images.wnids, images.paths[300])


def test_an_index_outside_is_an_error(pack: PackImages) -> None:
    with pytest.raises(IndexError):
        pack.read([COUNT])
    with pytest.raises(IndexError, match="index -1"):
        pack.read([-1])


def test_it_travels_to_workers(pack: PackImages) -> None:
    copy = pickle.loads(pickle.dumps(pack))
    assert torch.equal(copy.read([5, 400])[0], pack.read([5, 400])[0])
    batches = DataLoader(range(COUNT), batch_size=50, num_workers=2, collate_fn=pack.read)
    read = torch.cat([pixels for pixels, _ in batches])
    assert torch.equal(read, pack.read(range(COUNT))[0])


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"gone: no such folder; expected a pack made by scripts/pack_imagenet"):
        open_pack(tmp_path / "gone")


def test_a_folder_of_something_else_is_named(tmp_path: Path, pack: PackImages) -> None:
    with pytest.raises(
        ValueError, match=rf"{tmp_path}: not a pack: no pack\.json in it; did you mean {tmp_path}/train\?"
    ):
        open_pack(tmp_path)


def test_a_copy_cut_short_is_told_with_both_sizes(pack: PackImages) -> None:
    pixels = pack.folder / "pixels.npy"
    size = pixels.stat().st_size
    with open(pixels, "r+b") as file:
        file.truncate(size - 1)
    with pytest.raises(ValueError, match=rf"pixels\.npy: {size - 1:,} bytes, expected {size:,} for 600 images at 8 px"):
        open_pack(pack.folder)
    pixels.unlink()
    with pytest.raises(ValueError, match=rf"pixels\.npy: 0 bytes, expected {size:,}"):
        open_pack(pack.folder)


def test_pixels_of_another_shape_are_refused(pack: PackImages) -> None:
    np.save(pack.folder / "pixels.npy", np.zeros((COUNT * 4, SIDE_PX // 2, SIDE_PX // 2, 3), np.uint8))
    with pytest.raises(ValueError, match=r"pixels\.npy: its header is not that of 600 images at 8 px"):
        open_pack(pack.folder)


def test_labels_out_of_range_are_refused(pack: PackImages) -> None:
    np.save(pack.folder / "labels.npy", np.arange(COUNT))
    with pytest.raises(ValueError, match=r"labels\.npy: labels 0\.\.599, expected 0\.\.2; delete"):
        open_pack(pack.folder)
    np.save(pack.folder / "labels.npy", np.zeros(COUNT - 1, np.int64))
    with pytest.raises(ValueError, match=r"labels\.npy: shape \(599,\), expected \(600,\)"):
        open_pack(pack.folder)
    (pack.folder / "labels.npy").write_bytes(b"")
    with pytest.raises(ValueError, match=r"labels\.npy: missing or damaged"):
        open_pack(pack.folder)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"count": "600"}, r'"count" is \'600\', expected an int'),
        ({"side_px": 8.0}, r'"side_px" is 8\.0, expected an int'),
        ({"count": -600}, "-600 images at 8 px"),
        ({"wnids": "n00"}, r'"wnids" is \'n00\', expected a list of texts'),
        ({"names": ["a", 1, "c"]}, r'"names" is \[.*\], expected a list of texts'),
        ({"names": ["a"]}, "3 classes with 1 names"),
        ({"fingerprint": None}, '"fingerprint" is None, expected a text'),
        ({"extra": 1}, "too many or missing: extra"),
        ({"skipped": None, "source": 3}, "expected a"),
    ],
)
def test_a_summary_of_other_keys_or_types_is_named(pack: PackImages, change: dict[str, object], told: str) -> None:
    summary = pack.folder / "pack.json"
    summary.write_text(json.dumps(json.loads(summary.read_text()) | change))
    with pytest.raises(ValueError, match=rf"pack\.json: damaged \(.*{told}.*\); delete .* and pack again"):
        open_pack(pack.folder)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"format": 1}', b"\xff\xfe", b"[" * 10**6])
def test_a_summary_that_is_none_is_named(pack: PackImages, content: bytes) -> None:
    (pack.folder / "pack.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"pack\.json: (damaged|format)"):
        open_pack(pack.folder)


def test_labels_of_another_kind_and_arrays_that_claim_too_much_are_named(pack: PackImages) -> None:
    labels = pack.folder / "labels.npy"
    np.save(labels, np.zeros(COUNT))
    with pytest.raises(ValueError, match=r"labels\.npy: holds float64, expected kind 'i'"):
        open_pack(pack.folder)
    np.savez(pack.folder / "other.npz", labels=np.zeros(COUNT, np.int64))
    (pack.folder / "other.npz").rename(labels)
    with pytest.raises(ValueError, match=r"labels\.npy: missing or damaged"):
        open_pack(pack.folder)
    with open(labels, "wb") as file:
        header = {"descr": "<i8", "fortran_order": False, "shape": (10**13,)}
        np.lib.format.write_array_header_1_0(file, header)
    with pytest.raises(ValueError, match=r"labels\.npy: missing or damaged"):
        open_pack(pack.folder)


def test_a_damaged_summary_is_named(pack: PackImages) -> None:
    summary = pack.folder / "pack.json"
    content = json.loads(summary.read_text())
    summary.write_text(json.dumps(content | {"format": 99}))
    with pytest.raises(ValueError, match=r"pack\.json: format 99, expected 1"):
        open_pack(pack.folder)
    summary.write_text(summary.read_text()[:40])
    with pytest.raises(ValueError, match=r"pack\.json: damaged"):
        open_pack(pack.folder)
