"""The drawing of one image's strongest units."""

from dataclasses import fields, replace

import numpy as np
import pytest

from zfnet.figures.drawing import style
from zfnet.figures.unit_sheet import UnitSheet, draw_sheet, load_sheet, save_sheet


@pytest.fixture
def sheet() -> UnitSheet:
    generator = np.random.default_rng(0)
    return UnitSheet(
        picture=generator.integers(0, 255, (40, 40, 3), dtype=np.uint8), layer=np.array("conv2"),
        map=np.array([7, 1, 4, 0]), row=np.array([0, 2, 3, 1]), column=np.array([0, 1, 0, 5]),
        value=np.array([123.456, 9, 8, 0.00123]), map_name=np.array(["", "", "", ""]),
        projection=generator.normal(size=(4, 3, 11, 11)).astype(np.float32),
        patch=generator.integers(0, 255, (4, 11, 11, 3), dtype=np.uint8),
        corner=np.array([[-3, -3], [5, 1], [9, -3], [1, 17]]),
        classes=np.array(["cat", "dog"]), probability=np.array([0.75, 0.2]),
    )  # fmt: skip


def test_units_are_shown_beside_the_image_in_their_order(sheet: UnitSheet) -> None:
    figure = draw_sheet(sheet)
    whole, *pairs = figure.axes
    np.testing.assert_array_equal(whole.images[0].get_array(), sheet.picture)
    for rank in range(4):
        np.testing.assert_array_equal(pairs[2 * rank].images[0].get_array(), sheet.patch[rank])
        drawn, own = pairs[2 * rank + 1].images[0].get_array(), np.moveaxis(sheet.projection[rank], 0, -1)
        assert np.corrcoef(drawn.ravel(), own.ravel())[0, 1] > 0.99
    said = [text.get_text() for text in figure.texts]
    assert "1   map 7 at (0, 0): 123.5" in said
    assert "4   map 0 at (1, 5): 0.00123" in said
    assert "75.0%  cat" in said


def test_ranks_stand_where_units_look(sheet: UnitSheet) -> None:
    whole = draw_sheet(sheet).axes[0]
    places = {int(text.get_text()): text.get_position() for text in whole.texts}
    assert places == {rank + 1: (left + 5.5, top + 5.5) for rank, (top, left) in enumerate(sheet.corner.tolist())}
    units = replace(sheet, row=np.zeros(4, int), column=np.zeros(4, int), map_name=np.array(["cat", "dog", "a", "b"]))
    units = replace(units, patch=np.repeat(sheet.picture[None], 4, 0), projection=np.ones((4, 3, 40, 40), np.float32))
    figure = draw_sheet(units)
    assert not figure.axes[0].texts  # each sees all of it
    assert "2   map 1 dog: 9" in [text.get_text() for text in figure.texts]


def test_no_mark_hides_another(sheet: UnitSheet) -> None:
    """Units that look at one place, or nearly, share a mark; every rank is written once, whatever the image's size."""
    corner = np.array([[5, 5], [5, 5], [6, 5], [25, 25], [5, 6], [25, 25], [12, 5]])
    sheet = replace(sheet, corner=corner, **{
        name: np.concatenate([getattr(sheet, name)] * 2)[:7]
        for name in ("map", "row", "column", "value", "map_name", "projection", "patch")
    })  # fmt: skip
    figure = draw_sheet(sheet)
    style.pixels(figure)
    marks = figure.axes[0].texts
    assert sorted(int(word) for mark in marks for word in mark.get_text().replace("\n", ",").split(",")) == list(
        range(1, 8)
    )
    assert {"4,6", "7"} < {mark.get_text() for mark in marks}
    boxes = [mark.get_bbox_patch().get_window_extent() for mark in marks]
    assert not any(one.overlaps(other) for place, one in enumerate(boxes) for other in boxes[:place])


def test_the_caption_says_what_is_there(sheet: UnitSheet) -> None:
    title, *_, note = (text.get_text() for text in draw_sheet(sheet, gain="largest").texts)
    assert title == "conv2: the 4 strongest maps on this image, each at its strongest place"
    for words in ("11 × 11 px", "(row, column)", "frame: what unit 1 sees", "gain=largest"):
        assert words in note
    whole = replace(sheet, row=np.zeros(4, int), column=np.zeros(4, int), patch=np.repeat(sheet.picture[None], 4, 0))
    title, *_, note = (text.get_text() for text in draw_sheet(whole).texts)
    assert title == "conv2: the 4 strongest maps on this image"
    assert "sees the whole image" in note
    assert "frame" not in note
    shares = replace(sheet, classes=np.array(["a", "b", "c"]), probability=np.array([0.9996, 0.0004, 0.0]))
    said = {text.get_text() for text in draw_sheet(shares).texts}
    assert {">99.9%  a", "<0.1%  b", "0.0%  c"} <= said


def test_arrays_come_back_and_draw_the_same(sheet: UnitSheet, tmp_path) -> None:
    save_sheet(tmp_path / "project.npz", sheet)
    loaded = load_sheet(tmp_path / "project.npz")
    for field in fields(UnitSheet):
        np.testing.assert_array_equal(getattr(loaded, field.name), getattr(sheet, field.name))
    np.testing.assert_array_equal(*(style.pixels(draw_sheet(one)) for one in (sheet, loaded)))
