"""Pictures from signed arrays, and grids of them."""

import numpy as np

from zfnet.figures.drawing.montage import around_grey, grid, side_of


def test_zero_is_mid_grey_and_signs_go_to_black_and_white() -> None:
    values = np.zeros((1, 3, 2, 2))
    values[0, 0, 0, 0], values[0, 1, 1, 1] = 4, -2
    shown = around_grey(values, largest=4)
    assert shown.shape == (1, 2, 2, 3)
    assert shown[0, 0, 0].tolist() == [1, 0.5, 0.5]
    assert shown[0, 1, 1].tolist() == [0.5, 0.25, 0.5]
    assert around_grey(2 * values, largest=4).max() == 1  # clipped, not wrapped


def test_each_picture_has_its_own_scale_which_few_outliers_do_not_set() -> None:
    generator = np.random.default_rng(0)
    values = generator.uniform(-1, 1, (2, 3, 40, 40))
    values[:, :, 20:] = 0  # nothing there: does not count
    spiked = values.copy()
    spiked[1] *= 100
    spiked[1, 0, 0, 0] = 1e6
    plain, shown = around_grey(values), around_grey(spiked)
    assert np.allclose(plain, 0.5 + 0.5 * np.moveaxis(values, 1, -1), atol=0.01)
    shown[1, 0, 0, 0] = plain[1, 0, 0, 0]
    assert np.allclose(shown, plain, atol=0.01)
    assert (around_grey(np.zeros((1, 3, 4, 4))) == 0.5).all()


def test_a_grid_holds_every_picture_once_row_by_row() -> None:
    pictures = np.arange(5, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 3, 3), np.uint8)
    sheet = grid(pictures, gap_px=1, columns=3)
    assert sheet.shape == (2 * 2 + 1, 3 * 3 + 2, 3)
    inside = sheet[..., 0]
    assert inside[[0, 0, 0, 3, 3], [0, 4, 8, 0, 4]].tolist() == [0, 1, 2, 3, 4]
    assert (inside[2] == 255).all()
    assert (inside[:, 3] == 255).all()
    assert (inside[3:, 8:] == 255).all()
    assert [side_of(count) for count in (1, 2, 4, 5, 9, 96)] == [1, 2, 2, 3, 3, 10]
