"""Fig. 6's drawing: the panels that are there, their numbers under them, and redrawing."""

from dataclasses import replace

import numpy as np
import pytest

from zfnet.figures.drawing import style
from zfnet.figures.fig6 import Panel, draw_fig6, load_panels, save_panels


def panel(letter: str, count: int = 6, px: int = 7) -> Panel:
    pictures = np.random.default_rng(ord(letter)).normal(size=(count, 3, px, px)).astype(np.float32)
    return Panel(
        letter=letter,
        pictures=pictures,
        dead=3,
        maps=96,
        images=1234,
        bands=np.array([0.125, 0.25, 0.625]),
        ratio=2.345,
    )


def test_the_story_tells_the_numbers() -> None:
    assert panel("a").story().splitlines() == [
        "dead: 3 of 96 maps (3.1%) on 1,234 images",
        "energy in low, middle, high frequencies: 12, 25, 62 %",
        "largest over median filter norm: 2.35",
    ]


def test_panels_that_are_there_are_drawn_with_their_letters() -> None:
    for letters in ("abcde", "c", "ce", "bd"):
        figure = draw_fig6([panel(letter) for letter in letters])
        assert len(figure.axes) == len(letters)
        said = [text.get_text() for text in figure.texts]
        assert [words[1] for words in said if words.startswith("(")] == list(letters)
        assert sum(words.startswith("dead:") for words in said) == len(letters)


@pytest.mark.parametrize(("letters", "rows"), [("abcde", [3, 2]), ("bcde", [2, 2]), ("bcd", [3]), ("ce", [2])])
def test_every_row_fills_the_width(letters: str, rows: list[int]) -> None:
    figure = draw_fig6([panel(letter) for letter in letters])
    boxes = [axes.get_position() for axes in figure.axes]
    tops = sorted({round(box.y1, 6) for box in boxes}, reverse=True)
    assert [sum(round(box.y1, 6) == top for box in boxes) for top in tops] == rows
    for top in tops:
        own = [box for box in boxes if round(box.y1, 6) == top]
        assert max(box.x1 for box in own) == pytest.approx(1 - min(box.x0 for box in own))


def test_the_gain_is_of_projections_and_in_the_note() -> None:
    figures = [draw_fig6([panel("c"), panel("e")], gain=gain) for gain in ("largest", "p75")]
    (filters, projections), (same, other) = ([axes.images[0].get_array() for axes in one.axes] for one in figures)
    np.testing.assert_array_equal(filters, same)
    assert np.abs(projections - other).max() > 0.1
    assert "gain=p75" in figures[1].texts[-1].get_text()


def test_filters_share_a_scale_and_projections_do_not() -> None:
    pictures = np.ones((4, 3, 5, 5), np.float32) * np.array([1, 2, 4, 8], np.float32)[:, None, None, None]
    sheets = {}
    for letter in "ad":
        one = replace(panel(letter), pictures=pictures)
        sheets[letter] = draw_fig6([one]).axes[0].images[0].get_array()
    assert sheets["a"][0, 0, 0] == 0.5 + 0.5 / 8
    assert sheets["a"][-1, -1, 0] == 1
    assert sheets["d"][0, 0, 0] == sheets["d"][-1, -1, 0] == 1


def test_arrays_come_back_and_draw_the_same(tmp_path) -> None:
    panels = [panel("c"), panel("e", 9, 27)]
    save_panels(tmp_path / "fig6.npz", panels)
    loaded = load_panels(tmp_path / "fig6.npz")
    np.testing.assert_array_equal(*(style.pixels(draw_fig6(some)) for some in (panels, loaded)))
    assert [one.story() for one in loaded] == [one.story() for one in panels]
