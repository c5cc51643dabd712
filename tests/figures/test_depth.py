"""Table 7's figure: what is drawn is the mean and the sample deviation over folds, and names do not overlap."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.container import ErrorbarContainer

from zfnet.figures.curves.depth import Line, draw_depth, load_depth, save_depth

LAYERS = np.array(["1", "5", "7"])
LINES = [
    Line(
        network="trained",
        probe="SVM",
        layers=LAYERS,
        accuracy=np.array([[0.3, 0.4, 0.5], [0.7, 0.7, 0.7], [0.6, 0.62, 0.64]]),
    ),
    Line(
        network="trained", probe="softmax", layers=LAYERS[1:], accuracy=np.array([[0.71, 0.72, 0.73], [0.8, 0.9, 1.0]])
    ),
    Line(
        network="untrained",
        probe="SVM",
        layers=LAYERS,
        accuracy=np.array([[0.3, 0.3, 0.3], [0.4, 0.4, 0.4], [0.12, 0.11, 0.13]]),
    ),
    Line(network="paper", probe="SVM", layers=LAYERS, accuracy=np.array([[0.448], [0.862], [0.63]]), quoted=True),
]


def test_points_are_means_and_bars_are_sample_deviations():
    axes = draw_depth(LINES, 0.1).axes[0]
    drawn = [item for item in axes.containers if isinstance(item, ErrorbarContainer)]
    assert len(drawn) == len(LINES)
    for item, expected in zip(drawn, ([40, 70, 62], [72, 90], [30, 40, 12], [44.8, 86.2, 63]), strict=True):
        np.testing.assert_allclose(item[0].get_ydata(), expected)
    lengths = [segment[1, 1] - segment[0, 1] for segment in drawn[0][2][0].get_segments()]
    np.testing.assert_allclose(lengths, [20, 0, 4], atol=1e-9)  # twice 10, 0 and 2
    assert not drawn[3][2]  # the paper gives none
    assert [np.round(item[0].get_xdata()).tolist() for item in drawn[:2]] == [[0, 1, 2], [1, 2]]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == LAYERS.tolist()


def test_names_stand_apart_beside_their_ends():
    figure = draw_depth(LINES, 0.1)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    boxes = {text.get_text(): text.get_window_extent() for text in figure.axes[0].texts}
    assert set(boxes) == {"trained", "untrained", "paper", "guessing"}
    ordered = sorted(boxes.values(), key=lambda box: box.y0)
    assert all(lower.y1 <= upper.y0 for lower, upper in pairwise(ordered))
    assert max(box.x1 for box in boxes.values()) <= figure.bbox.x1


def test_lines_come_back_as_they_were_saved(tmp_path: Path):
    save_depth(tmp_path / "tab7.npz", LINES, 0.1, more=np.arange(3))
    lines, chance = load_depth(tmp_path / "tab7.npz")
    assert chance == 0.1
    for line, again in zip(LINES, lines, strict=True):
        assert (again.network, again.probe, again.quoted) == (line.network, line.probe, line.quoted)
        assert again.layers.tolist() == line.layers.tolist()
        np.testing.assert_array_equal(again.accuracy, line.accuracy)
    assert [line.of_layer("7").mean() for line in lines] == pytest.approx([62, 90, 12, 63])
    assert lines[1].of_layer("1").shape == (0,)


def test_names_of_modules_keep_the_order_that_they_were_asked_in():
    line = Line(
        network="squeezenet",
        probe="SVM",
        layers=np.array(["features.12", "features.3"]),
        accuracy=np.array([[0.5], [0.4]]),
    )
    axes = draw_depth([line], 0.1).axes[0]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["features.12", "features.3"]
    assert axes.containers[0][0].get_ydata().tolist() == pytest.approx([50, 40])
