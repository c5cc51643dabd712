"""The flat validation folder: the devkit's ids are not positions of classes, and its mistakes are told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from zfnet.data.datasets.devkit import list_flat_validation, list_split

LEAVES = [(1, "n30", "kite, bird"), (2, "n10", "tench"), (3, "n20", "quail")]  # ids in an order unlike the sorted wnids
WNIDS = ("n10", "n20", "n30")
TRUTH = [3, 1, 1, 2, 3]


def write_devkit(folder: Path, truth: list[int], leaves: list[tuple[int, str, str]] = LEAVES) -> Path:
    """The devkit's two files in the structure of the original: leaves first, then a node of WordNet above them."""
    fields = ["ILSVRC2012_ID", "WNID", "words", "gloss", "num_children", "children", "wordnet_height"]
    rows = [(identity, wnid, words, "a thing", 0, np.zeros(0), 0) for identity, wnid, words in leaves]
    rows.append((len(leaves) + 1, "n00", "entity", "all", len(leaves), np.arange(1, len(leaves) + 1), 1))
    synsets = np.array([[row] for row in rows], dtype=[(field, object) for field in fields])
    (folder / "data").mkdir(parents=True)
    savemat(folder / "data" / "meta.mat", {"synsets": synsets})
    (folder / "data" / "ILSVRC2012_validation_ground_truth.txt").write_text("".join(f"{line}\n" for line in truth))
    return folder


@pytest.fixture
def flat(tmp_path: Path) -> Path:
    folder = tmp_path / "flat"
    folder.mkdir()
    for number in range(1, len(TRUTH) + 1):
        (folder / f"ILSVRC2012_val_{number:08d}.JPEG").write_bytes(b"x")
    return folder


def test_ids_go_through_wnids_to_positions(tmp_path: Path, flat: Path) -> None:
    images = list_flat_validation(flat, write_devkit(tmp_path / "devkit", TRUTH), WNIDS)
    assert [images.wnids[label] for label in images.labels] == ["n20", "n30", "n30", "n10", "n20"]
    assert images.labels.dtype == np.int64
    assert images.paths == sorted(map(str, flat.iterdir()))
    assert images.names == ("tench", "quail", "kite, bird")


def refused(flat: Path, devkit: Path, message: str, wnids: tuple[str, ...] = WNIDS) -> None:
    with pytest.raises(ValueError, match=message):
        list_flat_validation(flat, devkit, wnids)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    refused(tmp_path / "gone", tmp_path, r"gone: no such folder; expected the validation images ILSVRC2012_val_")


@pytest.mark.parametrize("name", ["meta.mat", "ILSVRC2012_validation_ground_truth.txt"])
def test_a_missing_devkit_file_is_named(tmp_path: Path, flat: Path, name: str) -> None:
    devkit = write_devkit(tmp_path / "devkit", TRUTH)
    (devkit / "data" / name).unlink()
    refused(flat, devkit, rf"data/{name}: no such file; expected the unpacked devkit, ILSVRC2012_devkit_t12/data")


def test_a_count_that_differs_from_the_truth(tmp_path: Path, flat: Path) -> None:
    refused(flat, write_devkit(tmp_path / "devkit", TRUTH[:-1]), "5 images, but the ground truth has 4 lines")


def test_a_foreign_file_in_place_of_an_image(tmp_path: Path, flat: Path) -> None:
    (flat / "ILSVRC2012_val_00000003.JPEG").rename(flat / "ILSVRC2012_val_00000009.JPEG")
    refused(flat, write_devkit(tmp_path / "devkit", TRUTH), r"00000004\.JPEG: expected ILSVRC2012_val_00000003\.JPEG")


@pytest.mark.parametrize("wrong", [0, 4, 99])  # 4 is the id of the inner node
def test_a_label_out_of_range(tmp_path: Path, flat: Path, wrong: int) -> None:
    devkit = write_devkit(tmp_path / "devkit", [3, wrong, 1, 2, 3])
    refused(flat, devkit, rf"label {wrong} in line 2 of the ground truth is out of range; .* classes 1 to 3")


def test_a_truth_that_is_no_number(tmp_path: Path, flat: Path) -> None:
    devkit = write_devkit(tmp_path / "devkit", TRUTH)
    (devkit / "data" / "ILSVRC2012_validation_ground_truth.txt").write_text("1\n2\nn10\n1\n3\n")
    refused(flat, devkit, "line 3 is 'n10', expected the number of a class")


def test_a_class_that_training_lacks_and_the_other_way(tmp_path: Path, flat: Path) -> None:
    devkit = write_devkit(tmp_path / "devkit", TRUTH)
    refused(
        flat, devkit, r"class n30 \(id 1, line 2 of the ground truth\) is not one of the 2 training", ("n10", "n20")
    )
    refused(flat, devkit, "no validation image of the training class n40", (*WNIDS, "n40"))


def test_a_split_is_flat_only_where_a_devkit_is_given(tmp_path: Path, flat: Path) -> None:
    for wnid in WNIDS:
        (tmp_path / "root" / "train" / wnid).mkdir(parents=True)
        (tmp_path / "root" / "train" / wnid / "a.JPEG").write_bytes(b"x")
    flat.rename(tmp_path / "root" / "val")
    devkit = write_devkit(tmp_path / "devkit", TRUTH)
    assert list_split(tmp_path / "root", "val", devkit).labels.tolist() == [1, 2, 2, 0, 1]
    assert list_split(tmp_path / "root", "train", devkit).labels.tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="give its devkit"):
        list_split(tmp_path / "root", "val")
