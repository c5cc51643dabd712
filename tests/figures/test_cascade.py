"""The audit's cascade: nothing that was measured falls below its axes."""

import pytest

from zfnet.figures.audit.cascade import draw_cascade


def row(condition: str, mean: float, **given: object) -> dict[str, object]:
    usual = {"question": "cascade", "target": "class", "method": "gradient", "measure": "cosine", "low": None,
             "high": None, "blank": 0, "mean_without_blank": None, "refused": ""}  # fmt: skip
    return {**usual, "condition": condition, "mean": mean, **given}


@pytest.mark.parametrize(
    ("least", "rows"),
    [
        (0.4, [row("down to fc8", 0.4)]),
        (-0.41, [row("down to fc8", -0.41)]),
        (-0.6, [row("down to fc8", -0.41, low=-0.6, high=-0.2)]),
        (-0.5, [row("down to fc8", -0.1, blank=3, mean_without_blank=-0.5)]),
        (-0.3, [row("down to fc8", 0.2), row("another image", -0.3, question="sensitivity")]),
    ],
)
def test_the_axes_reach_below_the_least(least: float, rows: list[dict[str, object]]):
    axes = draw_cascade(rows).axes[0]
    assert axes.get_ylim()[0] <= min(-0.2, least) - 0.04
    assert axes.get_ylim()[1] == 1.05
