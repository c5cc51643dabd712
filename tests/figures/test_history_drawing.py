"""Training curves: what lines and rings lie where, and the moving average against its definition."""

from dataclasses import replace

import numpy as np
import pytest

from zfnet.figures.curves.history import Histories, draw_history, smoothed


def two_runs() -> Histories:
    """A run of 4 epochs that overfits after the second, and one of 3 that does not."""
    values = {
        "train_loss": [1.0, 0.6, 0.3, 0.1, 1.1, 0.9, 0.8], "val_loss": [1.0, 0.8, 0.9, 1.3, 1.0, 0.8, 0.7],
        "train_top1_error": [0.5, 0.3, 0.1, 0.0, 0.6, 0.5, 0.4],
        "val_top1_error": [0.5, 0.25, 0.3, 0.25, 0.5, 0.4, 0.3],
        "train_top5_error": [0.2, 0.1, 0.0, 0.0, 0.3, 0.2, 0.1], "val_top5_error": [0.2, 0.1, 0.05, 0.1, 0.2, 0.1, 0.1],
    }  # fmt: skip
    return Histories(
        label=np.array(["plain", "augmented"]), run=np.array([0] * 4 + [1] * 3), epoch=np.array([1, 2, 3, 4, 1, 2, 3]),
        **{name: np.array(column) for name, column in values.items()},
    )  # fmt: skip


@pytest.mark.parametrize(("show", "sign"), [("error", 1), ("accuracy", -1)])
def test_lines_are_the_columns_and_rings_the_best_epochs(show: str, sign: int):
    histories = two_runs()
    loss, right = draw_history(histories, show).axes
    base = 0 if show == "error" else 100
    for axes, name, scale in ((loss, "loss", 1), (right, "top1_error", 100 * sign)):
        offset = base if axes is right else 0
        lines = [line for line in axes.get_lines() if line.get_marker() == "None"]
        for number, line in enumerate(lines):
            one, part = histories.of(number // 2), ("train", "val")[number % 2]
            assert line.get_xdata().tolist() == one.epoch.tolist()
            np.testing.assert_allclose(line.get_ydata(), offset + scale * getattr(one, f"{part}_{name}"))
        assert len(lines) == 4
    rings = [line for line in right.get_lines() if line.get_marker() == "o"]
    assert [ring.get_xdata()[0] for ring in rings] == [2, 3]  # of two equals the first
    assert [ring.get_ydata()[0] for ring in rings] == pytest.approx([base + sign * 25, base + sign * 30])
    told = " ".join(text.get_text() for text in draw_history(histories, show).texts)
    assert f"plain:  best {show} {25.0 if show == 'error' else 75.0} % after epoch 2 of 4" in told


def test_the_moving_average_is_a_weighted_mean_of_what_came_so_far():
    values = np.random.default_rng(0).standard_normal(9)
    for factor in (0.0, 0.3, 0.9):
        weights = factor ** np.arange(9.0)
        expected = [np.average(values[: k + 1], weights=weights[: k + 1][::-1]) for k in range(9)]
        np.testing.assert_allclose(smoothed(values, factor), expected, atol=1e-12)


def test_smoothed_lines_lie_over_faint_ones_and_the_factor_is_named():
    figure = draw_history(two_runs(), "error", smoothing=0.6)
    faint = [line for line in figure.axes[0].get_lines() if line.get_alpha() is not None]
    assert len(faint) == 4
    assert "factor 0.6" in " ".join(text.get_text() for text in figure.texts)


def test_one_epoch_is_a_point():
    one = two_runs().of(1)
    single = replace(one, **{name: getattr(one, name)[:1] for name in list(one.__dataclass_fields__)[1:]})
    assert all(line.get_marker() == "o" for line in draw_history(single).axes[1].get_lines())


@pytest.mark.parametrize("wrong", [{"show": "hits"}, {"top": 3}, {"smoothing": 1.0}, {"smoothing": "strong"}])
def test_a_wrong_choice_is_named(wrong: dict[str, object]):
    with pytest.raises(ValueError, match="expected one of accuracy, error, 1 or 5, and a factor from 0 to below 1"):
        draw_history(two_runs(), **wrong)


def test_long_names_of_a_sweep_stay_within_the_figure_and_apart():
    names = [f"experiment=cats_dogs,{'model.input_px=72,' * 5}training.dropout={dropout}" for dropout in (0.25, 0.5)]
    figure = draw_history(replace(two_runs(), label=np.array(names)))
    figure.canvas.draw()
    entries = [text for text in figure.texts if "best accuracy" in text.get_text()]
    assert "training.dropout=0.25:" in entries[0].get_text()
    assert "training.dropout=0.5:" in entries[1].get_text()
    boxes = [text.get_window_extent() for text in figure.texts]
    assert all(box.x1 <= figure.bbox.x1 for box in boxes)
    assert not any(one.overlaps(other) for place, one in enumerate(boxes) for other in boxes[:place])
