"""An animation has every figure once, in order, the last one longest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from zfnet.figures.drawing import style
from zfnet.figures.drawing.film import DPI, EACH_MS, LAST_MS, save_film
from zfnet.figures.drawing.montage import around_grey
from zfnet.figures.fig4 import LayerEvolution
from zfnet.figures.sheets.epoch import draw_epoch


def shades() -> list[Figure]:
    return [Figure(figsize=(1, 0.5), facecolor=(shade,) * 3) for shade in (0.2, 0.5, 0.9)]


@pytest.mark.parametrize("kind", ["webp", "gif"])
def test_frames_are_the_figures_in_order(tmp_path: Path, kind: str):
    path = save_film(shades(), tmp_path / f"film.{kind}")
    expected = [style.pixels(figure, DPI) for figure in shades()]
    with Image.open(path) as film:
        assert film.n_frames == 3  # type: ignore[attr-defined]
        assert film.info.get("loop") == 0
        times_ms = []
        for number, frame in enumerate(expected):
            film.seek(number)
            film.load()
            times_ms.append(film.info["duration"])
            assert np.abs(np.asarray(film.convert("RGB")).astype(int) - frame).max() <= 4
    assert times_ms == [EACH_MS, EACH_MS, LAST_MS]


def test_another_kind_is_told(tmp_path: Path):
    with pytest.raises(ValueError, match="film=mp4 is not one of webp, gif"):
        save_film(shades(), tmp_path / "film.mp4")
    with pytest.raises(ValueError, match="no figures"):
        save_film([], tmp_path / "film.gif")


def test_an_epochs_picture_shows_that_epoch():
    generator = np.random.default_rng(0)
    shape, epochs = (3, 5), np.array([1, 4, 9])
    one = LayerEvolution(
        layer="conv2", epochs=epochs, maps=np.arange(5), value=np.ones(shape), value_now=np.ones(shape),
        image=np.array([[0, 1, 2, 3, -1]] * 3), label=np.zeros(shape, int), path=np.full(shape, ""),
        projection=generator.normal(size=(*shape, 3, 8, 8)).astype(np.float32),
        patch=generator.integers(0, 256, (*shape, 8, 8, 3), dtype=np.uint8),
    )  # fmt: skip
    figure = draw_epoch([one, one], 1)
    assert {text.get_text() for text in figure.texts} == {"epoch 4", "conv2, 8 × 8 px"}
    projections, patches = (np.asarray(axes.images[0].get_array()) for axes in figure.axes[:2])
    assert np.allclose(projections[:48:6, :48:6], around_grey(one.projection[1, :1])[0])
    assert np.allclose(patches[:48:6, :48:6], one.patch[1, 0] / 255)
    beyond = 48 + 2  # the gap
    assert np.allclose(patches[beyond : beyond + 48, beyond : beyond + 48], 1)  # no image there
