"""boxes.json: where the objects are, of images whose parts nobody knows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from zfnet.data.parts_world import read_parts


def test_boxes_by_path_are_of_the_class_whose_folder_they_lie_in(tmp_path: Path):
    (tmp_path / "boxes.json").write_text(json.dumps({"val/n1/a.JPEG": [1, 2, 3, 4], "val/n2/b.JPEG": [0, 0, 9, 9]}))
    found = read_parts(tmp_path)
    assert [(image.path, image.wnid, image.object, image.parts) for image in found.images] == [
        ("val/n1/a.JPEG", "n1", (1, 2, 3, 4), ()), ("val/n2/b.JPEG", "n2", (0, 0, 9, 9), ()),
    ]  # fmt: skip


def test_the_format_of_parts_without_parts_will_do(tmp_path: Path):
    image = {"path": "val/n1/a.JPEG", "class": "n1", "object": [1, 2, 3, 4]}
    (tmp_path / "boxes.json").write_text(json.dumps({"classes": {"n1": "cat"}, "images": [image]}))
    found = read_parts(tmp_path)
    assert (found.images[0].object, found.images[0].parts, dict(found.names)) == ((1, 2, 3, 4), (), {"n1": "cat"})
    (tmp_path / "parts.json").write_text('{"images": []}')
    assert read_parts(tmp_path).images == ()  # which knows more, comes first


def test_readable_names_come_from_the_list_beside_the_images(tmp_path: Path):
    (tmp_path / "boxes.json").write_text(json.dumps({"val/n1/a.JPEG": [1, 2, 3, 4]}))
    assert dict(read_parts(tmp_path).names) == {}
    (tmp_path / "words.txt").write_text("n1\tgoldfish, Carassius auratus\n")
    assert dict(read_parts(tmp_path).names) == {"n1": "goldfish, Carassius auratus"}


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "is not JSON"), ("[]", "is not an object of boxes"), ('{"val/n1/a.JPEG": [1, 2, 1, 4]}', "a.JPEG: box"),
     ('{"images": [3]}', 'image 0: "path" is None')],
)  # fmt: skip
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str):
    (tmp_path / "boxes.json").write_text(text)
    with pytest.raises(ValueError, match=message) as error:
        read_parts(tmp_path)
    assert str(tmp_path / "boxes.json") in str(error.value)
