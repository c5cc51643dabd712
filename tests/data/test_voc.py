"""PASCAL VOC 2012 in the very layout of the original: which classes are in a picture, and the rule of the difficult."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zfnet.data.datasets.voc import CLASSES, download_voc2012, list_voc2012
from zfnet.data.image_data import ImageData

OBJECTS = {  # stem -> (class, difficult)
    "train": {
        "2008_000002": [("tvmonitor", 0)],
        "2008_000008": [("horse", 0), ("person", 0), ("person", 1)],
        "2008_000015": [("bottle", 1), ("bottle", 1), ("bottle", 0)],
    },
    "val": {"2008_000003": [("train", 0), ("person", 1)], "2008_000007": [("boat", 1)]},
}


def annotation(stem: str, objects: list[tuple[str, int]]) -> str:
    """As the original's: the size and the source before the objects, each with its box and, in a person, its parts."""
    things = "".join(
        f"<object><name>{name}</name><pose>Frontal</pose><truncated>1</truncated><occluded>0</occluded>"
        "<bndbox><xmin>53</xmin><ymin>87</ymin><xmax>471</xmax><ymax>420</ymax></bndbox>"
        f"<difficult>{difficult}</difficult>"
        + ("<part><name>head</name><bndbox><xmin>1</xmin></bndbox></part>" if name == "person" else "")
        + "</object>"
        for name, difficult in objects
    )
    return (
        f"<annotation><folder>VOC2012</folder><filename>{stem}.jpg</filename><source><database>The VOC2008 Database"
        "</database></source><size><width>60</width><height>40</height><depth>3</depth></size>"
        f"<segmented>0</segmented>{things}</annotation>"
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    devkit = tmp_path / "VOCdevkit" / "VOC2012"
    for name in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (devkit / name).mkdir(parents=True)
    for split, images in OBJECTS.items():
        (devkit / "ImageSets" / "Main" / f"{split}.txt").write_text("".join(f"{stem}\n" for stem in images))
        for stem, objects in images.items():
            (devkit / "Annotations" / f"{stem}.xml").write_text(annotation(stem, objects))
            Image.fromarray(np.full((40, 60, 3), 90, np.uint8)).save(devkit / "JPEGImages" / f"{stem}.jpg")
    return tmp_path


def row(**said: int) -> list[int]:
    """As ImageSets/Main/<class>_<split>.txt says it: 1 present, 0 difficult alone, -1 absent."""
    return [said.get(name, -1) for name in CLASSES]


def test_a_class_is_present_absent_or_only_difficult(root: Path):
    train, val = list_voc2012(root, "train"), list_voc2012(root, "val")
    assert len(CLASSES) == 20
    assert list(CLASSES) == sorted(CLASSES)
    assert train.presence.tolist() == [row(tvmonitor=1), row(horse=1, person=1), row(bottle=1)]
    assert val.presence.tolist() == [row(train=1, person=0), row(boat=0)]
    assert [CLASSES[label] for label in val.images.labels] == ["train", "boat"]


def test_images_are_prepared_as_imagenet_s_and_keep_their_rows(root: Path):
    source = ImageData(str(root), "voc2012", side=20).open("train")
    squares, _ = source.read(range(3))
    assert squares.shape == (3, 3, 20, 20)
    assert (squares == 90).all()
    split = list_voc2012(root, "train")
    rows = split.presence_of([source.path(index) for index in (2, 0)])
    assert rows.tolist() == [row(bottle=1), row(tvmonitor=1)]


def test_what_is_missing_or_damaged_is_told(root: Path, tmp_path: Path):
    with pytest.raises(ValueError, match=r"expected VOCdevkit/VOC2012/.*data\.download=true"):
        list_voc2012(tmp_path / "nowhere", "train")
    annotations = root / "VOCdevkit" / "VOC2012" / "Annotations"
    (annotations / "2008_000002.xml").write_text(annotation("2008_000002", [("unicorn", 0)]))
    with pytest.raises(ValueError, match="an object of class 'unicorn', expected one of aeroplane"):
        list_voc2012(root, "train")
    (annotations / "2008_000002.xml").write_text("<annotation><object>")
    with pytest.raises(ValueError, match=r"2008_000002\.xml: cannot be read .*unpack VOC 2012 again"):
        list_voc2012(root, "train")


def test_what_is_there_is_not_unpacked_again(root: Path, monkeypatch: pytest.MonkeyPatch):
    asked = []
    monkeypatch.setattr("torchvision.datasets.voc.download_and_extract_archive", lambda *a, **k: asked.append(a))
    download_voc2012(root)
    assert not asked
    with pytest.raises(RuntimeError, match="not found"):  # torchvision, since nothing came
        download_voc2012(root / "new")
    assert len(asked) == 1
