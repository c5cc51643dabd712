"""Figures of a classifier's mistakes."""

import numpy as np

from zfnet.figures.drawing import style
from zfnet.figures.mistakes import NAMED, Mistake, draw_confusion, draw_mistakes, short


def test_each_row_of_the_matrix_is_shown_as_shares_of_its_class():
    counts = np.array([[3, 1, 0], [0, 0, 0], [0, 2, 2]])
    figure = draw_confusion(counts, ("ant", "bee, honeybee", "cat"))
    (axes,) = figure.axes
    shown = axes.images[0].get_array()
    np.testing.assert_allclose(shown, [[0.75, 0.25, 0], [0, 0, 0], [0, 0.5, 0.5]])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["ant", "bee", "cat"]
    assert "8 images, 5 right" in figure.texts[0].get_text()
    many = draw_confusion(np.eye(NAMED + 1, dtype=np.int64), [f"class {n}" for n in range(NAMED + 1)])
    assert "class 0" not in [label.get_text() for label in many.axes[0].get_yticklabels()]


def test_mistakes_are_shown_with_both_classes_the_worst_first():
    pictures = [np.full((8, 8, 3), shade, np.uint8) for shade in (10, 200)]
    mistakes = [
        Mistake(picture=picture, truth="ant", answer="bee", truth_probability=0.001, answer_probability=0.97)
        for picture in pictures
    ]
    figure = draw_mistakes(mistakes)
    assert [axes.images[0].get_array()[0, 0, 0] for axes in figure.axes] == [10, 200]
    assert figure.texts[1].get_text() == "ant 0.1%\ntaken for bee 97%"
    assert style.pixels(draw_mistakes([])).ndim == 3
    assert short("a name that is much longer than what fits, another") == "a name that is much..."
