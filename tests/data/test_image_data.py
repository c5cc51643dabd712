"""The same images by every way in: decoded, packed on first use, from a pack, drawn."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from zfnet.data import Subset
from zfnet.data.folder import FolderImages
from zfnet.data.image_data import ImageData
from zfnet.data.pack import PackImages
from zfnet.data.source import UNREADABLE
from zfnet.training import first_difference


@pytest.fixture
def root(tmp_path: Path) -> Path:
    generator = np.random.default_rng(0)
    for split, count in (("train", 3), ("val", 2)):
        for wnid in ("n1", "n2"):
            folder = tmp_path / "root" / split / wnid
            folder.mkdir(parents=True)
            for index in range(count):
                pixels = generator.integers(0, 256, (40, 50, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{index}.JPEG")
    return tmp_path / "root"


def test_a_folder_and_its_pack_hold_the_same_images(root: Path, tmp_path: Path):
    decoded, packed = ImageData(str(root), side=32), ImageData(str(root), side=32, pack=str(tmp_path / "pack"))
    packed.prepare()
    ready = ImageData(str(tmp_path / "pack"), kind="pack")
    for split, count in (("train", 6), ("val", 4)):
        sources = [data.open(split) for data in (decoded, packed, ready)]
        assert [type(source) for source in sources] == [FolderImages, PackImages, PackImages]
        images, labels = sources[0].read(range(count))
        for source in sources[1:]:
            assert torch.equal(source.read(range(count))[0], images)
            assert torch.equal(source.read(range(count))[1], labels)
            assert source.wnids == ("n1", "n2")


def test_the_parts_world_is_drawn_on_first_use(tmp_path: Path):
    data = ImageData(str(tmp_path / "world"), "parts_world", 64, str(tmp_path / "pack"), train_per_class=2,
                     val_per_class=1, draw_px=64)  # fmt: skip
    data.prepare()
    assert (len(data.open("train")), len(data.open("val"))) == (20, 10)
    stamp = (tmp_path / "world" / "parts.json").stat().st_mtime_ns
    data.prepare()
    assert (tmp_path / "world" / "parts.json").stat().st_mtime_ns == stamp


def test_wrong_kinds_and_splits_are_told(root: Path):
    with pytest.raises(ValueError, match=r"data\.kind='zip' is not one of images, pack, parts_world"):
        ImageData(str(root), "zip")
    with pytest.raises(ValueError, match="split 'test' is not one of train, val"):
        ImageData(str(root)).open("test")


def test_the_limit_of_pixels_holds_for_folders_and_packs(root: Path, tmp_path: Path):
    Image.new("L", (100, 60)).save(root / "train" / "n1" / "large.png")
    data = ImageData(str(root), side=32, max_megapixels=0.003, pack=str(tmp_path / "pack"))
    data.prepare()
    assert len(data.open("train")) == 6
    assert "large.png: 100 x 60 px are more than max_megapixels=0.003 million" in data.open("train").skipped[0]
    labels = [ImageData(str(root), side=32, max_megapixels=m).open("train").read([3])[1].item() for m in (0.003, 1)]
    assert labels == [UNREADABLE, 0]
    opened = [ImageData(str(root), side=32, max_megapixels=m).open("train") for m in (0.003, 1)]
    kept_by = [source.fingerprint for source in opened]
    usual = ImageData(str(root), side=32).open("train")
    for source, one in ((opened[0], usual), (Subset(opened[0], np.arange(2)), Subset(usual, np.arange(2)))):
        asked = {"data": source.fingerprint, "val": source.fingerprint}
        held = {"data": one.fingerprint, "val": one.fingerprint}  # of a checkpoint from before the limit counted
        assert first_difference(held, asked, train=source, val=source) is None
        assert first_difference({**held, "data": "x"}, asked, train=source, val=source) is not None
    assert kept_by[0] != kept_by[1]  # what was kept without an image is not taken once it may be read
    for wrong in (0, 200, float("nan")):
        with pytest.raises(ValueError, match=f"max_megapixels={wrong}, expected more than 0 and at most 178.9"):
            ImageData(str(root), max_megapixels=wrong)


def test_packing_and_drawing_import_no_torch():
    """torch would take some 600 MB of every packing process."""
    script = "import sys, zfnet.data.pack.write, zfnet.data.parts_world; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
