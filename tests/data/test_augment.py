"""Augmented views: against scipy, with places that are known, and tables that follow from seed and epoch."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import affine_transform

from zfnet.data.augment import Augmentation
from zfnet.data.frame import InputFrame
from zfnet.data.views import Views, centre_views, crop_views, training_views

ALL = Augmentation(rotation_deg=40, shift=0.2, shear=0.2, zoom=0.2)


def frame_of(side_px: int, size_px: int, channels: int = 3) -> InputFrame:
    mean = 255 * torch.rand(channels, side_px, side_px, generator=torch.Generator().manual_seed(1))
    return InputFrame(side_px, size_px, mean, torch.arange(2.0, 2.0 + channels).reshape(channels, 1, 1))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_warped_view_is_scipys_affine_transform_of_image_minus_mean(channels: int):
    frame = frame_of(26, 20, channels)
    images = torch.randint(0, 256, (6, channels, 26, 26), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))
    views = training_views("anywhere", 6, 26, 20, seed=3, epoch=0, augmentation=ALL)
    assert views.flips.any()
    assert not views.flips.all()
    seen = crop_views(images, views, frame)
    assert seen.shape == (6, channels, 20, 20)
    assert seen.is_contiguous(memory_format=torch.channels_last)
    for number in range(6):
        matrix, shift = np.split(views.warps[number].numpy().astype(np.float64), [2], axis=1)
        middle = 9.5
        corner = np.array([views.rows[number], views.columns[number]], np.float64)
        offset = corner + middle + shift[:, 0] - matrix @ np.array([middle, middle])
        for channel in range(channels):
            plane = images[number, channel].double().numpy() - frame.mean[channel].double().numpy()
            expected = affine_transform(plane, matrix, offset, (20, 20), order=1, mode="nearest")
            expected = expected / float(frame.scale[channel, 0, 0])
            expected = expected[:, ::-1] if views.flips[number] else expected  # mirrored last
            np.testing.assert_allclose(seen[number, channel].numpy(), expected, atol=2e-3)


def looks(augmentation: Augmentation, size_px: int = 100, count: int = 2000) -> np.ndarray:
    return augmentation.draw(count, size_px, np.random.default_rng(0)).double().numpy()


def test_each_number_moves_what_it_says_and_reaches_its_limit():
    turned = looks(Augmentation(rotation_deg=40))
    angles = np.degrees(np.arctan2(turned[:, 0, 1], turned[:, 0, 0]))
    np.testing.assert_allclose(np.linalg.det(turned[:, :, :2]), 1, atol=1e-6)
    assert (np.abs(turned[:, :, 2]) == 0).all()
    shifted = looks(Augmentation(shift=0.2))
    np.testing.assert_array_equal(shifted[:, :, :2], np.tile(np.eye(2), (2000, 1, 1)))
    zoomed = looks(Augmentation(zoom=0.2))
    sheared = looks(Augmentation(shear=0.2))
    assert (sheared[:, 0, 1] == 0).all()
    for values, limit in (
        (angles, 40), (shifted[:, 0, 2], 20), (shifted[:, 1, 2], 20), (zoomed[:, 0, 0] - 1, 0.2),
        (zoomed[:, 1, 1] - 1, 0.2), (sheared[:, 1, 0], 0.2),
    ):  # fmt: skip
        assert np.abs(values).max() <= limit * (1 + 1e-6)
        assert values.min() < -0.98 * limit
        assert values.max() > 0.98 * limit
        assert abs(values.mean()) < 0.1 * limit
        assert values.std() == pytest.approx(limit / math.sqrt(3), rel=0.05)  # of an even spread
    assert abs(np.corrcoef(zoomed[:, 0, 0], zoomed[:, 1, 1])[0, 1]) < 0.1


def test_a_quarter_turn_and_a_shift_by_whole_pixels_are_exact():
    image = torch.randint(0, 256, (1, 3, 9, 9), dtype=torch.uint8, generator=torch.Generator().manual_seed(5))
    plain = InputFrame(9, 9, torch.zeros(3, 1, 1), torch.ones(3, 1, 1))
    still = centre_views(1, 9, 9)
    quarter = torch.tensor([[[0.0, 1, 0], [-1, 0, 0]]])
    turned = crop_views(image, replace(still, warps=quarter), plain)
    assert torch.allclose(turned, torch.rot90(image, 1, (2, 3)).float(), atol=1e-3)
    moved = crop_views(image, replace(still, warps=torch.tensor([[[1.0, 0, 2], [0, 1, -3]]])), plain)
    assert torch.allclose(moved[..., :7, 3:], image[..., 2:, :6].float(), atol=1e-3)
    assert torch.allclose(moved[..., 8, 3:], image[..., 8, :6].float(), atol=1e-3)  # beyond: the border's pixels


def test_no_augmentation_is_no_table_and_identity_matrices_are_the_plain_cut():
    frame = frame_of(20, 16)
    images = torch.randint(0, 256, (5, 3, 20, 20), dtype=torch.uint8, generator=torch.Generator().manual_seed(6))
    plain = training_views("anywhere", 5, 20, 16, 0, 0, Augmentation())
    assert plain.warps is None
    identity = torch.eye(2, 3).expand(5, 2, 3)
    warped = crop_views(images, replace(plain, warps=identity), frame)
    assert torch.allclose(warped, crop_views(images, plain, frame), atol=1e-3)


def test_the_table_follows_from_seed_and_epoch_and_leaves_corners_and_flips_alone():
    def table(seed: int, epoch: int, augmentation: Augmentation = ALL) -> Views:
        return training_views("anywhere", 300, 32, 28, seed, epoch, augmentation)

    assert torch.equal(table(1, 5).warps, table(1, 5).warps)
    for other in (table(1, 6), table(2, 5)):
        assert not torch.equal(table(1, 5).warps, other.warps)
    plain = training_views("anywhere", 300, 32, 28, 1, 5)
    for name in ("rows", "columns", "flips"):
        assert torch.equal(getattr(plain, name), getattr(table(1, 5), name))
    some = torch.tensor([7, 250, 7])
    assert torch.equal(table(1, 5)[some].warps, table(1, 5).warps[some])
    turned = table(1, 5, Augmentation(rotation_deg=40)).warps
    both = table(1, 5, Augmentation(rotation_deg=40, shift=0.2)).warps
    assert torch.equal(turned[:, :, :2], both[:, :, :2])  # one limit more changes nothing of the others


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"rotation_deg": -1}, "rotation_deg=-1, expected a number from 0 to 180"),
     ({"shift": 1.5}, "shift=1.5, expected a number from 0 to 1"), ({"zoom": 1}, "zoom=1, expected .* to 0.9")],
)  # fmt: skip
def test_a_limit_that_makes_no_sense_is_named(wrong: dict[str, float], message: str):
    with pytest.raises(ValueError, match=message):
        Augmentation(**wrong)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_warps_what_the_cpu_warps():
    frame = frame_of(26, 20)
    images = torch.randint(0, 256, (4, 3, 26, 26), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))
    views = training_views("anywhere", 4, 26, 20, seed=3, epoch=0, augmentation=ALL)
    there = crop_views(images.cuda(), views, frame.to("cuda")).cpu()
    assert torch.allclose(there, crop_views(images, views, frame), atol=1e-3)
