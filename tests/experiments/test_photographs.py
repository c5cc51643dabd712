"""The images of a job that looks at a few: given, of a folder, or scikit-learn's."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_image

from zfnet.data.decode import UnreadableImage
from zfnet.data.frame import InputFrame, torchvision_frame
from zfnet.data.photographs import one_photograph, photograph_paths, read_photographs


def test_by_default_the_two_that_ship_with_scikit_learn() -> None:
    paths = photograph_paths(None)
    assert [Path(path).name for path in paths] == ["china.jpg", "flower.jpg"]
    for path in paths:
        with Image.open(path) as image:
            np.testing.assert_array_equal(np.asarray(image), load_sample_image(Path(path).name))


def test_files_and_folders(image_root: Path) -> None:
    files = sorted(str(path) for path in (image_root / "val").rglob("*.JPEG"))
    assert photograph_paths(str(image_root / "val")) == files
    assert photograph_paths(files[0]) == files[:1]
    assert photograph_paths(files[2:0:-1]) == files[2:0:-1]  # in the order given


def test_one_where_one_is_expected(image_root: Path) -> None:
    files = sorted(str(path) for path in (image_root / "val").rglob("*.JPEG"))
    assert one_photograph(files[1], "image") == one_photograph([files[1]], "image") == files[1]
    assert Path(one_photograph(None, "image")).name == "china.jpg"
    with pytest.raises(ValueError, match=rf"second={image_root}/val: 12 images, expected one, such as {files[0]}"):
        one_photograph(f"{image_root}/val", "second")


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no image file at .*cat\.jpg: expected image files, a folder"):
        photograph_paths([photograph_paths(None)[0], str(tmp_path / "cat.jpg")])
    with pytest.raises(ValueError, match="no image was given"):
        photograph_paths([])
    with pytest.raises(ValueError, match="no image files in it"):
        photograph_paths(str(tmp_path))
    (tmp_path / "broken.jpg").write_bytes(b"no image")
    with pytest.raises(UnreadableImage, match=r"broken\.jpg"):
        read_photographs([str(tmp_path / "broken.jpg")], torchvision_frame(64, 72))


def test_as_the_network_sees_them_and_as_pixels() -> None:
    frame = torchvision_frame(64, 72)
    images, pixels = read_photographs(photograph_paths(None), frame)
    assert images.shape == pixels.shape == (2, 3, 64, 64)
    assert pixels.dtype == torch.uint8
    mean, scale = (np.array(values).reshape(3, 1, 1) for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    np.testing.assert_allclose(images.numpy(), (pixels.numpy() / 255 - mean) / scale, atol=1e-5)
    whole = Image.fromarray(load_sample_image("flower.jpg"))  # 640 x 427
    square = whole.resize((72, 72), Image.Resampling.BILINEAR, box=(106.5, 0, 533.5, 427))
    difference = np.asarray(square)[4:68, 4:68].astype(int) - pixels[1].permute(1, 2, 0).numpy()
    assert np.abs(difference).mean() < 1  # a JPEG may be decoded at half its size


def test_a_network_that_sees_grey_gets_the_luminance() -> None:
    frame = InputFrame(36, 32, torch.tensor([[[100.0]]]), torch.tensor([[[2.0]]]))
    images, pixels = read_photographs(photograph_paths(None)[:1], frame)
    assert images.shape == (1, 1, 32, 32)
    assert pixels.shape == (1, 3, 32, 32)
    _, colours = read_photographs(photograph_paths(None)[:1], torchvision_frame(32, 36))
    with_pillow = np.asarray(Image.fromarray(colours[0].permute(1, 2, 0).numpy()).convert("L")).astype(float)
    np.testing.assert_allclose(2 * images[0, 0].numpy() + 100, with_pillow, atol=1.01)  # it rounds down
