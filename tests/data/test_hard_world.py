"""The parts world made harder: smaller objects, and parts that decide other classes lying about beside them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from zfnet.data import InputFrame
from zfnet.data.parts_world import CLASSES, Drawing, draw, make_parts_world, parts_in_view, read_parts, scene

SIDE_PX = 128
EASY_SUM = 1_740_114  # of the pixels of one image, before there were two difficulties


def hard(class_index: int, number: int = 0) -> Drawing:
    return draw(class_index, np.random.default_rng([7, class_index, number]), SIDE_PX, difficulty="hard")


def apart(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


@pytest.mark.parametrize("class_index", range(len(CLASSES)))
def test_decoys_decide_other_classes_and_lie_apart_from_the_object_and_each_other(class_index: int) -> None:
    deciding = {kind.wnid: kind.deciding for kind in CLASSES}
    for number in range(4):
        drawing = hard(class_index, number)
        assert len(drawing.decoys) >= 2
        for at, decoy in enumerate(drawing.decoys):
            assert decoy.wnid != CLASSES[class_index].wnid
            assert decoy.name in deciding[decoy.wnid]
            left, top, right, bottom = decoy.box
            assert 0 <= left < right <= SIDE_PX
            assert 0 <= top < bottom <= SIDE_PX
            for other in (drawing.object, *(one.box for one in drawing.decoys[:at])):
                slack = (other[0] + 2, other[1] + 2, other[2] - 2, other[3] - 2)  # contours reach beyond outlines
                assert apart(decoy.box, slack), (decoy, other)


@pytest.mark.parametrize("class_index", [0, 5, 7])
def test_objects_are_smaller_and_show_what_decides_their_class(class_index: int) -> None:
    for number in range(4):
        left, top, right, bottom = hard(class_index, number).object
        assert 0.33 * SIDE_PX <= max(right - left, bottom - top) <= 0.64 * SIDE_PX
        shown = {part.name for part in hard(class_index, number).parts if part.deciding}
        assert shown == CLASSES[class_index].deciding


def test_a_decoy_is_painted_where_its_box_is_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scene, "occluders", lambda *_: [])
    with_decoys = hard(3)
    paint = scene.Layer.onto
    layers = iter(range(9))

    def all_but_the_decoys(layer: scene.Layer, picture: scene.Picture) -> None:
        if next(layers) != 1:  # clutter, decoys, object, leaves
            paint(layer, picture)

    monkeypatch.setattr(scene.Layer, "onto", all_but_the_decoys)
    without = hard(3)
    changed = (with_decoys.pixels != without.pixels).any(2)
    inside = np.zeros_like(changed)
    for left, top, right, bottom in (one.box for one in with_decoys.decoys):
        assert changed[top:bottom, left:right].mean() > 0.15
        inside[max(top - 1, 0) : bottom + 1, max(left - 1, 0) : right + 1] = True
    assert not changed[~inside].any()


def test_easy_images_are_those_of_before_and_an_unknown_difficulty_is_named() -> None:
    easy = draw(4, np.random.default_rng(0), 64, difficulty="easy")
    assert easy.decoys == ()
    assert int(easy.pixels.astype(np.int64).sum()) == EASY_SUM
    with pytest.raises(ValueError, match="difficulty 'harder' is not one of easy, hard"):
        draw(4, np.random.default_rng(0), 64, difficulty="harder")


def test_the_json_tells_decoys_and_the_view_cuts_their_boxes(tmp_path: Path) -> None:
    root = make_parts_world(tmp_path / "hard", 1, 1, 64, seed=5, workers=1, difficulty="hard")
    made = read_parts(root)
    assert made.arguments["difficulty"] == "hard"
    drawing = draw(2, np.random.default_rng([5, 1, 2, 0]), 64, difficulty="hard")
    assert made.images[12].decoys == drawing.decoys != ()
    assert make_parts_world(root, 1, 1, 64, seed=5, difficulty="hard") == root
    with pytest.raises(ValueError, match=r"'difficulty': 'hard'.*asked for is"):
        make_parts_world(root, 1, 1, 64, seed=5)
    frame = InputFrame(side_px=64, size_px=32, mean=torch.zeros(3, 1, 1), scale=torch.ones(3, 1, 1))
    views = list(parts_in_view(root, made.images[10:], frame))
    boxes = np.array([one.box for view in views for one in view.decoys])
    assert len(boxes) > 0
    assert boxes.min() >= 0
    assert boxes.max() <= 32


def test_an_easy_root_says_nothing_of_difficulty(tmp_path: Path) -> None:
    root = make_parts_world(tmp_path / "easy", 1, 1, 32, workers=1)
    content = json.loads((root / "parts.json").read_text())
    assert "difficulty" not in content["arguments"]
    assert not any("decoys" in image for image in content["images"])


def test_decoys_that_are_no_list_are_named(tmp_path: Path) -> None:
    image = {"path": "a.jpg", "class": "n1", "object": [0, 0, 9, 9], "parts": [], "decoys": {"name": "beak"}}
    (tmp_path / "parts.json").write_text(json.dumps({"images": [image]}))
    with pytest.raises(ValueError, match=r'"decoys" is .* not a list of parts'):
        read_parts(tmp_path)
