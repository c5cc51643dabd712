"""Other switches and other seeds: what a projection is made of, taken apart."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from zfnet import Deconvnet, build_model


class Pooled(nn.Module):
    """A pool over pixels, in three maps: every switch is known by heart."""

    def __init__(self) -> None:
        super().__init__()
        self.same = nn.Conv2d(3, 3, 1, bias=False)
        self.pool = nn.MaxPool2d(2)
        nn.init.dirac_(self.same.weight)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.pool(self.same(images))


def two_images() -> torch.Tensor:
    """The largest pixel of every 2 x 2 window is the first in image 0 and the last in image 1."""
    first = torch.tensor([[4.0, 1.0], [2.0, 3.0]]).repeat(3, 2, 2)
    return torch.stack([first, first.flip(1, 2)])


def test_a_record_with_the_other_images_switches_puts_its_values_at_the_others_places():
    deconvnet = Deconvnet(Pooled())
    record = deconvnet.record(two_images(), layers=["pool"])
    own = deconvnet.project(record, "pool", [[0, 1, 0, 1]])[0, 1]
    swapped = record.with_switches_of(record, [1, 0])
    others = deconvnet.project(swapped, "pool", [[0, 1, 0, 1]])[0, 1]
    assert own.nonzero().tolist() == [[0, 2]]
    assert others.nonzero().tolist() == [[1, 3]]
    assert others[1, 3] == own[0, 2] == 4  # the value stays its own
    assert deconvnet.project(record, "pool", [[0, 1, 0, 1]])[0, 1].equal(own)  # and the record what it was


def test_a_whole_network_with_anothers_switches_is_that_of_a_record_of_the_other():
    """Seeds of image 0, switches of image 1: exactly what image 1's own record gives for the same seeds."""
    torch.manual_seed(0)
    model = build_model("zfnet", num_classes=5, width=0.05, input_px=64).double().eval()
    images = torch.randn(2, 3, 64, 64, dtype=torch.float64) * 50
    deconvnet = Deconvnet(model)
    record, other = deconvnet.record(images[:1], ["conv5"]), deconvnet.record(images[1:], ["conv5"])
    seeds = record.maps["conv5"]
    mixed = deconvnet.project_maps(record.with_switches_of(other), "conv5", seeds=seeds)
    expected = deconvnet.project_maps(other, "conv5", seeds=seeds)
    assert mixed.equal(expected)
    assert not mixed.equal(deconvnet.project_maps(record, "conv5", seeds=seeds))


def test_seeds_of_a_whole_layer_are_the_sum_of_its_units():
    """Without a rectifier that cuts (one layer of positive filters) the way down is linear: units add up."""
    model = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)).double()
    model[0].weight.data.abs_()
    deconvnet = Deconvnet(model)
    record = deconvnet.record(torch.randn(1, 3, 6, 6, dtype=torch.float64), layers=["2"])
    units = [[0, m, r, c] for m in range(4) for r in range(3) for c in range(3)]
    whole = deconvnet.project_maps(record, "2", seeds=record.maps["2"])
    assert whole[0].allclose(deconvnet.project(record, "2", units).sum(0), rtol=1e-12)
    by_map = deconvnet.project_maps(record, "2", [[0, 0], [0, 1], [0, 2], [0, 3]]).sum(0)
    assert whole[0].allclose(by_map, rtol=1e-12)


def test_seeds_by_autograd_are_those_by_the_graph():
    torch.manual_seed(0)
    model = build_model("zfnet", num_classes=5, width=0.05, input_px=64).double().eval()
    images = torch.randn(2, 3, 64, 64, dtype=torch.float64) * 50
    plain = Deconvnet(model, rule="gradient")
    record = plain.record(images, ["conv3"])
    seeds = torch.randn(2, *record.sizes["conv3"], dtype=torch.float64)
    leaf = images.clone().requires_grad_()
    output = model.relu3(model.conv3(model.norm2(model.pool2(model.relu2(model.conv2(
        model.norm1(model.pool1(model.relu1(model.conv1(leaf))))))))))  # fmt: skip
    output.backward(seeds)
    assert plain.project_maps(record, "conv3", seeds=seeds).allclose(leaf.grad, rtol=1e-10)


@pytest.mark.parametrize("pool", [nn.MaxPool2d(3, 2, ceil_mode=True), nn.MaxPool2d(3, 2, padding=1), nn.MaxPool2d(2)])
def test_random_switches_never_lose_a_value_beyond_the_border(pool: nn.MaxPool2d):
    model = nn.Sequential(nn.Conv2d(3, 3, 1, bias=False), pool)
    nn.init.dirac_(model[0].weight)
    deconvnet = Deconvnet(model)
    record = deconvnet.record(torch.rand(2, 3, 8, 8) + 1, layers=["1"])
    drawn = record.with_random_switches(torch.Generator().manual_seed(0))
    own, random = (deconvnet.project_maps(one, "1", seeds=record.maps["1"]) for one in (record, drawn))
    assert random.sum() == pytest.approx(float(own.sum()))
    assert not random.equal(own)
    again = record.with_random_switches(torch.Generator().manual_seed(0))
    assert deconvnet.project_maps(again, "1", seeds=record.maps["1"]).equal(random)


def test_what_cannot_be_exchanged_says_so():
    model = build_model("zfnet", num_classes=5, width=0.05, input_px=64).eval()
    images = torch.randn(2, 3, 64, 64)
    deconvnet = Deconvnet(model)
    record = deconvnet.record(images, ["conv5"])
    with pytest.raises(ValueError, match=r"images=\[0, 2\]: expected 2 numbers from 0 to 1"):
        record.with_switches_of(record, [0, 2])
    small, large = (Deconvnet(Pooled()).record(torch.rand(1, 3, px, px), ["pool"]) for px in (8, 12))
    with pytest.raises(ValueError, match="differ in their pools"):
        small.with_switches_of(large)
    with pytest.raises(ValueError, match="holds no switches"):
        Deconvnet(model, rule="guided").record(images, ["conv5"]).with_random_switches(torch.Generator())
    with pytest.raises(ValueError, match=r"seeds are \(2, 3\), expected \(2, 13, 3, 3\)"):
        deconvnet.project_maps(record, "conv5", seeds=torch.zeros(2, 3))
    with pytest.raises(ValueError, match="give either chosen"):
        deconvnet.project_maps(record, "conv5")


class Opaque(nn.Module):
    """Known operations, and one that nobody knows above them."""

    def __init__(self) -> None:
        super().__init__()
        self.pool, self.odd = nn.MaxPool2d(2), nn.Conv2d(3, 3, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.odd(torch.cumsum(self.pool(images), 2).roll(1, 3))


def test_a_layer_that_goes_by_autograd_refuses_switches_it_would_not_use():
    deconvnet = Deconvnet(Opaque())
    record = deconvnet.record(torch.rand(2, 3, 8, 8), layers=["pool", "odd"])
    assert "odd" not in record.explicit
    swapped = record.with_switches_of(record, [1, 0])
    with pytest.raises(ValueError, match="takes its own switches"):
        deconvnet.project(swapped, "odd", [[0, 0, 0, 0]])
