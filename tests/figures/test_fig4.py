"""Fig. 4's drawing: every tile where its map and epoch say, what died is said, and it comes again from its arrays."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from zfnet.figures.curves.settling import Settling, draw_settling
from zfnet.figures.drawing import style
from zfnet.figures.fig4 import LayerEvolution, draw_fig4, load_evolution, save_evolution

EPOCHS, MAPS, PX = 3, 4, 6


def colour(epoch: int, number: int) -> list[int]:
    return [60 * epoch + 20, 50 * number + 10, 90]


@pytest.fixture
def one() -> LayerEvolution:
    """Every patch of a colour of its own; map 0 died in the second epoch, map 1 was dead in the first."""
    patch = np.zeros((EPOCHS, MAPS, PX, PX, 3), np.uint8)
    projection = np.zeros((EPOCHS, MAPS, 3, PX, PX), np.float32)
    for epoch in range(EPOCHS):
        for number in range(MAPS):
            patch[epoch, number] = colour(epoch, number)
            projection[epoch, number] = 1 if (epoch + number) % 2 else -1
    value = np.full((EPOCHS, MAPS), 2.0)
    now = value.copy()
    now[1, 0], value[0, 1], now[0, 1] = -0.5, 0, 0
    projection[1, 0] = projection[0, 1] = 0
    image = np.arange(EPOCHS * MAPS).reshape(EPOCHS, MAPS)
    return LayerEvolution(
        layer="conv3", epochs=np.array([1, 2, 40]), maps=np.array([3, 8, 11, 20]), value=value, value_now=now,
        image=image, label=image % 5, path=image.astype(np.str_), projection=projection, patch=patch,
    )  # fmt: skip


@pytest.fixture
def settling() -> Settling:
    epochs = np.array([0, 1, 2, 40])
    similarity = {
        "activations": {"conv3": np.array([0.2, 0.95, 0.97, 1.0]), "features.4": np.array([-0.1, 0.3, 0.8, 1.0])},
        "projections": {"conv3": np.array([0.5, 0.7, 0.92, 1.0]), "features.4": np.array([0.0, 0.1, 0.2, 1.0])},
    }
    settled = {"activations": {"conv3": 1, "features.4": 40}, "projections": {"conv3": 2, "features.4": 40}}
    return Settling(epochs=epochs, similarity=similarity, settled=settled, threshold=0.9)


def tiles(axes, shown: np.ndarray) -> list[list[int]]:
    """The drawn colour at the centre of each picture of the axes, row by row."""
    found = []
    for image in axes.images:
        left, right, bottom, top = image.get_extent()
        across, up = axes.transData.transform(((left + right) / 2 - 0.35, (bottom + top) / 2 - 0.35))
        found.append((round(top, 3), round(left, 3), shown[len(shown) - 1 - round(up), round(across)].tolist()))
    return [color for _, _, color in sorted(found)]


def test_a_row_is_a_map_and_a_column_an_epoch(one: LayerEvolution):
    figure = draw_fig4([one, replace(one, layer="conv5")], maps=2, picture="patch")
    figure.set_dpi(100)
    shown = style.pixels(figure)
    for axes in figure.axes:
        assert tiles(axes, shown) == [colour(epoch, number) for number in range(2) for epoch in range(EPOCHS)]
        assert [text.get_text() for text in axes.texts] == ["epoch 1", "2", "40", "3", "8"]
    assert [text.get_text() for text in figure.texts[:2]] == [
        "conv3: image patches, 6 × 6 px",
        "conv5: image patches, 6 × 6 px",
    ]


def test_what_died_is_grey_and_said_to_have(one: LayerEvolution):
    figure = draw_fig4([one])
    figure.set_dpi(100)
    shown = style.pixels(figure)
    black, grey, white = [0] * 3, [127] * 3, [255] * 3
    drawn = [color for axes in figure.axes for color in tiles(axes, shown)]
    assert drawn[:6] == [black, grey, black, grey, black, white]
    words = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert (words.count("died"), words.count("dead")) == (1, 1)
    patches = draw_fig4([one], picture="patch").axes
    assert not {"died", "dead"} & {text.get_text() for axes in patches for text in axes.texts}
    with pytest.raises(ValueError, match="picture='both' is not one of projection, patch"):
        draw_fig4([one], picture="both")


def epochs_of(one: LayerEvolution, count: int, layer: str) -> LayerEvolution:
    arrays = {field.name: getattr(one, field.name) for field in fields(one) if field.name not in ("layer", "maps")}
    repeated = {name: np.concatenate([values] * (count // EPOCHS + 1))[:count] for name, values in arrays.items()}
    return replace(one, layer=layer, **repeated)


@pytest.mark.parametrize(("count", "lines"), [(5, [3, 2]), (8, [2, 2, 2])])
def test_blocks_fill_the_width(one: LayerEvolution, count: int, lines: list[int]):
    """Five layers: of 8 epochs, as in the paper, the fifth lies in two columns of half its maps."""
    figure = draw_fig4([epochs_of(one, count, f"conv{number}") for number in range(1, 6)])
    boxes = [axes.get_position() for axes in figure.axes]
    tops = sorted({round(box.y1, 6) for box in boxes}, reverse=True)
    assert [sum(round(box.y1, 6) == top for box in boxes) for top in tops] == lines
    inches = figure.get_size_inches()[0]
    for top in tops:
        own = [box for box in boxes if round(box.y1, 6) == top]
        assert inches * min(box.x0 for box in own) == pytest.approx(0.2)
        assert inches * (1 - max(box.x1 for box in own)) < 0.35
    shown = [
        text.get_text() for axes in figure.axes for text in axes.texts if text.get_text() in ("3", "8", "11", "20")
    ]
    assert shown == ["3", "8", "11", "20"] * 5
    assert [text.get_text()[:5] for text in figure.texts[:-1]] == ["conv1", "conv2", "conv3", "conv4", "conv5"]
    assert "gain=p99.9" in figure.texts[-1].get_text()


def test_the_curves_are_the_similarities_and_rings_mark_where_layers_settle(settling: Settling):
    activations, projections = draw_settling(settling).axes
    for axes, kind in ((activations, "activations"), (projections, "projections")):
        lines = {line.get_label(): line for line in axes.lines if not line.get_label().startswith("_")}
        for layer, values in settling.similarity[kind].items():
            np.testing.assert_array_equal(lines[layer].get_xydata(), np.stack([settling.epochs, values], axis=1))
        rings = [tuple(line.get_xydata()[0]) for line in axes.lines if line.get_markersize() == 8]
        of_layers = settling.similarity[kind]
        expected = [
            (at, of_layers[layer][list(settling.epochs).index(at)]) for layer, at in settling.settled[kind].items()
        ]
        assert rings == expected
        assert axes.get_ylim()[0] <= min(values.min() for values in of_layers.values())
        assert [tick.get_text() for tick in axes.get_xticklabels()] == ["0", "1", "2", "5", "10", "20", "30", "40"]


def test_arrays_come_back_and_draw_the_same(one: LayerEvolution, settling: Settling, tmp_path):
    other = replace(one, layer="features.4", patch=one.patch[..., :4, :4, :], projection=one.projection[..., :4, :4])
    save_evolution(tmp_path / "fig4.npz", [one, other], settling)
    layers, again = load_evolution(tmp_path / "fig4.npz")
    for before, after in zip((one, other), layers, strict=True):
        for field in fields(LayerEvolution):
            np.testing.assert_array_equal(getattr(after, field.name), getattr(before, field.name))
    assert (again.settled, again.threshold) == (settling.settled, 0.9)
    np.testing.assert_array_equal(style.pixels(draw_fig4([one, other])), style.pixels(draw_fig4(layers)))
    np.testing.assert_array_equal(style.pixels(draw_settling(settling)), style.pixels(draw_settling(again)))
