"""Scales against numpy by hand, the layout of the sheet, maps at the image's size, and how long 512 channels take."""

from __future__ import annotations

import time
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import map_coordinates

from experiments.activations import MEANS
from zfnet.figures.activations.channels import channel_sheet, columns_of, draw_channels, pages_of
from zfnet.figures.activations.maps import (
    LayerMaps,
    colour_map,
    coloured,
    over,
    resized,
    shades,
    standard_scaled,
    unit_scaled,
)
from zfnet.figures.activations.means import TITLE, draw_means
from zfnet.figures.activations.over import draw_over
from zfnet.figures.activations.saved import Activations, load_activations, save_activations
from zfnet.figures.drawing import style


def maps(channels: int = 6, images: int = 2, height: int = 5, width: int = 7) -> np.ndarray:
    values = (
        np.random.default_rng(0).normal(size=(images, channels, height, width))
        * np.arange(1, channels + 1)[:, None, None]
    )
    values[:, 2] = 3.3  # constant on all images
    return values.astype(np.float32)


def picture(px: int = 40) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 255, (px, px, 3), dtype=np.uint8)


def test_both_scales_by_hand() -> None:
    values = maps()
    unit, standard = unit_scaled(values), standard_scaled(values)
    for channel in range(6):
        own = values[:, channel].astype(np.float64)  # over both images
        if channel == 2:
            assert (unit[:, channel] == 0).all()
            assert (standard[:, channel] == 128).all()
            continue
        np.testing.assert_allclose(unit[:, channel], (own - own.min()) / (own.max() - own.min()), atol=1e-12)
        by_hand = np.clip((own - own.mean()) / own.std() * 64 + 128, 0, 255)
        np.testing.assert_allclose(standard[:, channel], by_hand, atol=1e-9)
    np.testing.assert_array_equal(shades(values, "standard"), standard / 255)
    with pytest.raises(ValueError, match="scale 'minmax' is not one of unit, standard"):
        shades(values, "minmax")


def test_colour_maps_by_name_and_the_close_ones_of_a_wrong_name() -> None:
    places = np.linspace(0, 1, 12).reshape(3, 4)
    expected = (mpl.colormaps["magma"](places)[..., :3] * 255).round()
    assert np.abs(coloured(places, "magma").astype(int) - expected).max() <= 1
    with pytest.raises(ValueError, match="colour map 'virids' is not one of matplotlib's; close to it: viridis"):
        colour_map("virids")


def test_every_channel_has_its_tile() -> None:
    assert [columns_of(count) for count in (1, 3, 64, 96, 256, 384, 512, 1000)] == [1, 2, 8, 16, 16, 32, 32, 32]
    shaded = np.linspace(0, 1, 5)[:, None, None] * np.ones((5, 12, 24))  # five tiles of one colour each
    sheet = channel_sheet(shaded, "gray")
    times, gap = 2, round(0.06 * 48)
    assert sheet.shape == (2 * 12 * times + gap, 4 * 24 * times + 3 * gap, 3)
    for channel in range(5):
        row, column = divmod(channel, 4)
        top, left = row * (12 * times + gap), column * (24 * times + gap)
        tile = sheet[top : top + 24, left : left + 48]
        assert (tile == coloured(shaded[channel, :1, :1], "gray")[0, 0]).all()
    assert (sheet[:, 48 : 48 + gap] == 255).all()
    assert (sheet[24 + gap :, 48 + gap :] == 255).all()  # no sixth channel


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_resized_maps_lie_where_their_units_look(interpolation: str) -> None:
    values = np.random.default_rng(0).normal(size=(5, 4))
    size, first, step = (30, 33), (3.0, -2.5), (6.0, 8.0)
    large = resized(values, size, first, step, interpolation)
    rows, columns = ((np.arange(size[axis]) - first[axis]) / step[axis] for axis in (0, 1))
    rows, columns = rows.clip(0, 4), columns.clip(0, 3)
    if interpolation == "nearest":
        rows, columns = np.floor(rows + 0.5), np.floor(columns + 0.5)
    expected = map_coordinates(values, np.meshgrid(rows, columns, indexing="ij"), order=1, mode="nearest")
    np.testing.assert_allclose(large, expected, atol=1e-12)
    with pytest.raises(ValueError, match="interpolation 'cubic' is not one of bilinear, nearest"):
        resized(values, size, first, step, "cubic")


def test_stretched_maps_are_those_of_an_ordinary_resize() -> None:
    values = np.random.default_rng(0).normal(size=(6, 5)).astype(np.float32)
    nan = (np.nan, np.nan)
    expected = np.asarray(Image.fromarray(values).resize((35, 42), Image.Resampling.BILINEAR))
    np.testing.assert_allclose(resized(values, (42, 35, 3), nan, nan), expected, atol=1e-5)
    assert (resized(np.full((1, 1), 2.0), (4, 5), nan, nan) == 2).all()


