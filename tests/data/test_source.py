"""What any source of images must hold."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zfnet.data import UNREADABLE, check_classes
from zfnet.data.datasets.imagenet import list_folder
from zfnet.data.folder import FolderImages
from zfnet.data.pack import write_pack


def test_a_class_without_one_readable_image_is_refused_as_packing_does(tmp_path: Path):
    for wnid in ("n0", "n1", "n2"):
        (tmp_path / "train" / wnid).mkdir(parents=True)
        for number in range(3):
            Image.fromarray(np.full((8, 8), number, np.uint8)).save(tmp_path / "train" / wnid / f"{number}.png")
    images = list_folder(tmp_path, "train")
    source = FolderImages(images, 8)
    for number in (0, 1):
        (tmp_path / "train" / "n1" / f"{number}.png").write_bytes(b"")
    check_classes(source)  # the third can be read
    (tmp_path / "train" / "n1" / "2.png").write_bytes(b"")
    told = r"n1/0\.png: neither this nor any other image of class n1 can be read; mend the files, or remove the class"
    with pytest.raises(ValueError, match=told):
        check_classes(source)
    with pytest.raises(ValueError, match=told):
        write_pack(images, tmp_path / "pack", 8, workers=1)
    (tmp_path / "train" / "n0").rename(tmp_path / "gone")
    with pytest.raises(ValueError, match=r"n0/0\.png: neither .* class n0 \(and 1 more\) can be read"):
        check_classes(source)


def test_one_image_a_class_is_read_where_all_is_well(array_source):
    source, read = array_source(40, classes=4), []
    whole = source.read
    source.read = lambda indices: read.extend(indices) or whole(indices)
    check_classes(source)
    assert sorted(source.labels[read]) == [0, 1, 2, 3]
    source.labels[source.labels == 2] = UNREADABLE  # without a label there is no class to judge
    check_classes(source)
