"""A zoo's network sees a picture as its hub shows it: crop, square, normalisation and filter are the hub's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image

from zfnet import open_network
from zfnet.data import (
    InputFrame,
    decode_square,
    frame_fingerprint,
    frame_fingerprints,
    hub_frame,
    read_photographs,
    square,
)
from zfnet.models import ZOOS, hub_config
from zfnet.network import Network, _hub_frame

HAVE = {zoo.package: zoo.installed for zoo in ZOOS}
needs_timm = pytest.mark.skipif(not HAVE["timm"], reason="timm is an extra: pip install 'zfnet[timm]'")
needs_pytorchcv = pytest.mark.skipif(not HAVE["pytorchcv"], reason="an extra: pip install 'zfnet[pytorchcv]'")


def picture(path: Path, width: int, height: int) -> str:
    """Stripes and noise, so that every filter gives its own numbers."""
    rows, columns = np.mgrid[:height, :width]
    noise = np.random.default_rng(3).normal(0, 30, (height, width, 3))
    waves = 128 + 80 * np.sin(columns / 3.1 + rows / 7.3)[:, :, None]
    Image.fromarray((waves + noise).clip(0, 255).astype(np.uint8)).save(path)
    return str(path)


def as_the_hub_shows_it(name: str, path: str) -> torch.Tensor:
    """The hub's own transforms: (3, size, size)."""
    package, _, own = name.partition(":")
    with Image.open(path) as image:
        if package == "torchvision":
            return torchvision.models.get_model_weights(own)["DEFAULT"].transforms()(image)
        import timm

        model = timm.create_model(own)
        return timm.data.create_transform(**timm.data.resolve_model_data_config(model), is_training=False)(image)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("torchvision:mobilenet_v3_small", (224, 256, "bilinear")),
        ("torchvision:mobilenet_v2", (224, 232, "bilinear")),
        ("torchvision:efficientnet_b0", (224, 256, "bicubic")),
        pytest.param("timm:mobilenetv3_small_050", (224, 256, "bicubic"), marks=needs_timm),
        pytest.param("timm:test_resnet", (160, 168, "bilinear"), marks=needs_timm),  # mean and deviation of its own
        pytest.param("timm:tinynet_e", (106, 121, "bicubic"), marks=needs_timm),  # 15 px to leave: 7 and 8 or 8 and 7
    ],
)
def test_a_picture_looks_as_the_hub_shows_it(tmp_path: Path, name: str, expected: tuple[int, int, str]):
    frame = open_network(name).frame
    assert (frame.size_px, frame.side_px, frame.interpolation) == expected
    for width, height in ((300, 300), (375, 300), (300, 375)):
        path = picture(tmp_path / "p.png", width, height)
        ours, hubs = read_photographs([path], frame).inputs[0], as_the_hub_shows_it(name, path)
        levels = frame.scale * (ours - hubs).abs()
        if (frame.side_px - frame.size_px) % 2 == 0:
            assert levels.mean() <= 0.5
            assert levels.max() <= 1e-3 or height > width  # Pillow takes rows before columns where that is less work
        elif width == height:  # an odd number of pixels to leave: both are as much in the centre, a pixel apart
            assert (ours[:, 1:, 1:] - hubs[:, :-1, :-1]).abs().max() <= 1e-5
    path = picture(tmp_path / "p.png", 431, 290)  # where the hub rounds the long side and the corner to whole pixels
    assert (read_photographs([path], frame).inputs[0] - as_the_hub_shows_it(name, path)).abs().mean() <= 0.4


def test_the_filter_is_the_one_asked_for(tmp_path: Path):
    path = picture(tmp_path / "p.png", 90, 60)
    with Image.open(path) as image:
        inner = image.crop((15, 0, 75, 60))
        for name, kind in (("bilinear", Image.Resampling.BILINEAR), ("bicubic", Image.Resampling.BICUBIC)):
            whole = np.asarray(inner.resize((60, 60), kind))
            assert np.array_equal(square(image, 60, name), whole)  # nothing to resample: pixels as they are
            small = np.asarray(image.resize((48, 32), kind))[:, 8:40]
            assert np.array_equal(square(image, 32, name), small)
            assert np.array_equal(decode_square(path, 32, interpolation=name), small)
        assert not np.array_equal(square(image, 32, "bicubic"), square(image, 32))
    with pytest.raises(ValueError, match="interpolation 'lanczos' is not one of bilinear, bicubic"):
        decode_square(path, 32, interpolation="lanczos")


def test_a_size_of_ones_own_brings_the_square_along_in_proportion():
    for size_px, side_px in ((None, 256), (224, 256), (112, 128), (227, 259)):
        frame = open_network("torchvision:squeezenet1_1", size_px=size_px).frame
        assert (frame.size_px, frame.side_px) == (size_px or 224, side_px)
    frame = open_network("torchvision:mobilenet_v2", size_px=112).frame
    assert (frame.size_px, frame.side_px) == (112, 116)
    ours = open_network("zfnet", width=0.05).frame
    assert (ours.size_px, ours.side_px, ours.interpolation) == (224, 256, "bilinear")
    assert open_network("zfnet", size_px=67, width=0.05).frame.side_px == 77


