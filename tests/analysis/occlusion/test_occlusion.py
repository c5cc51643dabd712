"""Occlusion is what it says: against places one by one, against captum, and at the edges of what may be asked."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from captum.attr import Occlusion as CaptumOcclusion
from occlusion_oracle import by_hand, images, network
from torch import nn
from torch.nn import functional as F

from zfnet import build_model, occlude
from zfnet.analysis.occlusion.drops import averaged_drop


class Branching(nn.Module):
    """Not a chain: a sum of two branches, and a ReLU in place after the layer that is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 6, 3, padding=1)
        self.top = nn.Linear(6, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.one(x)
        return self.top((x + F.relu_(self.two(x))).mean((2, 3)))


def branching() -> Branching:
    torch.manual_seed(2)
    return Branching().double()


def test_any_network_matches_places_one_by_one():
    model, image = branching(), images(1, 21, 17)[0]
    heat = occlude(model, image, 3, size_px=6, stride_px=4, progress=False)
    expected = by_hand(model, lambda x: model.two(model.one(x)), image, torch.zeros_like(image), 3, 6, 4)
    torch.testing.assert_close(heat.probability, expected[0], rtol=1e-12, atol=1e-12)
    assert torch.equal(heat.label, expected[1])
    torch.testing.assert_close(heat.activity, expected[2], rtol=1e-12, atol=1e-12)  # before the ReLU in place
    assert heat.map == expected[3]
    assert heat.layer == "two"
    assert heat.rows.tolist() == [0, 4, 8, 12, 15]
    assert heat.columns.tolist() == [0, 4, 8, 11]
    torch.testing.assert_close(heat.clean_probability, model(image[None])[0].softmax(0)[3])


def test_a_batch_is_its_images():
    model, batch = branching(), images(3, 16, 16)
    together = occlude(model, batch, torch.tensor([0, 3, 1]), size_px=5, stride_px=5, layer="one", progress=False)
    assert together.probability.shape == (3, 4, 4)
    for index, target in enumerate((0, 3, 1)):
        alone = occlude(model, batch[index], target, size_px=5, stride_px=5, layer="one", progress=False)
        for name in ("probability", "label", "activity", "map", "clean_probability", "clean_activity", "target"):
            torch.testing.assert_close(getattr(together, name)[index], getattr(alone, name), rtol=1e-12, atol=1e-12)
    one = occlude(model, batch[:1], [2], size_px=5, stride_px=5, progress=False)
    assert one.probability.shape == (1, 4, 4)
    assert one.map.shape == (1,)


@pytest.mark.parametrize("make", [branching, network])
def test_captum_finds_the_same_drops(make):
    model, image = make(), images(1, 61, 61)
    theirs = CaptumOcclusion(lambda x: model(x).softmax(1)).attribute(
        image, (3, 13, 13), (3, 6, 6), baselines=0.0, target=1, perturbations_per_eval=8
    )
    heat = occlude(model, image[0], 1, size_px=13, stride_px=6, progress=False)
    # 61 = 13 + 8 * 6: captum cuts off no square; it counts in float64 here and returns float32
    torch.testing.assert_close(theirs[0, 0], averaged_drop(heat).float(), rtol=1e-6, atol=1e-12)


def test_torchvision_networks_take_images_that_are_not_square():
    model = build_model("torchvision:squeezenet1_0", num_classes=6)
    image = torch.randn(3, 70, 90, generator=torch.Generator().manual_seed(0))
    heat = occlude(model, image, 5, size_px=40, stride_px=30, progress=False)
    assert heat.layer == "features.12.squeeze"
    assert (heat.rows.tolist(), heat.columns.tolist()) == ([0, 30], [0, 30, 50])
    hidden = image.clone()
    hidden[:, 30:70, 50:90] = 0
    torch.testing.assert_close(heat.probability[1, 2], model.eval()(hidden[None]).softmax(1)[0, 5].detach())


def test_the_last_convolution_is_the_last_that_runs():
    model = branching()
    model.one, model.unused = model._modules.pop("one"), nn.Conv2d(6, 6, 3)  # now listed after "two"
    assert list(model._modules) == ["two", "top", "one", "unused"]
    assert occlude(model, images(1, 8, 8)[0], 0, size_px=4, progress=False).layer == "two"


def test_square_and_step_at_their_limits():
    model, image = branching(), images(1, 12, 9)[0]
    whole = occlude(model, image[:, :9], 0, size_px=9, stride_px=1, fill=0.5, progress=False)
    grey = model(torch.full((1, 3, 9, 9), 0.5, dtype=torch.float64)).softmax(1)[0, 0]
    torch.testing.assert_close(whole.probability, grey.detach().reshape(1, 1))
    gaps = occlude(model, image, 0, size_px=2, stride_px=5, progress=False)
    assert (gaps.rows.tolist(), gaps.columns.tolist()) == ([0, 5, 10], [0, 5, 7])
    with pytest.raises(ValueError, match="size_px=10 is larger than the image, which has 12 x 9 px"):
        occlude(model, image, 0, size_px=10)
    for size, step in ((0, 1), (1, 0)):
        with pytest.raises(ValueError, match=f"size_px={size}, stride_px={step}"):
            occlude(model, image, 0, size_px=size, stride_px=step)


def test_one_class_is_certain_everywhere():
    model = branching()
    model.top = nn.Linear(6, 1).double()
    heat = occlude(model, images(1, 8, 8)[0], 0, size_px=4, stride_px=4, progress=False)
    assert torch.equal(heat.probability, torch.ones(2, 2, dtype=torch.float64))
    assert not heat.label.any()


def test_errors_name_the_value_and_the_way_out():
    model, image = branching(), images(1, 12, 12)[0]
    small = {"size_px": 4, "progress": False}
    with pytest.raises(ValueError, match="target 4 is not a class of the network: expected 0 to 3"):
        occlude(model, image, 4, **small)
    with pytest.raises(ValueError, match="for each of 1 images"):
        occlude(model, image, [0, 1], **small)
    with pytest.raises(ValueError, match="target is 1j, expected the number of a class"):
        occlude(model, image, 1j, **small)
    with pytest.raises(ValueError, match="'three' is not one of one, two, top"):
        occlude(model, image, 0, layer="three", **small)
    with pytest.raises(ValueError, match=r"image is \(12, 12\)"):
        occlude(model, image[0], 0, **small)
    with pytest.raises(ValueError, match="has no convolution that runs: name a layer"):
        occlude(nn.Sequential(nn.Flatten(), nn.Linear(432, 4)).double(), image, 0, **small)
    with pytest.raises(ValueError, match=r"returns \(1, 6, 12, 12\); expected class scores"):
        occlude(nn.Sequential(nn.Conv2d(3, 6, 1)).double(), image, 0, **small)


@pytest.mark.parametrize("incremental", [True, False])
def test_what_is_not_finite_is_refused(incremental: bool):
    model, image = branching(), images(1, 12, 12)[0]
    asked = {"target": 0, "size_px": 4, "progress": False, "incremental": incremental}
    for fill in (torch.nan, [0, torch.inf, 0]):
        with pytest.raises(ValueError, match=r"fill=.* is not finite"):
            occlude(model, image, fill=fill, **asked)
    with pytest.raises(ValueError, match="fill=mean is not finite"):
        occlude(model, image / 0, fill="mean", **asked)
    with pytest.raises(ValueError, match=r"the target has probability nan.* look for NaN or infinity in the image"):
        occlude(model, image * torch.nan, **asked)
    with torch.no_grad():
        model.top.bias[3] = torch.inf
    with pytest.raises(ValueError, match="the target has probability nan"):
        occlude(model, image, **asked)
    with torch.no_grad():
        model.top.bias[3] = -torch.inf  # a class that is masked out
    assert occlude(model, image, **asked).probability.isfinite().all()


def test_nothing_is_left_behind():
    model, image = branching(), images(1, 12, 12)[0]
    model.train()
    model.two.eval()
    before, pixels = copy.deepcopy(model.state_dict()), image.clone()
    occlude(model, image, 0, size_px=4, progress=False)
    with pytest.raises(ValueError, match="target 9"):
        occlude(model, image, 9, size_px=4, progress=False)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(image, pixels)
    assert (model.training, model.one.training, model.two.training) == (True, True, False)
    assert torch.is_grad_enabled()
    assert not any(module._forward_hooks for module in model.modules())


@pytest.mark.parametrize("incremental", [True, False])
def test_how_far_it_is_can_be_told_to_a_function(incremental: bool, capsys: pytest.CaptureFixture[str]):
    model, told = network(), list[tuple[int, int | None]]()
    image = images(1, 64, 64)[0]
    occlude(model, image, 0, size_px=16, stride_px=8, incremental=incremental,
            progress=lambda count, total: told.append((count, total)))  # fmt: skip
    assert told[-1] == (49, 49)
    assert [count for count, _ in told] == sorted(count for count, _ in told)
    assert capsys.readouterr().err == ""


def test_an_array_is_no_image() -> None:
    with pytest.raises(ValueError, match=r"image is ndarray, expected a tensor \(3, H, W\)"):
        occlude(nn.Conv2d(3, 2, 3), np.zeros((3, 8, 8), np.float32), 0, 4, 4, progress=False)
