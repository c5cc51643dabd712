"""PASCAL VOC 2012 classification (Table 6), found, downloaded and read by torchvision's VOCDetection."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray
from torchvision.datasets import VOCDetection

from zfnet.data.datasets.imagenet import ImageList

VOC_LAYOUT = "VOCdevkit/VOC2012/{JPEGImages,Annotations,ImageSets/Main}"
CLASSES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip
PRESENT, DIFFICULT, ABSENT = 1, 0, -1  # as in ImageSets/Main/<class>_<split>.txt


@dataclass(frozen=True, eq=False)
class VOCImages:
    """The images of a split and what is in them.

    images: its labels are the first class of each, since an ImageList has one an image; presence is the truth.
    presence (N, 20): PRESENT, ABSENT, or DIFFICULT where every object of the class is marked difficult.
    """

    images: ImageList
    presence: NDArray[np.int8]

    def presence_of(self, paths: list[str]) -> NDArray[np.int8]:
        """The rows (len(paths), 20) of images by their file's name, whatever folder it lies in."""
        row = {Path(path).stem: number for number, path in enumerate(self.images.paths)}
        return self.presence[[row[Path(path).stem] for path in paths]]


def list_voc2012(root: str | Path, split: str) -> VOCImages:
    """The images of ImageSets/Main/<split>.txt, with the classes of their objects in Annotations.

    root: the folder that holds VOCdevkit/; split: "train" or "val" (the test set's annotations are not public).
    Raises ValueError where something is missing, an annotation cannot be read, or a class is not VOC's.
    """
    devkit = Path(root) / "VOCdevkit" / "VOC2012"
    listing = devkit / "ImageSets" / "Main" / f"{split}.txt"
    if not listing.is_file():
        raise ValueError(
            f"{listing}: no such file; expected {VOC_LAYOUT} under {root}: "
            "download it with data.download=true, or unpack VOCtrainval_11-May-2012.tar there"
        )
    found = VOCDetection(root, year="2012", image_set=split)
    presence = np.stack([_presence(path) for path in found.annotations])
    # all-difficult images get the class of that object: the label only has to be one of the classes
    labels = (2 * (presence == PRESENT) + (presence == DIFFICULT)).argmax(1)
    return VOCImages(ImageList([str(path) for path in found.images], labels, CLASSES, CLASSES), presence)


def download_voc2012(root: str | Path) -> None:
    """Download and unpack train and val (2 GB), unless they are there: torchvision would unpack them every time."""
    if not (Path(root) / "VOCdevkit" / "VOC2012" / "ImageSets" / "Main").is_dir():
        VOCDetection(root, year="2012", image_set="train", download=True)


def _presence(annotation: str) -> NDArray[np.int8]:
    """One image's row (20,)."""
    try:
        parsed = VOCDetection.parse_voc_xml(ElementTree.parse(annotation).getroot())
    except (OSError, ElementTree.ParseError) as error:
        raise ValueError(f"{annotation}: cannot be read ({error}); unpack VOC 2012 again") from error
    row = np.full(len(CLASSES), ABSENT, np.int8)
    for thing in parsed["annotation"].get("object", []):
        if thing["name"] not in CLASSES:
            raise ValueError(
                f"{annotation}: an object of class {thing['name']!r}, expected one of {', '.join(CLASSES)}"
            )
        label = CLASSES.index(thing["name"])
        difficult = thing.get("difficult", "0") == "1"
        row[label] = max(row[label], DIFFICULT if difficult else PRESENT)
    return row
