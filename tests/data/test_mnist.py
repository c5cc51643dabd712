"""MNIST from torchvision's raw files, written here byte by byte; grey through frame, network and deconvnet."""

import struct
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from array_source import ArraySource
from mnist_files import write_idx

from zfnet import Deconvnet, build_model
from zfnet.data.datasets.mnist import MnistImages
from zfnet.data.frame import make_frame
from zfnet.data.image_data import DOWNLOADS, ImageData
from zfnet.data.subset import Subset
from zfnet.data.views import centre_views, crop_views
from zfnet.mining.centre_views import CentreViews, centre_crops
from zfnet.training import Recipe, Trainer


def test_digits_and_labels_are_those_of_the_files(tmp_path: Path):
    held = write_idx(tmp_path)
    data = ImageData(root=str(tmp_path), kind="mnist", side=28)
    for split, name in (("train", "train"), ("val", "t10k")):
        source, (digits, labels) = data.open(split), held[name]
        assert len(source) == len(digits)
        assert source.labels.tolist() == labels.tolist()
        assert source.wnids == tuple("0123456789")
        images, truth = source.read([7, 3])
        assert images.shape == (2, 1, 28, 28)
        np.testing.assert_array_equal(images[:, 0].numpy(), digits[[7, 3]])
        assert truth.tolist() == labels[[7, 3]].tolist()
        np.testing.assert_allclose(source.mean()[0], digits.astype(np.float64).mean(0), atol=1e-4)
    assert data.open("train").fingerprint != data.open("val").fingerprint
    assert data.open("train").fingerprint == MnistImages(tmp_path, "train").fingerprint


def test_another_side_is_pillows_resize(tmp_path: Path):
    from PIL import Image

    digits, _ = write_idx(tmp_path)["train"]
    images, _ = MnistImages(tmp_path, "train", side_px=56).read([4])
    expected = Image.fromarray(digits[4]).resize((56, 56), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(images[0, 0].numpy(), np.asarray(expected))


def test_what_is_wrong_is_told(tmp_path: Path):
    with pytest.raises(ValueError, match=r"no MNIST in it; expected root/MNIST/raw/.*data\.download=true"):
        MnistImages(tmp_path / "empty", "train")
    write_idx(tmp_path)
    raw = tmp_path / "MNIST" / "raw"
    (raw / "train-labels-idx1-ubyte").write_bytes(struct.pack(">II", 0x801, 39) + bytes(39))
    with pytest.raises(ValueError, match="40 digits but 39 labels in train"):
        MnistImages(tmp_path, "train")
    whole = (raw / "train-images-idx3-ubyte").read_bytes()
    (raw / "train-images-idx3-ubyte").write_bytes(whole[:5000])
    with pytest.raises(ValueError, match="MNIST's files are damaged"):
        MnistImages(tmp_path, "train")
    with pytest.raises(ValueError, match=r"data\.pack=x: MNIST is read into memory"):
        ImageData(root=str(tmp_path), kind="mnist", pack="x")


def test_a_download_that_fails_names_the_data_set_and_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def no_network(*args: object, **options: object) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr("torchvision.datasets.mnist.download_and_extract_archive", no_network)
    data = ImageData(root=str(tmp_path), kind="mnist", download=True)
    with pytest.raises(
        ValueError, match=r"MNIST could not be downloaded .*no route to host.*data\.root=FOLDER"
    ) as caught:
        data.prepare()
    assert "\n" not in str(caught.value)
    assert "expected in it: MNIST/raw/" in str(caught.value)
    write_idx(tmp_path / "there")
    ImageData(root=str(tmp_path / "there"), kind="mnist", download=True).prepare()  # nothing to fetch


def test_a_grey_network_learns_them_and_projects_to_grey_pixels(tmp_path: Path):
    write_idx(tmp_path, {"train": 200, "t10k": 50})
    train, val = MnistImages(tmp_path, "train"), MnistImages(tmp_path, "val")
    recipe = Recipe(
        epochs=4, batch_size=20, learning_rate=0.05, init="kaiming", input_scale="unit", views="centre",
        schedule="onecycle", filter_rms_limit=None, rotation_deg=5.0,
    )  # fmt: skip
    frame = make_frame("unit", train, 28)
    assert frame.mean.shape == (1, 28, 28)
    assert frame.channels == 1
    model = build_model("mnist_convnet", num_classes=10, width=0.5, input_px=28, channels=1)
    trainer = Trainer(model, recipe, frame, train, val)
    trainer.fit()
    assert trainer.history[-1].val_top1_error < 0.3
    images = crop_views(val.read([0, 1])[0], centre_views(2, 28, 28), frame)
    deconvnet = Deconvnet(model)
    record = deconvnet.record(images)
    best = int(record.maps["conv3"][1].flatten().argmax())
    units = torch.tensor([[1, best // 9, best % 9 // 3, best % 3]])
    pixels = deconvnet.project(record, "conv3", units)
    assert pixels.shape == (1, 1, 28, 28)
    crops, corners = deconvnet.project_windows(record, "conv3", units)
    row, column = corners[0].tolist()
    inside = pixels[0, :, row : row + crops.shape[2], column : column + crops.shape[3]]
    assert (crops[0] - inside).norm() <= 1e-5 * inside.norm()
    assert int((pixels != 0).sum()) == int((inside != 0).sum()) > 0


def test_some_of_them_are_grey_too(tmp_path: Path):
    """A subset's mean, the hashes of its images, and networks of one channel that see colours."""
    write_idx(tmp_path)
    some = Subset(ImageData(root=str(tmp_path), kind="mnist", side=28).open("train"), np.arange(5, 15))
    expected = some.read(range(10))[0].double().mean(0).float()
    torch.testing.assert_close(torch.from_numpy(some.mean()), expected)
    frame = make_frame("unit", some, 24)
    assert frame.channels == 1
    coloured = ArraySource(6, 2, 28, 0)
    views = CentreViews(coloured, frame, 4)
    (first, second), fetched = list(views), views.fetch(range(6)).inputs
    torch.testing.assert_close(torch.cat([first.images, second.images]), fetched)
    (batch,) = centre_crops(coloured, [4, 1], frame, torch.device("cpu"))
    torch.testing.assert_close(batch.images, fetched[[4, 1]])


@pytest.mark.parametrize(("kind", "known"), [("mnist", "MNIST/raw"), ("voc2012", "VOCdevkit/VOC2012")])
def test_each_data_set_that_can_be_downloaded_says_its_own_layout(kind: str, known: str):
    assert known in DOWNLOADS[kind][1]


def test_a_frame_of_colours_is_refused(tmp_path: Path):
    write_idx(tmp_path)
    with pytest.raises(ValueError, match="input_scale=torchvision is for colours and the images are grey: give unit"):
        make_frame("torchvision", MnistImages(tmp_path, "train"), 28)
