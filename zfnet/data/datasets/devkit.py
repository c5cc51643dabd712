"""The official ILSVRC2012 validation images: one flat folder, whose classes are in the devkit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat

from zfnet.data.datasets.imagenet import ImageList, and_more, image_files, list_folder

LAYOUT = "ILSVRC2012_devkit_t12/data/{meta.mat,ILSVRC2012_validation_ground_truth.txt}"


def list_split(root: str | Path, split: str, devkit: str | Path | None = None) -> ImageList:
    """root/train or root/val as class folders; with a devkit, root/val is the flat official folder.

    Raises ValueError as `list_folder` and `list_flat_validation` do.
    """
    if split == "val" and devkit is not None:
        return list_flat_validation(Path(root) / "val", devkit, list_folder(root, "train").wnids)
    return list_folder(root, split)


def list_flat_validation(folder: str | Path, devkit: str | Path, wnids: Sequence[str]) -> ImageList:
    """The images ILSVRC2012_val_00000001.JPEG and so on, with their classes from the devkit.

    folder: where the images lie; devkit: the unpacked ILSVRC2012_devkit_t12; wnids: the classes of the training images,
    sorted. The devkit numbers classes in its own order: its ids go through meta.mat to wnids, and those to positions.
    Raises ValueError where a file is missing, the counts differ, a label has no class or a class no image.
    """
    folder, data = Path(folder), Path(devkit) / "data"
    if not folder.is_dir():
        raise ValueError(f"{folder}: no such folder; expected the validation images ILSVRC2012_val_*.JPEG in it")
    truth = _ground_truth(data / "ILSVRC2012_validation_ground_truth.txt")
    wnid_of, name_of = _classes(data / "meta.mat")
    paths = image_files(folder)
    _check_numbering(folder, paths, len(truth))
    labels = _labels(data, truth, wnid_of, wnids)
    present = set(labels.tolist())
    missing = [wnid for label, wnid in enumerate(wnids) if label not in present]
    if missing:
        raise ValueError(f"{folder}: no validation image of the training class {missing[0]}{and_more(missing)}")
    return ImageList(paths, labels, tuple(wnids), tuple(name_of[wnid] for wnid in wnids))


def _labels(data: Path, truth: list[int], wnid_of: dict[int, str], wnids: Sequence[str]) -> NDArray[np.int64]:
    """Devkit ids to positions in wnids."""
    position = {wnid: index for index, wnid in enumerate(wnids)}
    for line, identity in enumerate(truth, start=1):
        if identity not in wnid_of:
            raise ValueError(
                f"{data}: label {identity} in line {line} of the ground truth is out of range; "
                f"meta.mat has the classes {min(wnid_of)} to {max(wnid_of)}"
            )
        if wnid_of[identity] not in position:
            raise ValueError(
                f"{data}: class {wnid_of[identity]} (id {identity}, line {line} of the ground truth) is not one of the "
                f"{len(wnids)} training classes; the flat validation folder needs all of its classes in train/"
            )
    return np.array([position[wnid_of[identity]] for identity in truth], np.int64)


def _check_numbering(folder: Path, paths: list[str], expected: int) -> None:
    """The ground truth goes by line: image k of the sorted names must be the one numbered k."""
    if len(paths) != expected:
        raise ValueError(
            f"{folder}: {len(paths)} images, but the ground truth has {expected} lines, one an image; "
            "unpack ILSVRC2012_img_val.tar again, into a folder of its own"
        )
    for number, path in enumerate(paths, start=1):
        if Path(path).stem.rpartition("_")[2] != f"{number:08d}":
            raise ValueError(f"{path}: expected ILSVRC2012_val_{number:08d}.JPEG in its place; is it a foreign file?")


def _ground_truth(path: Path) -> list[int]:
    lines = _present(path).read_text().split()
    for number, line in enumerate(lines, start=1):
        if not line.isdigit():
            raise ValueError(f"{path}: line {number} is {line!r}, expected the number of a class")
    return [int(line) for line in lines]


def _classes(path: Path) -> tuple[dict[int, str], dict[str, str]]:
    """The devkit's classes: id -> wnid and wnid -> words. The inner nodes of WordNet (with children) have no images."""
    synsets = np.atleast_1d(loadmat(_present(path), squeeze_me=True)["synsets"])
    leaves = [row for row in synsets if int(row["num_children"]) == 0]
    wnid_of = {int(row["ILSVRC2012_ID"]): str(row["WNID"]) for row in leaves}
    return wnid_of, {str(row["WNID"]): str(row["words"]) for row in leaves}


def _present(path: Path) -> Path:
    if not path.is_file():
        raise ValueError(f"{path}: no such file; expected the unpacked devkit, {LAYOUT}")
    return path
