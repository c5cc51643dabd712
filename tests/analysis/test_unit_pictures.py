"""Units as pictures: the windows of the whole projection and of the image, in the order they were asked for."""

import numpy as np
import pytest
import torch
from torch import nn

from zfnet import Deconvnet, build_model
from zfnet.analysis import unit_pictures
from zfnet.analysis.unit_pictures import picture_units
from zfnet.data import SeenImages
from zfnet.forward import receptive_field

GREY = (10, 20, 30)


@pytest.mark.parametrize(
    ("name", "layer", "px"),
    [
        ("zfnet", "conv3", 96),
        ("zfnet", "conv5", 96),
        ("zfnet", "fc6", 96),
        ("torchvision:squeezenet1_0", "features.4", 65),
    ],
)
def test_windows_of_projection_and_image(monkeypatch: pytest.MonkeyPatch, name: str, layer: str, px: int) -> None:
    monkeypatch.setattr(unit_pictures, "IMAGES_AT_ONCE", 2)
    torch.manual_seed(0)
    options = {"width": 0.1, "input_px": px} if name == "zfnet" else {}
    deconvnet = Deconvnet(build_model(name, num_classes=5, **options).double())
    pixels = torch.randint(0, 256, (6, 3, px, px), dtype=torch.uint8)
    images = pixels.double() / 64 - 2

    def fetch(numbers):
        return images[numbers], pixels[numbers]

    record = deconvnet.record(images, [layer])
    size = record.maps[layer].shape[1:]
    last = [int(n) - 1 for n in size[1:]] or [0, 0]
    units = torch.tensor([[5, 1, 0, 0], [0, 2, *last], [3, 0, last[0] // 2, 0], [5, 1, *last], [2, 3, 0, last[1]]])
    found = picture_units(deconvnet, layer, units, fetch, GREY)
    whole = deconvnet.project(record, layer, units).numpy()
    field = receptive_field(deconvnet.model, layer)
    expected_px = field.size_px[0] if field is not None and field.size_px[0] <= px else px
    assert found.patch.shape == (5, expected_px, expected_px, 3)
    for number, (top, left) in enumerate(found.corner.tolist()):
        for row in range(expected_px):
            for column in range(0, expected_px, 5):
                y, x = top + row, left + column
                inside = 0 <= y < px and 0 <= x < px
                image = pixels[units[number, 0], :, y, x].tolist() if inside else list(GREY)
                assert found.patch[number, row, column].tolist() == image
        ys, xs = (np.arange(expected_px) + corner for corner in (top, left))
        y_in, x_in = (ys >= 0) & (ys < px), (xs >= 0) & (xs < px)
        window = np.zeros((3, expected_px, expected_px))
        window[:, np.ix_(y_in, x_in)[0], np.ix_(y_in, x_in)[1]] = whole[number][:, ys[y_in]][:, :, xs[x_in]]
        np.testing.assert_allclose(found.projection[number], window, rtol=1e-4, atol=1e-7 * np.abs(whole).max())
    assert np.abs(found.projection).max() > 0
    maps = record.maps[layer]
    np.testing.assert_allclose(found.activation, maps[tuple(units[:, : maps.ndim].T)].numpy(), rtol=1e-12)


class PaddedBySize(nn.Module):
    """As TensorFlow's "same" does: how many zeros, and where, is told by the size of the image."""

    def __init__(self) -> None:
        super().__init__()
        self.filters = nn.Conv2d(3, 4, 3, stride=2)
        nn.init.constant_(self.filters.bias, 5.0)  # so that every unit answers

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        rows, columns = (side % 2 for side in images.shape[2:])
        return self.filters(nn.functional.pad(images, (columns, 1, rows, 1)))


def test_fields_are_of_the_images_own_size_whatever_ran_before() -> None:
    torch.manual_seed(0)
    deconvnet = Deconvnet(PaddedBySize().double())
    units = torch.tensor([[0, 1, 3, 4], [1, 2, 0, 0]])
    corners = []
    for px in (20, 21, 20):
        images = torch.rand(2, 3, px, px, dtype=torch.float64)
        pixels = (images * 255).to(torch.uint8)

        def fetch(numbers, images=images, pixels=pixels):
            return SeenImages(images[numbers], pixels[numbers])

        found = picture_units(deconvnet, "filters", units, fetch, GREY)
        whole = deconvnet.project(deconvnet.record(images, ["filters"]), "filters", units).numpy()
        (top, left), inside = found.corner[0].tolist(), found.projection[0]
        np.testing.assert_allclose(inside, whole[0][:, top : top + 3, left : left + 3], rtol=1e-6)
        assert np.abs(inside).max() > 0
        corners.append(found.corner.tolist())
    assert corners[0] == corners[2] != corners[1]


def test_no_units_are_refused() -> None:
    with pytest.raises(ValueError, match=r"units of filters are \(0, 4\), expected at least one"):
        picture_units(
            Deconvnet(PaddedBySize()), "filters", torch.zeros((0, 4), dtype=torch.int64), lambda _: 1 / 0, GREY
        )


@pytest.mark.parametrize(
    ("rule", "told"), [("deconvnet", "1 of 3 units of 3 project to exactly nothing"), ("gradient", "")]
)
def test_units_of_which_a_rule_leaves_nothing_are_told(rule: str, told: str, caplog: pytest.LogCaptureFixture) -> None:
    """A score whose every weight is negative sends nothing past the ReLU below; one that is 0 has nothing to send."""
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 9, 3)).double()
    with torch.no_grad():
        model[3].weight[:] = torch.tensor([-1.0, 1.0, 0.0])[:, None]
        model[3].bias[:] = torch.tensor([1e4, 0, 0])
    images, pixels = torch.rand(1, 3, 3, 3, dtype=torch.float64), torch.zeros(1, 3, 3, 3, dtype=torch.uint8)
    units = torch.tensor([[0, score, 0, 0] for score in range(3)])
    picture_units(Deconvnet(model, rule), "3", units, lambda numbers: SeenImages(images, pixels), GREY)
    assert caplog.text == "" if not told else told in caplog.text
