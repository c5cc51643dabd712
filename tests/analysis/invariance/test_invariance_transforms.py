"""The transforms of Fig. 5 against scipy, PIL and numpy: where pixels go, what comes in at the borders, the signs."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image, ImageEnhance
from scipy import ndimage

from zfnet.analysis.invariance.transforms import TRANSFORMS, default_settings, pixels_of, transform
from zfnet.data.frame import InputFrame
from zfnet.data.views import centre_views, crop_views

SIZES = [(31, 31), (32, 32), (30, 41)]


def images(size: tuple[int, int], count: int = 2) -> torch.Tensor:
    return torch.randn(count, 3, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def by_scipy(
    images: torch.Tensor, matrix: list[list[float]], move: tuple[float, float] = (0, 0)
) -> NDArray[np.float64]:
    """Bilinear on each channel: the pixel at o shows what was at matrix (o - centre) + centre - move; zero outside."""
    centre = (np.array(images.shape[2:]) - 1) / 2
    offset = centre - np.array(matrix) @ centre - np.array(move)
    flat = images.flatten(0, 1).numpy()
    found = [ndimage.affine_transform(one, np.array(matrix), offset, order=1, mode="grid-constant") for one in flat]
    return np.stack(found).reshape(images.shape)


def turning(degrees: float) -> list[list[float]]:
    """Where (row, column) came from, when the image turned counter-clockwise as one sees it."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return [[cos, sin], [-sin, cos]]


ONE = [[1.0, 0.0], [0.0, 1.0]]


@pytest.mark.parametrize("size", SIZES)
def test_moves_scales_and_turns_agree_with_scipy(size: tuple[int, int]):
    given = images(size)
    cases = [
        ("translation_y", 4.0, ONE, (4.0, 0)), ("translation_y", -2.3, ONE, (-2.3, 0)),
        ("translation_x", -7.0, ONE, (0, -7.0)), ("translation_x", 0.5, ONE, (0, 0.5)),
        *(("scale", times, [[1 / times, 0], [0, 1 / times]], (0, 0)) for times in (0.6, 1.3, 1.8)),
        *(("rotation", degrees, turning(degrees), (0, 0)) for degrees in (1.0, 33.0, 90.0, 180.0, 200.0, -45.0)),
    ]  # fmt: skip
    for name, value, matrix, move in cases:
        found = transform(given, name, value).numpy()
        np.testing.assert_allclose(found, by_scipy(given, matrix, move), atol=1e-10, err_msg=f"{name} {value}")


@pytest.mark.parametrize("size", SIZES)
def test_turns_and_scales_agree_with_pil_inside(size: tuple[int, int]):
    """PIL counts angles counter-clockwise and keeps the centre too. In float32, away from its border rules."""
    given = images(size, 1)[0, :1].float()
    picture = Image.fromarray(given[0].numpy(), mode=None)
    height, width = size
    scale = (1 / 1.5, 0, (1 - 1 / 1.5) * width / 2, 0, 1 / 1.5, (1 - 1 / 1.5) * height / 2)
    theirs = {
        ("rotation", 25.0): picture.rotate(25, Image.Resampling.BILINEAR),
        ("rotation", 300.0): picture.rotate(300, Image.Resampling.BILINEAR),
        ("scale", 1.5): picture.transform((width, height), Image.Transform.AFFINE, scale, Image.Resampling.BILINEAR),
    }
    for (name, value), expected in theirs.items():
        found = transform(given.expand(1, 3, *size), name, value)[0, 0].numpy()
        inside = slice(8, -8), slice(8, -8)
        np.testing.assert_allclose(found[inside], np.array(expected)[inside], atol=1e-4, err_msg=f"{name} {value}")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_whole_pixels_and_quarter_turns_of_squares_are_exact(dtype: torch.dtype):
    for side in (31, 32):
        given = images((side, side)).to(dtype)
        down, right = transform(given, "translation_y", 5), transform(given, "translation_x", -3)
        assert torch.equal(down[:, :, 5:], given[:, :, :-5])
        assert not down[:, :, :5].any()
        assert torch.equal(right[..., :-3], given[..., 3:])
        assert not right[..., -3:].any()
        assert not transform(given, "translation_y", -500).any()
        for turns in (1, 2, 3, -1):
            assert torch.equal(transform(given, "rotation", 90 * turns), given.rot90(turns, (2, 3)))


