"""Views: the ten sub-crops and the mean, against slow loops in numpy."""

import numpy as np
import pytest
import torch

from zfnet.data.frame import InputFrame, make_frame, torchvision_frame
from zfnet.data.views import Views, _gathered, _sliced, crop_views, ten_views, training_views


def slow_cut(image: np.ndarray, mean: np.ndarray, scale: np.ndarray, row: int, column: int, flip: bool, size: int):
    """One view of one image (3, S, S), pixel by pixel."""
    out = np.zeros((3, size, size))
    for c in range(3):
        for y in range(size):
            for x in range(size):
                from_x = column + (size - 1 - x if flip else x)
                out[c, y, x] = (float(image[c, row + y, from_x]) - mean[c, row + y, from_x]) / scale[c]
    return out


@pytest.fixture
def pieces():
    generator = torch.Generator().manual_seed(3)
    images = torch.randint(0, 256, (4, 3, 12, 12), dtype=torch.uint8, generator=generator)
    mean = 255 * torch.rand(3, 12, 12, generator=generator)
    frame = InputFrame(12, 9, mean, torch.tensor([1.0, 2.0, 4.0]).reshape(3, 1, 1))
    views = Views(torch.tensor([0, 3, 1, 2]), torch.tensor([3, 0, 2, 1]), torch.tensor([False, True, True, False]))
    return images, frame, views


@pytest.mark.parametrize("way", [_sliced, _gathered])
def test_views_are_cut_flipped_and_normalised(pieces, way):
    images, frame, views = pieces
    scale = frame.scale.reshape(3).repeat(9)
    crops = way(images.permute(0, 2, 3, 1), frame.mean.permute(1, 2, 0), scale, views, 9)
    for index in range(4):
        row, column, flip = views.rows[index].item(), views.columns[index].item(), views.flips[index].item()
        expected = slow_cut(
            images[index].numpy(), frame.mean.numpy(), frame.scale.reshape(3).numpy(), row, column, flip, 9
        )
        assert np.allclose(crops[index].permute(2, 0, 1).numpy(), expected, atol=1e-4)


def test_cut_gives_channels_last_batches_and_takes_one_number_a_channel(pieces):
    images, frame, views = pieces
    crops = crop_views(images, views, frame)
    assert crops.shape == (4, 3, 9, 9)
    assert crops.is_contiguous(memory_format=torch.channels_last)
    flat = torchvision_frame(9, 12)
    expected = (images[2, :, 1:10, 2:11].double() / 255 - torch.tensor([0.485, 0.456, 0.406]).reshape(3, 1, 1)) / (
        torch.tensor([0.229, 0.224, 0.225]).reshape(3, 1, 1)
    )
    assert torch.allclose(crop_views(images, views, flat)[2].double(), expected.flip(-1), atol=1e-5)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_cuts_what_the_cpu_cuts(pieces):
    images, frame, views = pieces
    assert torch.equal(crop_views(images.cuda(), views, frame.to("cuda")).cpu(), crop_views(images, views, frame))


def test_the_ten_are_the_corners_the_centre_and_their_flips():
    views = ten_views(256, 224)
    corners = [(0, 0), (0, 32), (32, 0), (32, 32), (16, 16)]
    assert list(zip(views.rows.tolist(), views.columns.tolist(), strict=True)) == corners * 2
    assert views.flips.tolist() == [False] * 5 + [True] * 5


@pytest.mark.parametrize("kind", ["ten", "anywhere"])
def test_training_views_follow_from_seed_and_epoch(kind: str):
    def table(seed: int, epoch: int) -> list[tuple[int, int, bool]]:
        v = training_views(kind, 500, 32, 28, seed, epoch)
        return list(zip(v.rows.tolist(), v.columns.tolist(), v.flips.tolist(), strict=True))

    assert table(1, 5) == table(1, 5)
    assert table(1, 5) != table(1, 6)
    assert table(1, 5) != table(2, 5)
    possible = {(r, c) for r, c, _ in table(1, 5)}
    ten = {(0, 0), (0, 4), (4, 0), (4, 4), (2, 2)}
    assert possible == (ten if kind == "ten" else {(r, c) for r in range(5) for c in range(5)})
    assert 0.4 < np.mean([flip for *_, flip in table(1, 5)]) < 0.6


def test_frames_are_measured_on_the_training_images(array_source):
    source = array_source()
    paper, unit = make_frame("paper", source, 64), make_frame("unit", source, 64)
    assert np.allclose(paper.mean.numpy(), source.images.astype(np.float64).mean(0).transpose(2, 0, 1), atol=1e-3)
    assert paper.scale.flatten().tolist() == [1, 1, 1]
    deviation = (source.images - source.images.astype(np.float64).mean(0)).reshape(-1, 3)
    assert np.allclose(unit.scale.flatten().numpy(), np.sqrt((deviation**2).mean(0)), rtol=1e-4)


def test_what_does_not_fit_is_named(pieces):
    images, frame, views = pieces
    with pytest.raises(ValueError, match="takes 224 px but the images are 128 px squares"):
        torchvision_frame(224, 128)
    with pytest.raises(ValueError, match=r"images are \(4, 3, 12, 12\), expected \(3, 3, 12, 12\)"):
        crop_views(images, views[torch.tensor([0, 1, 2])], frame)
    with pytest.raises(ValueError, match="views 'five' is not one of ten, anywhere, centre"):
        training_views("five", 3, 12, 9, 0, 0)
    with pytest.raises(ValueError, match=r"mean \(3, 5, 5\)"):
        InputFrame(12, 9, torch.zeros(3, 5, 5), torch.ones(3, 1, 1))


def test_threads_cut_what_one_cuts_to_the_last_bit():
    generator = torch.Generator().manual_seed(4)
    images = torch.randint(0, 256, (70, 12, 12, 3), dtype=torch.uint8, generator=generator)
    mean = 255 * torch.rand(12, 12, 3, generator=generator)
    views = training_views("ten", 70, 12, 9, seed=1, epoch=0)
    scale = torch.tensor([3.0, 2.0, 7.0]).repeat(9)
    one, *more = (_sliced(images, mean, scale, views, 9, threads) for threads in (1, 2, 3, 4, 200))
    assert torch.allclose(one, _gathered(images, mean, scale, views, 9), atol=1e-4)
    assert all(torch.equal(one, other) for other in more)
