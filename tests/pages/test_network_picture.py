"""The picture of a network, and curves."""

from zfnet.pages.atlas import LayerAbout, curve_picture, draw_network
from zfnet.pages.atlas.network_picture import field_boxes


def about(name: str, shape: tuple[int, ...], field: tuple[int, int] | None) -> LayerAbout:
    known = {"step_px": (4, 4), "start_px": (-6, -2)} if field else {"step_px": None, "start_px": None}
    return LayerAbout(
        number=0, name=name, kind="", shape=shape, parameters=12_345, field_px=field, tile=(7, 7), places=9, rules=(),
        wires="", scores=False, **known,
    )  # fmt: skip


def test_blocks_are_as_high_as_maps_and_as_wide_as_they_are_many():
    layers = [about("a", (96, 55, 55), (7, 7)), about("b", (256, 13, 13), (27, 31)), about("c", (10,), None)]
    picture = draw_network(layers, 224)
    assert [block.name for block in picture.blocks] == ["a", "b", "c"]
    heights, widths = [block.height for block in picture.blocks], [block.width for block in picture.blocks]
    assert heights[0] > heights[1] > heights[2] > 0
    assert widths[1] > widths[0] > widths[2]
    assert picture.blocks[1].lines == ("256 × 13 × 13", "12.3 k weights", "sees 27 × 31 px")
    assert picture.blocks[2].lines[-1] == "sees the image"
    assert picture.blocks[-1].x + widths[-1] < picture.width


def test_a_field_lies_where_the_middle_unit_looks():
    (box,) = field_boxes([about("b", (256, 13, 11), (27, 31)), about("c", (10,), None)], 224)
    assert (box.top, box.left, box.height, box.width) == (-6 + 4 * 6, -2 + 4 * 5, 27, 31)


def test_curves_span_their_picture():
    picture = curve_picture("loss", [1, 2, 3], {"training": [4.0, 2.0, 1.0], "validation": [float("nan"), 3.0, 2.0]})
    training, validation = picture.curves
    points = [tuple(map(float, point.split(","))) for point in training.points.split()]
    assert points[0] == (34, 6)  # the largest of all, at the first epoch
    assert points[-1][0] == picture.width - 8
    assert len(validation.points.split()) == 2
    assert (picture.low, picture.high, training.last) == ("0", "4", "1")
