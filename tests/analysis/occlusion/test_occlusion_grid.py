"""What the square shows: each fill against its definition."""

from __future__ import annotations

import pytest
import torch
from occlusion_oracle import images

from zfnet.analysis.hiding import canvas_of


def test_numbers_and_colours():
    batch = images(2, 6, 5)
    assert torch.equal(canvas_of(batch, -1, 3, None), torch.full_like(batch, -1))
    for colour in ([1.0, 2.0, 3.0], torch.tensor([1.0, 2.0, 3.0])):
        canvas = canvas_of(batch, colour, 3, None)
        assert torch.equal(canvas[1, :, 4, 4], torch.tensor([1, 2, 3], dtype=torch.float64))


def test_mean_is_of_each_image_and_channel():
    batch = images(2, 6, 5)
    canvas = canvas_of(batch, "mean", 3, None)
    for image, shown in zip(batch, canvas, strict=True):
        for channel in range(3):
            torch.testing.assert_close(shown[channel, 2, 3], image[channel].sum() / 30)


def test_blur_is_a_gaussian_of_a_quarter_of_the_square():
    spot = torch.zeros(1, 3, 41, 41, dtype=torch.float64)
    spot[:, :, 20, 20] = 1
    canvas = canvas_of(spot, "blur", 12, None)[0, 0]
    distance = torch.arange(-9, 10, dtype=torch.float64)  # three sigma of three pixels
    weights = torch.exp(-(distance**2) / 18)
    weights /= weights.sum()
    torch.testing.assert_close(canvas[20, 11:30], weights * weights[9])
    assert canvas_of(spot[..., :8, :8], "blur", 8, None).shape == (1, 3, 8, 8)  # as large as the image
    torch.testing.assert_close(canvas_of(torch.ones(1, 3, 2, 2), "blur", 2, None), torch.ones(1, 3, 2, 2))


def test_noise_is_like_the_image_and_comes_from_the_generator():
    batch = images(1, 80, 80) * torch.tensor([1.0, 5.0, 20.0], dtype=torch.float64)[:, None, None] + 3
    first, again, other = (canvas_of(batch, "noise", 8, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    torch.testing.assert_close(first.std((2, 3)), batch.std((2, 3)), rtol=0.05, atol=0)
    torch.testing.assert_close(first.mean((2, 3)), batch.mean((2, 3)), rtol=0, atol=1)
    with pytest.raises(ValueError, match="'noise' needs a generator"):
        canvas_of(batch, "noise", 8, None)


def test_other_fills_are_refused():
    with pytest.raises(ValueError, match="fill 'gray' is not a number, one a channel, or one of mean, blur, noise"):
        canvas_of(images(1, 4, 4), "gray", 2, None)
    with pytest.raises(ValueError, match=r"fill of shape \(2,\): expected a number or 3"):
        canvas_of(images(1, 4, 4), [1.0, 2.0], 2, None)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_blurred_in_float32(dtype):
    image = torch.randn(1, 3, 96, 96, generator=torch.Generator().manual_seed(0)).to(dtype)
    canvas = canvas_of(image, "blur", 30, None)  # in float16 itself the CPU takes minutes
    assert torch.equal(canvas, canvas_of(image.float(), "blur", 30, None).to(dtype))