def test_over_the_image_what_is_high_covers_more() -> None:
    shown = over(np.full((2, 2, 3), 200, np.uint8), np.array([[0, 0], [1, 1.0]]), "gray")
    assert shown[0, 0].tolist() == [119, 119, 119]  # 0.85 x 0.7 x 200
    assert shown[1, 1].tolist() == [238, 238, 238]  # 0.15 x 0.7 x 200 + 0.85 x 255


def test_the_strongest_is_named_and_framed() -> None:
    values = maps(images=1)
    values[0, 4, 3, 2] = 77.0
    figure = draw_channels(
        LayerMaps(layer="conv1", values=values, stage="after the ReLU"), picture(), 4, name="cat.jpg"
    )
    said = [text.get_text() for text in figure.texts]
    assert said[0] == "conv1: 6 channels of 5 × 7, after the ReLU    cat.jpg"
    assert said[1] == "strongest: channel 4, 77 at row 3, column 2"
    sheet = figure.axes[-2]  # before the colours' legend
    assert len(sheet.images) == 1
    assert sheet.patches[0].get_xy() == (0, 1)  # the fifth tile of rows of four
    other = draw_channels(LayerMaps(layer="conv1", values=values), picture(), 1)
    assert other.texts[1].get_text().startswith("channel 1, ")


def test_two_images_share_a_channels_scale() -> None:
    values = np.zeros((2, 3, 4, 4), np.float32)
    values[0, 1, 2, 2], values[1, 1, 2, 2] = 8, 2
    pictures = np.stack([picture(), picture()])
    one, names = LayerMaps(layer="conv1", values=values), ["open", "closed"]
    figure = draw_over(one, pictures, [1], colours="gray", interpolation="nearest", names=names)
    cells = [axes.images[0].get_array() for axes in figure.axes]
    assert len(cells) == 2 + 4 + 1  # two images, the channel on both beside and over them, the colours' legend
    assert (cells[2].max(), cells[4].max()) == (255, 64)  # 2 of 8
    said = [text.get_text() for text in figure.texts]
    assert "channel 1    change -6 at (2, 2)\n8 at (2, 2)   |   2 at (2, 2)" in said
    assert {"open", "closed"} <= set(said)


@pytest.mark.parametrize("images", [1, 2])
@pytest.mark.parametrize("channels", [1, 2, 4, 6, 12])
def test_over_the_image_little_stays_white(channels: int, images: int) -> None:
    values = np.random.default_rng(0).normal(size=(images, 12, 5, 5))
    pictures = np.full((images, 40, 40, 3), 90, np.uint8)
    figure = draw_over(LayerMaps(layer="conv1", values=values), pictures, range(channels))
    *cells, _ = (axes.get_position() for axes in figure.axes)
    left, right = min(box.x0 for box in cells), max(box.x1 for box in cells)
    lower, upper = min(box.y0 for box in cells), max(box.y1 for box in cells)
    assert left > 0
    assert right < 1
    assert sum(box.width * box.height for box in cells) > 0.7 * (right - left) * (upper - lower)
    assert right - left > 0.7
    assert not any(one.overlaps(other) for place, one in enumerate(cells) for other in cells[:place])
    assert len(cells) == images + 2 * images * channels


