"""Fig. 5's picture: every curve in its panel and its image's colour, pictures in their places, names in the legend."""

from __future__ import annotations

from dataclasses import fields, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from zfnet.figures.drawing import style
from zfnet.figures.fig5 import COLORS, Curves, Subjects, draw_fig5, load_curves, save_curves
from zfnet.files import save_arrays


def subjects(count: int = 3, layers: tuple[str, ...] = ("1", "7")) -> Subjects:
    return Subjects(
        path=np.array([f"{number}.jpg" for number in range(count)]), target=np.arange(count),
        known=np.ones(count, bool), label=np.arange(count), probability=np.linspace(0.25, 0.75, count),
        layers=np.array(layers), names=np.array([f"class {number}" for number in range(30)]),
    )  # fmt: skip


def curves(count: int = 3, values: tuple[float, ...] = (2, 0, -2, 1), layers: int = 2, seed: int = 0) -> Curves:
    generator = np.random.default_rng(seed)
    shape = (count, len(values))
    return Curves(
        values=np.array(values, float), identity=np.array(0.0), distance=generator.random((layers, *shape)),
        norm=generator.random((layers, count)), probability=generator.random(shape),
        label=generator.integers(0, 3, shape), shown=np.array([-2.0, 2.0]),
        picture=generator.integers(0, 255, (count, 2, 8, 10, 3), dtype=np.uint8),
    )  # fmt: skip


def plots(figure: Figure) -> list:
    return [axes for axes in figure.axes if axes.get_xlabel()]


def words(figure: Figure) -> list[str]:
    return [text.get_text() for text in [*figure.texts, *(text for axes in figure.axes for text in axes.texts)]]


def test_every_curve_is_in_its_panel_in_order_and_in_its_images_colour():
    rows = {"translation_y": curves(seed=1), "rotation": curves(seed=2)}
    figure = draw_fig5(subjects(), rows)
    panels = plots(figure)
    assert len(panels) == 6
    order = [2, 1, 3, 0]
    expected = [panel for row in rows.values() for panel in (*row.distance, row.probability)]
    for axes, values in zip(panels, expected, strict=True):
        *drawn, identity = sorted(axes.lines, key=lambda line: len(line.get_xdata()) == 2)
        assert list(identity.get_xdata()) == [0, 0]
        assert axes.get_xlim() == (-2, 2)
        assert axes.get_ylim()[0] == 0
        assert [line.get_color() for line in drawn] == list(COLORS[:3])
        for line, curve in zip(drawn, values, strict=True):
            np.testing.assert_array_equal(line.get_xdata(), [-2, 0, 1, 2])
            np.testing.assert_array_equal(line.get_ydata(), curve[order])
    assert [axes.get_xlabel() for axes in panels[::3]] == ["px down", "degrees counter-clockwise"]
    titles = ["(a1) vertical translation", "(a2) distance at layer 1", "(b3) distance at layer 7"]
    assert {*titles, "(b1) rotation", "(b4) probability of the true class"} <= set(words(figure))


def test_each_image_has_a_line_of_pictures_with_its_colour_before_it():
    row = curves()
    figure = draw_fig5(subjects(), {"scale": row})
    (panel,) = (axes for axes in figure.axes if axes.images)
    assert len(panel.images) == 6
    for at, image in enumerate(panel.images):
        np.testing.assert_array_equal(image.get_array(), row.picture[divmod(at, 2)])
        left, right, bottom, top = image.get_extent()
        assert (right - left) / (bottom - top) == pytest.approx(10 / 8)
    tops = [image.get_extent()[3] for image in panel.images[::2]]
    assert [stripe.get_y() for stripe in panel.patches] == pytest.approx(tops)
    assert {"-2", "2"} <= set(words(figure))


def test_names_and_what_an_image_is_taken_for_stand_in_the_legend():
    wrong = replace(subjects(), label=np.array([0, 9, 2]))
    told = words(draw_fig5(wrong, {"blur": curves()}))
    assert {"class 0, p = 0.25", "class 1, p = 0.50\ntaken for: class 9", "class 2, p = 0.75"} <= set(told)
    guessed = replace(subjects(), known=np.array([True, False, True]), layers=np.array(["features.2", "7"]))
    told = words(draw_fig5(guessed, {"blur": curves()}))
    assert {"(a2) distance at features.2", "(a4) probability of the class above"} <= set(told)


def test_many_images_and_layers_and_one_of_each_are_drawn_apart():
    many = draw_fig5(subjects(10, ("1", "3", "7")), {"scale": curves(10, layers=3)})
    lines = [line for line in plots(many)[0].lines if len(line.get_xdata()) == 4]
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == 10
    edges = [(axes.get_position().x0, axes.get_position().x1) for axes in plots(many)]
    assert len(edges) == 4
    assert all(before[1] < after[0] for before, after in pairwise(edges))
    assert edges[-1][1] <= 1
    one = style.pixels(draw_fig5(subjects(1, ("7",)), {"scale": curves(1, layers=1)}), dpi=30)
    assert one.shape[1] == 300


def test_arrays_come_back_as_they_were(tmp_path: Path):
    given, rows = subjects(), {"translation_y": curves(seed=1), "rotation": curves(seed=2)}
    save_curves(tmp_path / "fig5.npz", given, rows)
    back, again = load_curves(tmp_path / "fig5.npz")
    assert list(again) == list(rows)
    for kind, before, after in ((Subjects, given, back), *((Curves, rows[name], again[name]) for name in rows)):
        for field in fields(kind):
            np.testing.assert_array_equal(getattr(after, field.name), getattr(before, field.name))
    save_arrays(tmp_path / "other.npz", "fig7", {"a": np.zeros(2)})
    with pytest.raises(ValueError, match="holds the arrays of 'fig7', expected 'fig5'"):
        load_curves(tmp_path / "other.npz")
