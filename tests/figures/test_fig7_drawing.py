"""Fig. 7's picture: values where the square's centre lies, the outline where the class suffers most, the legend."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields, replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from zfnet.figures.drawing import style
from zfnet.figures.drawing.heat import Squares, draw_cells
from zfnet.figures.fig7 import COLORS, OcclusionRows, draw_fig7, legend_of, load_rows, save_rows
from zfnet.files import save_arrays


def example(count: int = 2) -> OcclusionRows:
    generator = np.random.default_rng(0)
    rows, columns = np.array([0, 8, 16, 24, 28]), np.array([0, 8, 16, 20])
    shape = (count, len(rows), len(columns))
    value = np.sort(generator.random((count, 4)), axis=1)[:, ::-1].copy()
    value[-1, 3] = -np.inf
    return OcclusionRows(
        picture=generator.integers(0, 255, (count, 40, 32, 3), dtype=np.uint8),
        path=np.array([f"{number}.jpg" for number in range(count)]),
        target=np.arange(count), known=np.ones(count, bool), rows=rows, columns=columns, size_px=np.array(12),
        probability=generator.random(shape), label=generator.integers(0, 9, shape), activity=generator.random(shape),
        map=np.arange(count), clean_probability=generator.random(count), clean_label=np.arange(count),
        clean_activity=generator.random(count) + 1, value=value,
        projection=generator.normal(size=(count, 4, 3, 10, 10)).astype(np.float32),
        patch=generator.integers(0, 255, (count, 4, 10, 10, 3), dtype=np.uint8),
        layer=np.array("conv5"), names=np.array([f"class {number}" for number in range(9)]),
    )  # fmt: skip


def test_a_value_is_drawn_where_its_squares_centre_lies():
    """On a canvas of 8 pixels a pixel, each centre has the colour of its value, and the rim shows the image."""
    rows = example()
    figure = Figure(figsize=(3.2, 4.0))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    squares, values = Squares(rows=rows.rows, columns=rows.columns, size_px=12), rows.probability[0]
    draw_cells(axes, np.zeros((40, 32, 3), np.uint8), squares, values, low=0, high=1)
    canvas = style.pixels(figure, dpi=80)
    assert canvas.shape == (320, 256, 3)
    for i, j in np.ndindex(values.shape):
        found = canvas[8 * (rows.rows[i] + 6), 8 * (rows.columns[j] + 6)]
        expected = 255 * np.array(mpl.colormaps["viridis"](values[i, j])[:3])
        assert np.abs(found - expected).max() <= 1
    for y, x in ((1, 1), (37, 15), (20, 1)):
        assert len(set(canvas[8 * y, 8 * x].tolist())) == 1  # grey


def test_cells_end_half_way_between_centres():
    across, down = Squares(rows=np.array([5]), columns=np.array([0, 8, 16, 20]), size_px=12).edges()
    assert across.tolist() == [2, 10, 18, 24, 28]
    assert down.tolist() == [5, 17]


@pytest.mark.parametrize("columns", [[0, 8, 16, 24], [4]])
def test_each_cell_is_painted_around_its_squares_centre(columns: list[int]):
    """Steps that are alike, and a single place; the last step above is shorter."""
    squares = Squares(rows=np.array([0, 10, 20]), columns=np.array(columns), size_px=12)
    values = np.random.default_rng(0).random((3, len(columns)))
    figure = Figure(figsize=(1, 1))
    draw_cells(figure.add_axes((0, 0, 1, 1)), np.full((36, 36, 3), 9, np.uint8), squares, values, low=0, high=1)
    painted = style.pixels(figure, dpi=360)
    expected = (255 * mpl.colormaps["viridis"](values)[..., :3]).round()
    for row, column in np.ndindex(values.shape):
        at = 10 * (squares.rows[row] + 6), 10 * (squares.columns[column] + 6)
        np.testing.assert_allclose(painted[at], expected[row, column], atol=1)


def outlines(axes: Axes) -> set[tuple[float, ...]]:
    return {(*box.get_xy(), box.get_width(), box.get_height()) for box in axes.patches if isinstance(box, Rectangle)}


def words(figure: Figure) -> list[str]:
    return [text.get_text() for text in [*figure.texts, *(text for axes in figure.axes for text in axes.texts)]]


def test_the_outline_lies_where_the_class_is_least_probable():
    rows = example()
    figure = draw_fig7(rows)
    for number in range(2):
        least = rows.probability[number].min()
        (row,), (column,) = (axis.tolist() for axis in np.where(rows.probability[number] == least))
        assert outlines(figure.axes[12 * number]) == {(rows.columns[column], rows.rows[row], 12, 12)}
        assert f"least {least:.2g}" in words(figure)


def test_only_tiles_that_are_there_are_drawn_and_this_images_is_framed():
    figure = draw_fig7(example())
    panels = [figure.axes[number] for number in (2, 3, 14, 15)]
    assert [len(axes.images) for axes in panels] == [4, 4, 3, 3]
    for axes in panels:
        left, right, bottom, top = axes.images[0].get_extent()
        assert outlines(axes) == {(left, top, right - left, bottom - top)} == {(0, 0, right, bottom)}


def test_the_legend_counts_every_place_once():
    label = np.random.default_rng(0).integers(0, 12, (20, 20))
    legend, counts = legend_of(label, 3), Counter(label.ravel().tolist())
    assert len(legend) == len(COLORS)
    assert legend[0] == ([3], counts[3] / 400)
    common = [one for one, _ in counts.most_common() if one != 3]
    assert [counts[line[0]] for line, _ in legend[1:-1]] == [counts[one] for one in common[: len(COLORS) - 2]]
    assert sorted(one for line, _ in legend for one in line) == sorted(counts)
    assert sum(share for _, share in legend) == pytest.approx(1)
    assert legend_of(np.full((2, 2), 5), 1) == [([1], 0.0), ([5], 1.0)]


def test_names_stand_beside_the_colours_of_their_places():
    rows = replace(example(1), label=np.array([[[0, 0, 7, 7], [0, 7, 7, 7]] + [[7] * 4] * 3]))
    figure = draw_fig7(rows)
    assert {"15%  class 0", "85%  class 7"} <= set(words(figure))
    shown = figure.axes[5].images[1]
    drawn = shown.cmap(shown.norm(shown.get_array()))
    expected = [COLORS[0] if label == 0 else COLORS[1] for label in rows.label.ravel()]
    assert [mpl.colors.to_hex(color) for color in drawn.reshape(-1, 4)] == expected


def test_activity_is_in_percent_of_the_clean_one_and_raw_where_that_is_no_measure():
    rows = example(1)
    percent = draw_fig7(rows).axes[1].images[1].get_array()
    np.testing.assert_allclose(percent, 100 * rows.activity[0] / rows.clean_activity[0])
    negative = replace(rows, clean_activity=np.array([-2.0]))
    figure = draw_fig7(negative)
    np.testing.assert_allclose(figure.axes[1].images[1].get_array(), rows.activity[0])
    (bar,) = figure.axes[7].images
    (mark,) = figure.axes[7].lines
    assert mark.get_xdata()[0] == pytest.approx(bar.get_extent()[0])  # the clean one is the least
    assert "-2" in words(figure)


def test_activity_is_coloured_from_its_least_to_its_largest_and_the_note_says_so():
    rows = example(1)
    activity = 80 + 40 * (rows.activity - rows.activity.min()) / np.ptp(rows.activity)
    figure = draw_fig7(replace(rows, activity=activity, clean_activity=np.array([100.0])))
    assert figure.axes[1].images[1].get_clim() == pytest.approx((80, 120))  # not from 0: that is one colour
    assert {"80%", "120%"} <= {text.get_text() for text in figure.axes[7].texts}
    assert "(b) run from its least to its largest value" in figure.texts[-1].get_text()
    even = draw_fig7(replace(rows, activity=0 * activity + 50, clean_activity=np.array([50.0])))
    assert even.axes[1].images[1].get_clim() == (100, 101)


def test_a_silent_map_and_an_impossible_class_have_bars_from_zero_to_one():
    rows = example(1)
    silent = replace(
        rows, activity=0 * rows.activity, clean_activity=np.zeros(1), probability=0 * rows.probability,
        clean_probability=np.zeros(1),
    )  # fmt: skip
    figure = draw_fig7(silent)
    for panel in (1, 4):
        assert figure.axes[panel].images[1].get_clim() == (0, 1)
        (mark,) = figure.axes[panel + 6].lines
        assert list(mark.get_xdata()) == [0, 0]


def test_a_class_that_was_not_told_is_called_so():
    rows = replace(example(1), known=np.array([False]))
    told = words(draw_fig7(rows))
    assert any(text.startswith("taken for: class 0") for text in told)
    assert "(d) probability of the\nclass under (a)" in told
    assert any(text.startswith("true: class 0") for text in words(draw_fig7(example(1))))


def test_one_place_alone_is_drawn():
    rows = example(1)
    one = replace(rows, rows=rows.rows[:1], columns=rows.columns[:1], **{
        name: getattr(rows, name)[:, :1, :1] for name in ("probability", "label", "activity")
    })  # fmt: skip
    assert draw_fig7(one).axes[4].images[1].get_array().shape == (1, 1)


def test_arrays_come_back_as_they_were(tmp_path: Path):
    rows = example()
    save_rows(tmp_path / "fig7.npz", rows)
    back = load_rows(tmp_path / "fig7.npz")
    for field in fields(OcclusionRows):
        np.testing.assert_array_equal(getattr(back, field.name), getattr(rows, field.name))
    save_arrays(tmp_path / "other.npz", "fig2", {"a": np.zeros(2)})
    with pytest.raises(ValueError, match="holds the arrays of 'fig2', expected 'fig7'"):
        load_rows(tmp_path / "other.npz")
