from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from zfnet.data.parts_world import (
    CLASSES,
    Change,
    Drawing,
    draw,
    make_parts_world,
    part_names,
    read_parts,
    scene,
    write as writing,
)

SIDE_PX = 128


def drawn(class_index: int, number: int = 0, omit: frozenset[str] = frozenset(), side_px: int = SIDE_PX) -> Drawing:
    return draw(class_index, np.random.default_rng([7, class_index, number]), side_px, omit)


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("class_index", range(len(CLASSES)))
def test_leaving_a_part_out_changes_its_box_to_the_brim_and_nothing_else(
    class_index: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scene, "occluders", lambda *_: [])  # a leaf in front would hide changes
    whole = drawn(class_index)
    for part in whole.parts:
        without = drawn(class_index, omit=frozenset({part.name}))
        assert part.name not in {other.name for other in without.parts}
        changed = (whole.pixels != without.pixels).any(2)
        left, top, right, bottom = part.box
        inside = changed[top:bottom, left:right]
        assert inside.sum() == changed.sum() > 0, part.name
        rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
        slack = (rows[0], columns[0], bottom - top - 1 - rows[-1], right - left - 1 - columns[-1])
        assert max(slack) <= 2, (part.name, slack)  # a rim of faint coverage may round to the same pixel


def changed(changes: dict[str, Change]) -> Drawing:
    return draw(3, np.random.default_rng([7, 3, 0]), SIDE_PX, changes=changes)


def test_a_part_that_is_moved_or_recoloured_changes_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scene, "occluders", lambda *_: [])
    whole = drawn(3)
    boxes = {part.name: part.box for part in whole.parts}
    left, top, right, bottom = boxes["beak"]
    moved = changed({"beak": Change(right=-0.2)})
    shifted = {part.name: part.box for part in moved.parts}["beak"]
    size_px = max(whole.object[2] - whole.object[0], whole.object[3] - whole.object[1])
    assert shifted[0] - left == pytest.approx(-0.2 * size_px, abs=3)
    assert shifted[1] == pytest.approx(top, abs=1)
    inside = np.zeros((SIDE_PX, SIDE_PX), bool)
    for box in (boxes["beak"], shifted):
        inside[box[1] - 1 : box[3] + 1, box[0] - 1 : box[2] + 1] = True
    assert not (moved.pixels != whole.pixels).any(2)[~inside].any()
    blue = changed({"beak": Change(hue=0.6)})
    different = (blue.pixels != whole.pixels).any(2)
    assert different[top:bottom, left:right].sum() == different.sum() > 0
    red_less_blue = lambda pixels: float((pixels[..., 0].astype(int) - pixels[..., 2])[different].mean())  # noqa: E731
    assert red_less_blue(whole.pixels) > 0 > red_less_blue(blue.pixels)


def test_the_parts_of_an_object_and_what_is_left_without_any() -> None:
    names = part_names(3, np.random.default_rng([7, 3, 0]))
    assert {part.name for part in drawn(3).parts} <= set(names)
    bare = changed({name: Change(gone=True) for name in names})
    assert bare.parts == ()
    left, top, right, bottom = bare.object
    assert 0 <= left < right <= SIDE_PX
    assert 0 <= top < bottom <= SIDE_PX
    with pytest.raises(ValueError, match=r"no part \['trunk'\] in a owl"):
        changed({"trunk": Change()})


@pytest.mark.parametrize("class_index", range(len(CLASSES)))
def test_every_object_is_in_the_image_large_and_shows_what_decides_its_class(class_index: int) -> None:
    for number in range(6):
        drawing = drawn(class_index, number)
        boxes = np.array([part.box for part in drawing.parts])
        assert drawing.object == (*boxes[:, :2].min(0), *boxes[:, 2:].max(0))
        left, top, right, bottom = drawing.object
        assert 0 <= left < right <= SIDE_PX
        assert 0 <= top < bottom <= SIDE_PX
        assert 0.45 * SIDE_PX <= max(right - left, bottom - top) <= 0.97 * SIDE_PX
        assert {part.name for part in drawing.parts if part.deciding} == CLASSES[class_index].deciding


def test_left_and_right_are_sides_of_the_image_in_flipped_drawings_too() -> None:
    seen_flipped = set()
    for number in range(8):
        boxes = {part.name: part.box for part in drawn(0, number).parts}
        assert boxes["left_eye"][0] < boxes["right_eye"][0]
        assert boxes["left_ear"][0] < boxes["right_ear"][0]
        windows = {part.name: part.box for part in drawn(6, number).parts}
        seen_flipped.add(windows["front_wheel"][0] < windows["rear_wheel"][0])
    assert seen_flipped == {True, False}


def test_the_same_state_draws_the_same_and_another_draws_something_else() -> None:
    assert (drawn(4).pixels == drawn(4).pixels).all()
    assert (drawn(4).pixels != drawn(4, number=1).pixels).mean() > 0.5


def test_a_class_or_side_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"class 10 is outside 0\.\.9"):
        drawn(10)
    with pytest.raises(ValueError, match="side_px 16 is too small"):
        drawn(0, side_px=16)


def test_leaving_out_a_part_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(ValueError, match=r"no part \['wing'\] in a fish, whose parts are .*side_fin, tail"):
        drawn(5, omit=frozenset({"wing", "tail"}))