@needs_pytorchcv
@pytest.mark.parametrize(
    ("name", "sizes", "classes"),
    [
        ("squeezenet_v1_1", (224, 256), 1000),
        ("inceptionv3", (299, 342), 1000),
        ("efficientnet_b0", (224, 256), 1000),
        ("efficientnet_b2b", (260, 293), 1000),
        ("resnet20_cifar100", (32, 32), 100),
        ("zfnet", (224, 256), 1000),
    ],
)
def test_pytorchcv_shows_squares_by_its_table(name: str, sizes: tuple[int, int], classes: int):
    hub = hub_config(f"pytorchcv:{name}")
    assert ((hub.size_px, hub.side_px), hub.interpolation, len(hub.names)) == (sizes, "bilinear", classes)
    assert hub.mean == ((0.4914, 0.4822, 0.4465) if "cifar" in name else (0.485, 0.456, 0.406))
    assert hub.names[1] == ("goldfish" if classes == 1000 else "class 1")


@needs_timm
def test_another_cut_than_a_centre_square_is_told_and_a_size_makes_it_one():
    for name, why in {
        "timm:dm_nfnet_f0": r"timm does not cut a centre square for it \(crop_mode 'squash'\)",
        "timm:vit_base_patch16_sapiens2": "it takes 3 x 1024 x 768, no square of 3 channels",
        "timm:volo_d4_448": r"its crop of 448 px is larger than the square of 389 px \(crop_pct 1\.15\)",
    }.items():
        with pytest.raises(ValueError, match=rf"{name}: {why}: give size_px.*; or say yourself how .*frame=InputFrame"):
            open_network(name)
    frame = open_network("timm:dm_nfnet_f0", size_px=64).frame
    assert (frame.size_px, frame.side_px, frame.interpolation) == (64, 71, "bicubic")
    frame, _ = _hub_frame("timm:volo_d4_448", 96)  # 193 million parameters, which need not be made
    assert (frame.size_px, frame.side_px) == (96, 96)


@needs_pytorchcv
@pytest.mark.parametrize(
    ("name", "why"), [("resnet10_cub", "not say how it shows birds"), ("efficientnet_b1c", "another normalisation")]
)
def test_a_normalisation_that_is_not_told_is_not_guessed(name: str, why: str):
    for size_px in (None, 224):
        with pytest.raises(ValueError, match=rf"pytorchcv:{name}: .*{why}.*: say yourself how .*frame=InputFrame"):
            open_network(f"pytorchcv:{name}", size_px=size_px)


def test_a_frame_keeps_its_filter_and_earlier_frames_have_the_bilinear_one(tmp_path: Path):
    values = {"mean": (0.5, 0.5, 0.5), "std": (0.25, 0.5, 1.0)}
    cubic, plain = hub_frame(8, 9, **values, interpolation="bicubic"), hub_frame(8, 9, **values)
    assert cubic.scale.flatten().tolist() == [63.75, 127.5, 255.0]
    assert "interpolation" not in plain.state()  # as earlier versions wrote it, and read it
    for frame in (cubic, plain):
        torch.save(frame.state(), tmp_path / "frame.pt")
        again = InputFrame.from_state(torch.load(tmp_path / "frame.pt", weights_only=True))
        assert (again.interpolation, again.side_px) == (frame.interpolation, 9)
        assert again.to("cpu").interpolation == frame.interpolation
        assert frame_fingerprint(again) == frame_fingerprint(frame)
    assert frame_fingerprints(plain)[1:] == ("9-8-382.5-446.25",)  # by which earlier versions knew it
    assert frame_fingerprint(cubic) != frame_fingerprint(plain)
    with pytest.raises(ValueError, match="interpolation 'nearest' is not one of"):
        InputFrame.from_state({**plain.state(), "interpolation": "nearest"})


def test_colours_in_another_order_are_another_frame():
    """What was mined, drawn or surveyed through one was taken for the other's: the sums of mean and scale agree."""
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    frames = [hub_frame(8, 9, mean=mean, std=std), hub_frame(8, 9, mean=mean[::-1], std=std[::-1])]
    frames += [hub_frame(8, 9, mean=mean, std=std[::-1])]
    assert len({frame_fingerprint(frame) for frame in frames}) == 3


def test_a_bicubic_network_comes_out_of_a_checkpoint_as_it_went_in(tmp_path: Path):
    from zfnet.network import network_of

    network: Network = open_network("torchvision:efficientnet_b0")
    written = {"network": network.state(), "model": network.model.state_dict()}
    torch.save(written, tmp_path / "c.pt")
    again = network_of(torch.load(tmp_path / "c.pt", weights_only=True), "c.pt")
    path = picture(tmp_path / "p.png", 300, 260)
    assert torch.equal(read_photographs([path], again.frame).inputs, read_photographs([path], network.frame).inputs)
