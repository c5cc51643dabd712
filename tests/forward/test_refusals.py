"""Images that do not fit a network, and networks without numbers or gradients: told by name, and nothing else is."""

import copy

import pytest
import torch
from torch import nn

from zfnet import Deconvnet, build_model, mine_top, occlude, open_network, receptive_field
from zfnet.analysis.activations import channel_means
from zfnet.data import torchvision_frame
from zfnet.forward import network_table

torch.set_num_threads(1)

FRAME = torchvision_frame(size_px=80, side_px=90)


def net() -> nn.Module:
    torch.manual_seed(0)
    return build_model("zfnet", 5, width=0.1, input_px=96)


class Flat(nn.Module):
    """For images of 32 x 32, which it does not say."""

    def __init__(self):
        super().__init__()
        self.conv, self.linear = nn.Conv2d(3, 4, 3), nn.Linear(3600, 5)

    def forward(self, x):
        return self.linear(self.conv(x).view(-1, 3600))


WAYS = {
    "record": lambda model, x: Deconvnet(model).record(x),
    "activations": lambda model, x: Deconvnet(model).activations(x, ["conv2"]),
    "occlude": lambda model, x: occlude(model, x[0], 1, size_px=1, progress=False),
    "mine_top": lambda model, x: mine_top(Deconvnet(model), [x], ["conv2"], progress=False),
    "channel_means": channel_means,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("shape", [(3, 90, 96), (1, 96, 96), (3, 1, 1)])
def test_images_that_do_not_fit_are_told_beside_those_that_do(way, shape):
    words = f"ConvNet does not run on images of {' x '.join(map(str, shape))} .*: it takes 3 x 96 x 96$"
    with pytest.raises(ValueError, match=words) as told:
        WAYS[way](net(), torch.zeros(2, *shape))
    assert type(told.value.__cause__) is RuntimeError


def test_a_frame_that_does_not_fit_is_told():
    with pytest.raises(ValueError, match=r"images of 3 x 80 x 80 .*: it takes 3 x 96 x 96"):
        open_network(net(), frame=FRAME)
    with pytest.raises(ValueError, match=r"Flat does not run on images of 3 x 80 x 80 \(shape .*: give images, or"):
        open_network(Flat(), frame=FRAME)


def test_of_networks_that_name_no_size_the_channels_are_told():
    with pytest.raises(ValueError, match=r"images of 3 x 40 x 32 .* of the size that it takes$"):
        Deconvnet(Flat()).record(torch.zeros(1, 3, 40, 32))
    with pytest.raises(ValueError, match=r"images of 4 x 32 x 32 .*; its first convolution takes 3 channels$"):
        Deconvnet(Flat()).record(torch.zeros(1, 4, 32, 32))


def test_a_first_convolution_may_take_other_channels_than_the_images_have():
    model = nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(12, 4, 3))
    assert Deconvnet(model).record(torch.zeros(1, 3, 16, 16)).maps["1"].shape == (1, 4, 6, 6)


class Raises(Flat):
    def __init__(self, error):
        super().__init__()
        self.error = error

    def forward(self, x):
        self.conv(x)
        raise self.error


class OutOfMemory(Flat):
    def forward(self, x):
        return self.conv(x).repeat(10**6, 10**6, 1, 1)


class OtherType(Flat):
    def forward(self, x):
        return self.conv(x.double())


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (Raises(RuntimeError("images of this size are not mine")), "^images of this size are not mine$"),
        (Raises(torch.OutOfMemoryError("a block of that size")), "^a block of that size$"),
        (OutOfMemory(), "allocate memory"),
        (OtherType(), r"^Input type \(double\)"),
    ],
)
def test_errors_that_are_not_about_shapes_come_through(model, words):
    x = torch.zeros(1, 3, 32, 32)
    for run in (lambda: Deconvnet(model).record(x), lambda: open_network(model, frame=FRAME)):
        with pytest.raises(RuntimeError, match=words) as told:
            run()
        assert told.value.__cause__ is None


def test_out_of_memory_in_a_call_of_torch_comes_through(monkeypatch):
    def full(x):  # as a function of torch is written
        if torch.overrides.has_torch_function_unary(x):
            return torch.overrides.handle_torch_function(full, (x,), x)
        raise torch.OutOfMemoryError("tried to allocate a block of that size")

    monkeypatch.setattr(nn.Conv2d, "forward", lambda self, x: full(x))
    with pytest.raises(torch.OutOfMemoryError, match="tried"):
        Deconvnet(net()).record(torch.zeros(1, 3, 96, 96))


@pytest.mark.parametrize("images", [torch.zeros(1, 3, 96, 96).numpy(), [torch.zeros(3, 96, 96)]])
def test_arrays_and_lists_are_no_images(images):
    with pytest.raises(ValueError, match=f"images are of type {type(images).__name__}; expected a tensor"):
        Deconvnet(net()).record(images)


def test_seeds_may_be_an_array():
    deconvnet = Deconvnet(net())
    record = deconvnet.record(torch.randn(2, 3, 96, 96))
    maps = record.maps["conv5"]
    expected = deconvnet.project_maps(record, "conv5", seeds=maps)
    assert torch.equal(deconvnet.project_maps(record, "conv5", seeds=maps.numpy()), expected)


def test_a_caller_in_inference_mode_is_told_the_same():
    model, x = net(), torch.randn(2, 3, 96, 96)
    expected = Deconvnet(model)
    mined = mine_top(expected, [x], ["conv2"], progress=False)["conv2"]
    with torch.inference_mode():
        deconvnet = Deconvnet(model)
        assert deconvnet.layers == expected.layers
        assert deconvnet.field("conv5") == expected.field("conv5") == receptive_field(model, "conv5")
        assert deconvnet.explain("conv5") == expected.explain("conv5")
        assert torch.equal(mine_top(deconvnet, [x], ["conv2"], progress=False)["conv2"].value, mined.value)


def test_inputs_changed_in_place_open_in_inference_mode():
    model = nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with torch.inference_mode():
        assert len(open_network(model, frame=FRAME).names) == 4


def test_networks_made_in_inference_mode_are_refused_and_a_copy_is_not():
    with torch.inference_mode():
        model = net()
    x = torch.randn(1, 3, 96, 96)
    for way in ("record", "occlude", "mine_top"):
        with pytest.raises(ValueError, match=r"'conv1.weight' was made inside torch.inference_mode\(\).*deepcopy"):
            WAYS[way](model, x)
    record = Deconvnet(copy.deepcopy(model)).record(x)
    with torch.inference_mode():
        expected = model.eval()(x)
    torch.testing.assert_close(record.maps["fc8"], expected)


def test_networks_on_the_meta_device_are_refused():
    model, x = net().to("meta"), torch.randn(1, 3, 96, 96)
    words = "'conv1.weight' is on the meta device, which holds no numbers: .*to_empty"
    for way in ("record", "occlude", "mine_top"):
        with pytest.raises(ValueError, match=words):
            WAYS[way](model, x)
    with pytest.raises(ValueError, match=words):
        receptive_field(model, "conv5")
    with pytest.raises(ValueError, match=words):
        open_network(model, frame=FRAME, names=["a", "b", "c", "d", "e"])


@pytest.mark.parametrize("px", [0, -5])
def test_images_have_a_side_of_a_pixel_or_more(px):
    with pytest.raises(ValueError, match=f"images of {px} x {px} px were asked for, expected a side of 1 px or more"):
        receptive_field(net(), "conv5", image_px=px)
    with pytest.raises(ValueError, match=f"images of {px} x {px} px"):
        network_table(net(), px)