def test_the_setting_that_changes_nothing_gives_the_same_bits():
    given = images((20, 21)).float()
    for name, kind in TRANSFORMS.items():
        assert torch.equal(transform(given, name, kind.identity, frame=None), given)
    for degrees in (360.0, -360.0, 720.0):
        assert torch.equal(transform(given, "rotation", degrees), given)


def test_blur_agrees_with_scipy():
    given = images((25, 32))
    for deviation in (0.3, 1.0, 2.7):
        expected = given.numpy()
        for axis in (2, 3):
            radius = math.ceil(3 * deviation)
            expected = ndimage.gaussian_filter1d(expected, deviation, axis, mode="mirror", radius=radius)
        np.testing.assert_allclose(transform(given, "blur", deviation).numpy(), expected, atol=1e-10)


def uneven_frame(side_px: int = 36, size_px: int = 32) -> InputFrame:
    mean = 100 + 50 * torch.rand(3, side_px, side_px, generator=torch.Generator().manual_seed(1))
    return InputFrame(side_px, size_px, mean, torch.tensor([50.0, 60, 70]).reshape(3, 1, 1))


def seen(frame: InputFrame, count: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    """Images as the network sees them, in float64, and their pixels."""
    generator = torch.Generator().manual_seed(2)
    squares = torch.randint(0, 256, (count, 3, frame.side_px, frame.side_px), dtype=torch.uint8, generator=generator)
    margin = (frame.side_px - frame.size_px) // 2
    inside = slice(margin, margin + frame.size_px)
    mean = frame.mean if frame.mean.shape[-1] == 1 else frame.mean[:, inside, inside]
    pixels = squares[..., inside, inside]
    return (pixels.double() - mean) / frame.scale, pixels


def test_a_mean_that_differs_from_pixel_to_pixel_stays_where_it_is():
    """What comes in is the mean of the pixel where it comes in, and the picture is moved without the mean."""
    frame = uneven_frame()
    mean = frame.mean[:, 2:34, 2:34].double()
    given, pixels = seen(frame)
    for name, value, matrix, move in (
        ("translation_y", 6.0, ONE, (6.0, 0)), ("translation_x", 2.5, ONE, (0, 2.5)),
        ("rotation", 40.0, turning(40), (0, 0)), ("scale", 0.7, [[1 / 0.7, 0], [0, 1 / 0.7]], (0, 0)),
    ):  # fmt: skip
        covered = by_scipy(torch.ones_like(given), matrix, move)
        expected = by_scipy(pixels.double(), matrix, move) + (1 - covered) * mean.numpy()
        expected = (expected - mean.numpy()) / frame.scale.numpy()
        found = transform(given, name, value, frame).numpy()
        np.testing.assert_allclose(found, expected, atol=1e-10, err_msg=name)
        assert np.abs(found[covered == 0]).max() < 1e-12
    blurred = ndimage.gaussian_filter1d(pixels.double().numpy(), 1.5, 2, mode="mirror", radius=5)
    blurred = ndimage.gaussian_filter1d(blurred, 1.5, 3, mode="mirror", radius=5)
    expected = (blurred - mean.numpy()) / frame.scale.numpy()
    np.testing.assert_allclose(transform(given, "blur", 1.5, frame).numpy(), expected, atol=1e-10)


@pytest.mark.parametrize(
    "frame", [uneven_frame(), InputFrame(36, 32, torch.full((3, 1, 1), 117.0), torch.ones(3, 1, 1))]
)
def test_brightness_agrees_with_pil(frame: InputFrame):
    given, pixels = seen(frame)
    for factor in (0.0, 0.6, 1.4):
        found = pixels_of(transform(given, "brightness", factor, frame), frame)
        for own, before in zip(found, pixels, strict=True):
            expected = ImageEnhance.Brightness(Image.fromarray(before.permute(1, 2, 0).numpy())).enhance(factor)
            assert np.abs(np.array(expected, int) - own.permute(1, 2, 0).numpy()).max() <= 1  # PIL rounds down


@pytest.mark.parametrize(
    "frame", [uneven_frame(), InputFrame(36, 32, torch.full((3, 1, 1), 117.0), torch.ones(3, 1, 1))]
)
def test_pixels_come_back_from_the_frame_they_were_cut_in(frame: InputFrame):
    squares = torch.randint(0, 256, (3, 3, 36, 36), dtype=torch.uint8, generator=torch.Generator().manual_seed(3))
    images = crop_views(squares, centre_views(3, 36, 32), frame)
    assert torch.equal(pixels_of(images, frame), squares[..., 2:34, 2:34])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize(("frame", "size"), [(uneven_frame(), (32, 32)), (None, (200, 300))])
def test_half_precision_loses_bits_of_pixels_but_not_their_places(
    dtype: torch.dtype, frame: InputFrame | None, size: tuple[int, int]
):
    given = images(size).to(dtype)
    for name, value in (("translation_x", 2.5), ("scale", 1.3), ("rotation", 37), ("brightness", 0.7), ("blur", 1.5)):
        if name != "brightness" or frame is not None:
            found, expected = transform(given, name, value, frame), transform(given.double(), name, value, frame)
            assert found.dtype == dtype
            torch.testing.assert_close(found.double(), expected, rtol=torch.finfo(dtype).eps, atol=1e-3)


def test_grey_images_keep_their_one_channel():
    frame = InputFrame(32, 32, torch.full((1, 1, 1), 33.0), torch.full((1, 1, 1), 78.0))
    given = images((32, 32))
    colour = InputFrame(32, 32, frame.mean.expand(3, 1, 1), frame.scale.expand(3, 1, 1))
    for name, kind in TRANSFORMS.items():
        found, three = (
            transform(one, name, kind.identity + 0.7, own) for one, own in ((given[:, :1], frame), (given, colour))
        )
        assert torch.equal(found, three[:, :1])
    assert pixels_of(given[:, :1], frame).shape == (2, 1, 32, 32)


def test_default_settings_are_the_papers_at_224_and_shrink_with_the_image():
    for name, first, last in (("translation_y", -60, 60), ("scale", 1, 1.8), ("rotation", 0, 360)):
        settings = default_settings(name, (224, 224))
        assert (settings[0], settings[-1]) == (first, last)
    assert default_settings("translation_y", (112, 448)).tolist() == list(range(-30, 31))
    assert default_settings("translation_x", (112, 448)).tolist() == list(range(-120, 121))
    assert default_settings("blur", (112, 112)).tolist() == (default_settings("blur", (224, 224)) / 2).tolist()
    for name, kind in TRANSFORMS.items():
        assert any(kind.changes_nothing(value) for value in default_settings(name, (112, 112)).tolist())
        assert default_settings(name, (112, 112)).diff().gt(0).all()


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("shear", 1, "transform 'shear' is not one of translation_y, translation_x, scale"),
        ("scale", 0, "scale 0: expected finite settings above 0"),
        ("blur", -1, "blur -1: expected finite settings from 0"),
        ("blur", 9, "blur 9 px reaches 27 px, beyond images of 20 x 30 px"),
        ("rotation", math.nan, "rotation nan: expected finite settings"),
        ("brightness", 2, "give the frame"),
    ],
)
def test_settings_that_cannot_be_are_told(name: str, value: float, told: str):
    with pytest.raises(ValueError, match=told):
        transform(images((20, 30)), name, value)


def test_a_frame_of_another_size_is_told():
    with pytest.raises(ValueError, match=r"images are \(2, 3, 31, 31\), the frame is of 32 x 32 px"):
        transform(images((31, 31)), "scale", 1.5, uneven_frame())
