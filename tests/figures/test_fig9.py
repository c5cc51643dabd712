"""Fig. 9: what is drawn is the mean and the sample deviation over folds, ours and the paper's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.container import ErrorbarContainer

from zfnet.figures.curves.fig9 import Curves, draw_fig9, load_curves, save_curves, spread

CURVES = Curves(
    title="caltech256: 256 classes, 3 folds", per_class=np.array([15, 30, 45]), chance=1 / 256,
    accuracy={
        "pretrained": np.array([[0.5, 0.6, 0.55], [0.7, 0.71, 0.72], [0.8, 0.8, 0.8]]),
        "scratch": np.array([[0.1, 0.2, 0.3], [0.2, 0.3, np.nan], [0.4, 0.5, 0.3]]),
    },
)  # fmt: skip
PAPER = {("scratch", 30): (22.5, 0.7), ("scratch", 15): (9.0, 1.4), ("pretrained", 15): (65.7, 0.2)}


def test_lines_are_means_and_bars_are_deviations():
    axes = draw_fig9(CURVES, PAPER).axes[0]
    drawn = {item.get_label(): item for item in axes.containers if isinstance(item, ErrorbarContainer)}
    assert len(drawn) == 4
    line, _, (bars,) = drawn["pretrained, new softmax"]
    np.testing.assert_allclose(line.get_xydata(), [(15, 55), (30, 71), (45, 80)])
    lengths = [segment[1, 1] - segment[0, 1] for segment in bars.get_segments()]
    np.testing.assert_allclose(lengths, [10, 2, 0], atol=1e-9)  # twice the sample deviations 5, 1, 0
    line, _, _ = drawn["from scratch"]
    np.testing.assert_allclose(line.get_xydata(), [(15, 20), (45, 40)])  # a fold is missing at 30
    line, _, (bars,) = drawn["from scratch (paper, Caltech-256)"]
    np.testing.assert_allclose(line.get_xydata(), [(15, 9), (30, 22.5)])
    np.testing.assert_allclose(bars.get_segments()[0][:, 1], [7.6, 10.4])


def test_the_legend_lies_above_all_that_is_drawn():
    high = Curves(
        title="easy", per_class=np.array([5, 10]), chance=0.1,
        accuracy={"pretrained": np.ones((2, 2)), "scratch": np.ones((2, 2)) * 0.98},
    )  # fmt: skip
    figure = draw_fig9(high, PAPER)
    FigureCanvasAgg(figure).draw()
    axes, legend = figure.axes[0], figure.axes[0].get_legend()
    assert legend is not None
    box = legend.get_window_extent()
    assert box.y0 >= axes.get_window_extent().y1 > axes.transData.transform((0, 100))[1]
    assert box.x1 <= figure.bbox.x1
    (title,) = figure.texts
    assert title.get_window_extent().y0 >= box.y1


def test_curves_come_back_as_they_were_saved(tmp_path: Path):
    save_curves(tmp_path / "fig9.npz", CURVES)
    again = load_curves(tmp_path / "fig9.npz")
    assert (again.title, again.chance, list(again.accuracy)) == (CURVES.title, CURVES.chance, list(CURVES.accuracy))
    np.testing.assert_array_equal(again.per_class, CURVES.per_class)
    for method, values in CURVES.accuracy.items():
        np.testing.assert_array_equal(again.accuracy[method], values)
    np.savez(tmp_path / "other.npz", figure="fig2")
    with pytest.raises(ValueError, match="holds the arrays of 'fig2', expected 'fig9'"):
        load_curves(tmp_path / "other.npz")


def test_one_fold_has_no_deviation():
    assert spread(np.array([[0.5], [0.7]])).tolist() == [0, 0]