def test_bytes_do_not_depend_on_the_number_of_processes_or_images(tmp_path: Path) -> None:
    alone = contents(make_parts_world(tmp_path / "one", 2, 1, 48, seed=3, workers=1))
    assert alone == contents(make_parts_world(tmp_path / "two", 2, 1, 48, seed=3, workers=2))
    more = contents(make_parts_world(tmp_path / "more", 3, 1, 48, seed=3, workers=1))
    shared = [name for name in alone if name.endswith(".JPEG")]
    assert len(shared) == 30
    assert all(alone[name] == more[name] for name in shared)
    other = contents(make_parts_world(tmp_path / "other", 2, 1, 48, seed=4, workers=1))
    assert all(alone[name] != other[name] for name in shared)
    assert len({alone[name] for name in shared}) == 30  # no image twice, not across the splits either


def test_the_folder_is_imagenet_format_and_the_json_says_what_was_drawn(tmp_path: Path) -> None:
    root = make_parts_world(tmp_path / "world", 1, 1, 64, seed=5, workers=1)
    words = dict(line.split("\t") for line in (root / "words.txt").read_text().splitlines())
    made = read_parts(root)
    assert words == made.names
    assert list(words) == sorted(path.name for path in (root / "train").iterdir())
    assert sorted(image.path for image in made.images) == sorted(n for n in contents(root) if n.endswith(".JPEG"))
    image = made.images[12]  # the third class in val
    assert (image.path, image.wnid) == ("val/n90000003/n90000003_00000.JPEG", "n90000003")
    drawing = draw(2, np.random.default_rng([5, 1, 2, 0]), 64)
    assert (image.object, image.parts) == (drawing.object, drawing.parts)


def test_a_whole_root_is_kept_and_any_other_is_refused(tmp_path: Path) -> None:
    root = make_parts_world(tmp_path / "world", 1, 1, 32, workers=1)
    stamps = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    assert make_parts_world(root, 1, 1, 32, workers=2) == root
    assert stamps == {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    with pytest.raises(ValueError, match=r"'seed': 0.*asked for.*'seed': 1.*another root"):
        make_parts_world(root, 1, 1, 32, seed=1)
    next(root.rglob("*.JPEG")).unlink()
    with pytest.raises(ValueError, match="lost 1 of its 20 images"):
        make_parts_world(root, 1, 1, 32)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"mine exists and has no parts\.json.*another root"):
        make_parts_world(tmp_path / "mine", 1, 1, 32)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["holiday.jpg"]
    with pytest.raises(ValueError, match="val_per_class is 0"):
        make_parts_world(tmp_path / "none", 1, 0, 32)


def test_an_interrupted_run_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, count = writing._write, 0

    def interrupted(task: writing._Task) -> writing.ImageParts:
        nonlocal count
        count += 1
        assert not (tmp_path / "world").exists()  # a kill here would leave no root either
        if count == 15:
            raise KeyboardInterrupt
        return write(task)

    monkeypatch.setattr(writing, "_write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        make_parts_world(tmp_path / "world", 1, 1, 32, workers=1)
    assert count == 15
    assert list(tmp_path.iterdir()) == []


def test_the_slower_of_two_makers_takes_the_faster_ones_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, root, write = make_parts_world(tmp_path / "faster", 1, 1, 32, workers=1), tmp_path / "world", writing._write

    def overtaken(task: writing._Task) -> writing.ImageParts:
        if not root.exists():
            shutil.copytree(made, root)
            (root / "mark").touch()
        return write(task)

    monkeypatch.setattr(writing, "_write", overtaken)
    assert make_parts_world(root, 1, 1, 32, workers=1) == root
    assert (root / "mark").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["faster", "world"]


GOOD = '{"images": [{"path": "a.jpg", "class": "n1", "object": [0, 0, 9, 9], "parts": [%s]}]}'


def test_a_json_of_ones_own_needs_no_header(tmp_path: Path) -> None:
    (tmp_path / "parts.json").write_text(GOOD % '{"name": "nose", "box": [1, 2, 3, 4]}')
    (image,) = read_parts(tmp_path).images
    assert [(part.name, part.box, part.deciding) for part in image.parts] == [("nose", (1, 2, 3, 4), False)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ("[]", 'no list "images"'),
        (GOOD % '{"box": [1, 2, 3, 4]}', r'image 0 \(a.jpg\): "name" is None'),
        (GOOD % '{"name": "nose", "box": [3, 2, 1, 4]}', r"box \[3, 2, 1, 4\] is not"),
        (GOOD % ", ".join(['{"name": "nose", "box": [1, 2, 3, 4]}'] * 2), "'nose' is listed twice"),
        (GOOD.replace('"class": "n1", ', "") % "", '"class" is None'),
        (GOOD % '{"name": "nose", "box": [1, 2, 3, 4], "deciding": "yes"}', "\"deciding\" of 'nose' is 'yes'"),
        ('{"classes": [], "images": []}', r'"classes" is \[\], not an object'),
    ],
)
def test_a_json_that_does_not_fit_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "parts.json").write_text(text)
    with pytest.raises(ValueError, match=message) as error:
        read_parts(tmp_path)
    assert str(tmp_path / "parts.json") in str(error.value)


def test_a_missing_json_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"parts\.json does not exist: make one with scripts/make_parts_world"):
        read_parts(tmp_path)
