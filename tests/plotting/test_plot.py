"""plot: one line for each kind of value, with the pixels that belong there; what it cannot draw is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from zfnet import Deconvnet, build_model, mine_top, occlude, open_network, plot
from zfnet.analysis import draw_maps, picture_units
from zfnet.data import InputFrame, plain_frame, torchvision_frame
from zfnet.figures.drawing.montage import around_grey
from zfnet.plotting.pictures import Fetched, pixels_of


@pytest.fixture(scope="module")
def net() -> nn.Module:
    torch.manual_seed(0)
    return build_model("zfnet", num_classes=3, width=0.05, input_px=64).eval()


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.randn(6, 3, 64, 64, generator=torch.Generator().manual_seed(1))


def pictures_in(figure: Figure) -> list[np.ndarray]:
    return [np.asarray(image.get_array()) for axes in figure.axes for image in axes.images]


def test_what_was_mined_is_a_montage_of_those_projections_and_patches(net: nn.Module, images: Tensor):
    deconvnet = Deconvnet(net)
    top = mine_top(deconvnet, images.split(4), layers=["conv1"], k=4, progress=False)
    figure = plot(top, layer="conv1", maps=[1, 3], deconvnet=deconvnet, images=images)
    words = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert {word for word in words if word} == {"1", "3"}
    fetched = Fetched(images, None)
    expected = picture_units(deconvnet, "conv1", top["conv1"].units(1), fetched, fetched.grey)
    projections, patches = pictures_in(figure)[0], pictures_in(figure)[2]
    times = -(-60 // expected.patch.shape[1])
    side = times * expected.patch.shape[1]
    assert np.array_equal(patches[:side:times, :side:times], expected.patch[0])
    assert np.allclose(projections[:side:times, :side:times], around_grey(expected.projection[:1])[0])


def test_images_come_from_a_data_set_of_tuples(net: nn.Module, images: Tensor):
    deconvnet = Deconvnet(net)
    top = mine_top(deconvnet, images.split(4), layers=["conv2"], k=2, progress=False)
    pairs = [(image, 7) for image in images]
    one, other = (plot(top, maps=2, deconvnet=deconvnet, images=given, seed=1) for given in (images, pairs))
    for a, b in zip(pictures_in(one), pictures_in(other), strict=True):
        assert np.array_equal(a, b)


@pytest.mark.parametrize("given", [np.array([0, 2]), torch.tensor([0, 2]), [np.int64(0), np.int64(2)], {0, 2}])
def test_the_maps_to_draw_are_a_list_or_an_array(given):
    assert draw_maps(given, 5, seed=0) == [0, 2]
    assert draw_maps(np.int64(2), 5, seed=0) == draw_maps(torch.tensor(2), 5, seed=0) == draw_maps(2, 5, seed=0)


@pytest.mark.parametrize("given", [np.array([0, 5]), torch.tensor([-1]), [], [0.5], [[0, 1]], [True, False], "12", 2.0])
def test_maps_that_are_not_there_are_named(given):
    with pytest.raises(ValueError, match=r"maps=.*, expected some of 0 to 4"):
        draw_maps(given, 5, seed=0)


def test_what_was_occluded_has_its_four_panels(net: nn.Module, images: Tensor):
    heat = occlude(net, images[:2], [0, 2], size_px=32, stride_px=16, progress=False)
    figure = plot(heat, images[:2], names=("cat", "dog", "owl"))
    panels = [text.get_text()[:3] for text in figure.texts]
    assert panels[:4] == ["(a)", "(b)", "(d)", "(e)"]
    cells = [image.get_array() for axes in figure.axes for image in axes.images[1:]]
    assert any(np.allclose(np.asarray(one).ravel(), heat.probability[0].numpy().ravel()) for one in cells)
    words = "\n".join(text.get_text() for axes in figure.axes for text in axes.texts)
    assert "target: cat" in words
    assert "target: owl" in words
    assert isinstance(plot(heat.of(1), images[1]), Figure)
    with pytest.raises(ValueError, match="1 images for what was found on 2"):
        plot(heat, images[0])
    with pytest.raises(ValueError, match=r"image is \(50, 64\) px, but \(64, 64\) px were occluded"):
        plot(heat, images[:2, :, :50])


def test_projections_filters_and_maps(net: nn.Module, images: Tensor):
    deconvnet = Deconvnet(net)
    record = deconvnet.record(images[:2])
    pixels = deconvnet.project(record, "conv2", torch.tensor([[0, 1, 2, 3]]))
    assert np.asarray(pictures_in(plot(pixels))[0]).shape == (64, 64, 3)
    assert isinstance(plot(deconvnet.project_windows(record, "conv2", torch.tensor([[0, 1, 2, 3]]))), Figure)
    filters = pictures_in(plot(net, layer="conv1"))[0]
    assert np.array_equal(filters, pictures_in(plot(net))[0])  # the first convolution
    assert np.array_equal(filters, pictures_in(plot(net.get_submodule("conv1")))[0])
    recorded = plot(record, images[:2], layer="conv2", number=1)
    for a, b in zip(pictures_in(recorded), pictures_in(plot(record.maps["conv2"][1], images[1])), strict=True):
        assert np.array_equal(a, b)
    assert isinstance(plot(record, images, layer="fc7"), Figure)


def test_a_network_is_drawn_as_its_model():
    torch.manual_seed(0)
    network = open_network("mnist_convnet", size_px=28, channels=1)
    assert np.array_equal(pictures_in(plot(network))[0], pictures_in(plot(network.model))[0])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (lambda top, net, images: plot(top, layer="conv2"), "give layer=..., deconvnet="),
        (lambda top, net, images: plot(top, layer="conv9", deconvnet=Deconvnet(net), images=images), "conv9"),
        (lambda top, net, images: plot(top, deconvnet=Deconvnet(net), images=images[:1]), r"images\[\d\] is not there"),
        (lambda top, net, images: plot(top, deconvnet=Deconvnet(net), images={}), r"images\[0\] is not there"),
        (lambda top, net, images: plot(top["conv2"], gain="p200"), "gain=p200 is not one of"),
        (lambda top, net, images: plot(images[:, :2]), "expected"),
        (lambda top, net, images: plot(net, layer="fc6"), "expected a Conv2d"),
        (lambda top, net, images: plot(images / 0 * 0), "values to draw are NaN or infinite"),
        (lambda top, net, images: plot("conv2"), "of str nothing can be drawn"),
        (lambda top, net, images: plot(Deconvnet(net)), "of Deconvnet nothing can be drawn"),
        (lambda top, net, images: plot(Deconvnet(net).record(images[:1]), images), "is not recorded: give layer="),
        (lambda top, net, images: plot(Deconvnet(net).record(images[:1], ["conv1"])), "give plot"),
        (lambda top, net, images: plot(Deconvnet(net).record(images, ["conv1"]), images[:1], number=2), "number=2 of"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_says_what_to_give(net: nn.Module, images: Tensor, given, words: str):
    top = mine_top(Deconvnet(net), [images], layers=["conv2"], k=2, progress=False)
    with pytest.raises(ValueError, match=words):
        given(top, net, images)


def test_images_come_back_as_the_pixels_they_were():
    pixels = torch.randint(0, 256, (2, 3, 40, 40), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    frame = torchvision_frame(size_px=40, side_px=48)
    normalised = (pixels - frame.mean) / frame.scale
    assert torch.equal(pixels_of(normalised, frame)[0], pixels)
    assert pixels_of(normalised, frame)[1] == frame.grey
    assert torch.equal(pixels_of(pixels, None)[0], pixels)
    assert torch.equal(pixels_of(pixels / 255, None)[0], pixels)
    assert torch.equal(pixels_of(pixels.float(), None)[0], pixels)
    mean = torch.rand(3, 48, 48) * 255  # the paper's, one for each pixel of the square that the crop is cut from
    uneven = InputFrame(48, 40, mean, torch.ones(3, 1, 1))
    assert torch.equal(pixels_of(pixels - mean[:, 4:44, 4:44], uneven)[0], pixels)
    around = pixels_of(normalised, None)[0]
    zero = pixels_of(torch.tensor([-1.0, 0, 1]).reshape(1, 1, 1, 3), None)[0][0, 0, 0]
    assert zero.tolist() == [0, 128, 255]
    assert around.shape == pixels.shape
    assert pixels_of(torch.rand(1, 1, 8, 8), plain_frame(8, 8, channels=1))[0].shape == (1, 3, 8, 8)


def test_a_notebook_shows_the_figure_without_pyplot(images: Tensor):
    assert plot(images[:1])._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]
