"""The sheet of filters: signs around mid-grey, whose scale, colours or grey, tiles in order."""

from pathlib import Path

import numpy as np
import pytest

from zfnet.figures.drawing import style
from zfnet.figures.filter_sheet import Filters, draw_filters, filter_pictures, load_filters, save_filters


def weights(count: int, channels: int, height: int = 3, width: int = 3) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, channels, height, width)).astype(np.float32)


def filters(values: np.ndarray) -> Filters:
    return Filters(layer=np.array("conv1"), network=np.array("net"), weights=values)


def test_zero_is_mid_grey_on_a_common_scale_or_each_filters_own() -> None:
    values = weights(4, 3) * np.array([1, 2, 4, 0], np.float32)[:, None, None, None]
    largest = np.abs(values).max()
    common = filter_pictures(values)
    np.testing.assert_allclose(common, 0.5 + 0.5 * values.transpose(0, 2, 3, 1) / largest, atol=1e-6)
    each = filter_pictures(values, "each")
    for number in range(3):
        own = values[number].transpose(1, 2, 0)
        np.testing.assert_allclose(each[number], 0.5 + 0.5 * own / np.abs(own).max(), atol=1e-6)
        assert max(each[number].max(), 1 - each[number].min()) == 1
    assert (each[3] == 0.5).all()
    with pytest.raises(ValueError, match="scale 'all' is not one of common, each"):
        filter_pictures(values, "all")


@pytest.mark.parametrize(("channels", "tiles"), [(1, 5), (2, 10), (4, 20)])
def test_other_than_three_channels_are_grey_tiles(channels: int, tiles: int) -> None:
    values = weights(5, channels)
    shown = filter_pictures(values)
    assert shown.shape == (tiles, 3, 3, 3)
    assert (shown == shown[..., :1]).all()
    np.testing.assert_allclose(shown[-1, ..., 0], 0.5 + 0.5 * values[4, -1] / np.abs(values).max(), atol=1e-6)


def test_more_filters_than_a_sheet_can_show_are_told() -> None:
    values = np.zeros((256, 128, 3, 3), np.float32)  # VGG16's features.10: 1,024 rows of 0.3 inches
    with pytest.raises(ValueError, match="layer 'conv1': 256 filters of 128 channels are 32,768 tiles, more than"):
        draw_filters(filters(values))


def test_weights_are_enlarged_without_smoothing() -> None:
    values = weights(20, 3, 3, 5)
    axes = draw_filters(filters(values)).axes[0]
    sheet, times, gap = np.asarray(axes.images[0].get_array()), 6, 3
    assert axes.images[0].get_interpolation() == "nearest"
    for number in (0, 15, 16, 19):
        row, column = divmod(number, 16)
        top, left = row * (3 * times + gap), column * (5 * times + gap)
        tile = sheet[top : top + 3 * times, left : left + 5 * times]
        small = filter_pictures(values)[number]
        np.testing.assert_array_equal(tile, small.repeat(times, 0).repeat(times, 1))


def test_saved_filters_draw_the_same_and_the_scale_is_stated(tmp_path: Path) -> None:
    one = filters(weights(7, 3, 7, 7))
    save_filters(tmp_path / "filters.npz", one)
    loaded = load_filters(tmp_path / "filters.npz")
    np.testing.assert_array_equal(*(style.pixels(draw_filters(some)) for some in (one, loaded)))
    said = [text.get_text() for text in draw_filters(one, "each").texts]
    assert said[0] == "net    conv1: 7 filters, 3 × 7 × 7"
    assert "each filter by its own largest |weight|" in said[1]
    assert f"{np.abs(one.weights).max():.3g}" in draw_filters(one).texts[1].get_text()
