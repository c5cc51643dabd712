"""Which images a claim is about, and where their objects lie, also of files that are odd."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from experiments.atlas_parts.numbers import parts_boxes
from experiments.common.images import of_files
from experiments.report_parts.claim_images import ImageClaims
from zfnet import open_network
from zfnet.data import list_any_folder, plain_frame
from zfnet.data.parts_world import read_parts, seen
from zfnet.mining import CentreViews


@pytest.fixture
def claims(tmp_path: Path) -> ImageClaims:
    """Three images of noise, the first turned upright by its EXIF orientation alone, and a file that is no image."""
    boxes = {}
    for number, orientation in enumerate((6, 1, 1)):
        exif = Image.Exif()
        exif[274] = orientation
        pixels = np.random.default_rng(number).integers(0, 255, (60, 100, 3), dtype=np.uint8)
        (tmp_path / "val").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "val" / f"{number}.jpg", exif=exif)
        boxes[f"val/{number}.jpg"] = [10, 30, 30, 50]
    (tmp_path / "val" / "3.jpg").write_bytes(b"no image")
    (tmp_path / "boxes.json").write_text(json.dumps(boxes))
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 5, 4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    network = open_network(model, frame=plain_frame(64, 64), names=list("abcd"))
    views = CentreViews(of_files(list_any_folder(str(tmp_path / "val")), network.frame), network.frame, 8)
    settings = SimpleNamespace(count=10)
    return ImageClaims(cast(Any, SimpleNamespace(network=network, views=views, root=str(tmp_path), settings=settings)))


def test_boxes_lie_where_other_jobs_see_them_also_in_pictures_that_exif_turns(claims: ImageClaims):
    root = claims.asked.root
    assert root is not None
    expected = [one.object for one in seen(root, read_parts(root).images, claims.asked.network.frame)]
    assert claims.boxes == expected
    assert expected[0] != expected[1]


def test_a_file_that_cannot_be_read_is_not_asked_about(claims: ImageClaims):
    assert claims.numbers.tolist() == [0, 1, 2]
    assert len(claims.chosen[1]) == 3


def test_the_atlas_has_the_parts_there_too(claims: ImageClaims, tmp_path: Path):
    root, frame = tmp_path, claims.asked.network.frame
    parts = [{"name": "eye", "box": [10, 30, 30, 50]}]
    images = [{"path": f"val/{at}.jpg", "class": "a", "object": [0, 0, 60, 60], "parts": parts} for at in range(3)]
    (root / "parts.json").write_text(json.dumps({"classes": {"a": "owl"}, "images": images}))
    plan = SimpleNamespace(name="0")
    mined = {"0": SimpleNamespace(image=torch.tensor([[0, 1, -1]]))}
    found = SimpleNamespace(plans=[plan], mined=mined, network=claims.asked.network, views=claims.asked.views)
    expected = [list(one.parts.items()) for one in seen(root, read_parts(root).images, frame)]
    assert parts_boxes(cast(Any, found), root) == {0: expected[0], 1: expected[1]}
    assert expected[0] != expected[1]
