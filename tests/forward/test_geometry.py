"""Receptive fields, against the paper's table and against gradients of networks of ones."""

import pytest
import torch
from torch import nn

from zfnet import Deconvnet, build_model
from zfnet.forward.geometry import cut_windows, inside, paste_windows

PAPER = {  # size and step in pixels of ZFNet's layers
    "conv1": (7, 2), "pool1": (11, 4), "conv2": (27, 8), "pool2": (43, 16),
    "conv3": (75, 16), "conv4": (107, 16), "conv5": (139, 16), "pool5": (171, 32),
}  # fmt: skip


def test_zfnet_has_the_papers_fields():
    deconvnet = Deconvnet(build_model("zfnet", 5, width=0.01))
    for layer, (size, step) in PAPER.items():
        field = deconvnet.field(layer)
        assert (field.size_px, field.step_px) == ((size, size), (step, step)), layer
    places = torch.tensor([[0, 0], [3, 12]])
    assert deconvnet.field("conv5").corners(places).tolist() == [[-49, -49], [-1, 143]]
    assert deconvnet.field("fc6") is None


def ones(layers: list[nn.Module]) -> nn.Sequential:
    """Every weight one and every pool an average: the gradient is positive wherever a unit can see."""
    averaged = [
        nn.AvgPool2d(layer.kernel_size, layer.stride, layer.padding, layer.ceil_mode)
        if isinstance(layer, nn.MaxPool2d)
        else layer
        for layer in layers
    ]
    for layer in averaged:
        if isinstance(layer, nn.Conv2d):
            nn.init.ones_(layer.weight)
    return nn.Sequential(*averaged)


def convolutional(name: str) -> list[nn.Module]:
    """Our network from conv1 to pool5, without what does not widen the field."""
    model = build_model(name, 5, width=0.01, input_px=161)
    return [module for module in model if isinstance(module, nn.Conv2d | nn.MaxPool2d)]


NETWORKS = {
    "zfnet": lambda: convolutional("zfnet"),
    "alexnet": lambda: convolutional("alexnet"),
    "uneven": lambda: [nn.Conv2d(3, 2, (5, 2), (2, 1), (1, 0)), nn.MaxPool2d((2, 3), (1, 2)), nn.Conv2d(2, 2, 3)],
    "dilated": lambda: [nn.Conv2d(3, 2, 3, 2, 3, dilation=2), nn.Conv2d(2, 2, 2, padding="same", dilation=2)],
}


@pytest.mark.parametrize("name", list(NETWORKS))
def test_fields_are_where_a_network_of_ones_has_gradients(name):
    layers = NETWORKS[name]()
    model = ones(layers).double()
    field = Deconvnet(model).field(str(len(layers) - 1))
    image = torch.zeros(1, 3, 161, 161, dtype=torch.float64, requires_grad=True)
    maps = model(image)
    height, width = maps.shape[2:]
    places = [(height // 2, width // 2), (0, 0), (height - 1, width - 1), (0, width - 1)]
    for row, column in places[:1] if name == "dilated" else places:  # at the border a gap may be what is left
        (gradient,) = torch.autograd.grad(maps[0, 0, row, column], image, retain_graph=True)
        rows, columns = gradient[0, 0].nonzero().T
        top, left = field.corners(torch.tensor([[row, column]]))[0].tolist()
        assert rows.min() == max(top, 0)
        assert columns.min() == max(left, 0)
        assert rows.max() == min(top + field.size_px[0], 161) - 1
        assert columns.max() == min(left + field.size_px[1], 161) - 1


def test_branches_see_what_any_of_them_sees():
    class Branch(nn.Module):
        def __init__(self):
            super().__init__()
            self.wide, self.narrow = nn.Conv2d(4, 4, 5, padding=2), nn.Conv2d(4, 4, 1)

        def forward(self, x):
            return self.wide(x) + self.narrow(x)

    deconvnet = Deconvnet(nn.Sequential(nn.Conv2d(3, 4, 3, stride=2), Branch(), nn.Conv2d(4, 4, 3)))
    assert deconvnet.field("1.narrow").size_px == (3, 3)
    assert deconvnet.field("1").size_px == (11, 11)
    assert deconvnet.field("2") == deconvnet.field("2").joined(deconvnet.field("2"))
    circular = nn.Conv2d(3, 4, 3, padding=1, padding_mode="circular")
    assert Deconvnet(nn.Sequential(circular)).field("0") is None  # at the border it sees the other side


def test_cut_paste_and_inside_agree_at_the_borders():
    maps = torch.arange(1, 61, dtype=torch.float64).view(2, 2, 3, 5)
    corners = torch.tensor([[-1, -2], [1, 3], [0, 0], [-4, 9], [2, -1]])
    images = torch.tensor([0, 1, 1, 0, 1])
    windows = cut_windows(maps, images, corners, (2, 4))
    for n, (top, left) in enumerate(corners.tolist()):
        for row in range(2):
            for column in range(4):
                on_map = 0 <= top + row < 3 and 0 <= left + column < 5
                expected = maps[images[n], :, top + row, left + column] if on_map else torch.zeros(2)
                assert windows[n, :, row, column].tolist() == expected.tolist()
                assert inside(corners, (2, 4), (3, 5))[n, 0, row, column] == on_map
    back = paste_windows(windows, corners, (3, 5))
    assert back[2, :, :2, :4].equal(maps[1, :, :2, :4])
    assert back.ne(0).sum() == windows.ne(0).sum()