def test_a_thousand_channels_come_in_pages_that_frame_the_strongest_where_it_is() -> None:
    values = np.random.default_rng(0).normal(size=(1, 1000, 3, 4)).astype(np.float32)
    layer = LayerMaps(layer="conv9", values=values)
    assert pages_of(layer) == 2
    first, second = (draw_channels(layer, picture(), 600, page=page) for page in range(2))
    assert "0 to 511 here" in first.texts[0].get_text()
    assert "512 to 999 here" in second.texts[0].get_text()
    assert [len(figure.axes[-2].patches) for figure in (first, second)] == [0, 1]
    assert second.axes[-2].patches[0].get_xy() == (600 % 32, (600 - 512) // 32)
    heads = [text.get_text() for text in second.axes[-2].texts]
    assert heads[:2] == ["512", "544"]
    own = channel_sheet(shades(values, "unit")[0, 512:], columns=32)
    np.testing.assert_array_equal(second.axes[-2].images[0].get_array(), own)
    whole, again = (figure.axes[1].images[0].get_array() for figure in (first, second))
    np.testing.assert_array_equal(whole, again)  # the channel large, on both
    with pytest.raises(ValueError, match="page=2, expected 0 to 1: 1000 channels"):
        draw_channels(layer, picture(), 0, page=2)
    units = LayerMaps(layer="fc7", values=values[:, :, :1, :1])
    assert pages_of(units) == 1  # tiles of one colour


def test_means_stand_in_order_with_their_range() -> None:
    means = {f"conv{number}": np.full((3, 3), float(number)) + np.eye(3) for number in (1, 2, 3)}
    figure = draw_means(means, picture())
    assert len(figure.axes) == 5  # with the image and the colours' legend
    said = [text.get_text() for text in figure.texts]
    assert [words for words in said if words.startswith("conv")] == ["conv1", "conv2", "conv3"]
    assert "3 × 3   2 to 3" in said


@pytest.mark.parametrize(("scale", "ends"), [("unit", (0, 1)), ("standard", (-2, 2))])
def test_a_legend_says_what_the_colours_ends_stand_for(scale: str, ends: tuple[float, float]) -> None:
    values = np.linspace(-5, 5, 41).reshape(1, 1, 1, 41)
    deviation = values.std()
    shaded = shades(values, scale)[0, 0, 0]
    low, high = (values.min(), values.max()) if scale == "unit" else (end * deviation for end in ends)
    assert (shaded[values.ravel() <= low] == 0).all()
    assert (shaded[values.ravel() >= high] == 1).all()
    figure = draw_channels(LayerMaps(layer="conv1", values=maps(images=1)), picture(), 1, scale=scale, colours="gray_r")
    bar = figure.axes[-1].images[0]
    assert (bar.cmap.name, np.asarray(bar.get_array())[0, [0, -1]].tolist()) == ("gray_r", [0, 1])
    said = " ".join(text.get_text() for text in figure.texts)
    for end in ("least", "largest") if scale == "unit" else ("mean - 2 std or less", "mean + 2 std or more"):
        assert end in said


@pytest.mark.parametrize("scale", ["unit", "standard"])
def test_long_names_and_notes_stay_apart_and_within_the_figure(scale: str) -> None:
    values, pictures = maps(), np.stack([picture(), picture()])
    names = [f"n0212339{number}_a_cat_with_a_long_name_and_a_number.JPEG" for number in (4, 5)]
    one = LayerMaps(
        layer="features.denseblock3.denselayer12.conv1", values=values, stage="as the layer returns it",
        first_px=np.array([1.0, 2.0]), step_px=np.array([4.0, 4.0]),
    )  # fmt: skip
    stage = MEANS["auto"][1]
    long = f"{names[0]}    runs/{'much/' * 20}best.pt"
    figures = [
        draw_over(one, pictures, [0, 1], scale=scale, names=names, network=long),
        draw_channels(one, pictures[0], 1, scale=scale, name=long),
        draw_means({"conv1": values[0, 0]}, pictures[0], title=f"{TITLE}    {long}", stage=stage, scale=scale),
    ]
    for figure in figures:
        style.pixels(figure)
        boxes = [text.get_window_extent() for text in figure.texts]
        assert all(box.x1 <= figure.bbox.x1 for box in boxes)
        assert not any(one.overlaps(other) for place, one in enumerate(boxes) for other in boxes[:place])


def test_saved_arrays_draw_the_same(tmp_path: Path) -> None:
    places = {"first_px": np.array([1.0, 2.0]), "step_px": np.array([4.0, 4.0])}
    one = LayerMaps(layer="features.3", values=maps(), stage="after the ReLU", **places)
    means = {"c": np.ones((2, 3, 3))}
    shown = Activations(
        pictures=np.stack([picture(), picture()]), names=("a", "b"), network="net", layers=[one], means=means,
        together=True, means_stage="before any ReLU",
    )  # fmt: skip
    save_activations(tmp_path / "activations.npz", shown)
    loaded = load_activations(tmp_path / "activations.npz")
    assert (loaded.names, loaded.network, loaded.together, list(loaded.means)) == (("a", "b"), "net", True, ["c"])
    assert loaded.means_stage == "before any ReLU"
    drawn = (style.pixels(draw_over(s.layers[0], s.pictures, [0, 3])) for s in (shown, loaded))
    np.testing.assert_array_equal(*drawn)


def test_512_channels_are_drawn_and_saved_in_under_three_seconds(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(1, 512, 28, 28)).astype(np.float32)  # noise, the worst to compress
    layer = LayerMaps(layer="features.21", values=values.clip(0))
    style.save(
        draw_channels(LayerMaps(layer="a", values=maps()), picture(), 0), tmp_path, "warm"
    )  # fonts are looked for once
    started_s = time.process_time()  # of this process alone, whatever else runs
    figure = draw_channels(layer, picture(224), 3)
    path = style.save(figure, tmp_path, "channels")
    assert time.process_time() - started_s < 3
    assert sum(len(axes.images) for axes in figure.axes) == 5  # an array for all channels, three pictures, a legend
    with Image.open(path) as image:
        assert image.size[0] == 3000
