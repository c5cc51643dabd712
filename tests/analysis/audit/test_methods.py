"""The methods of the audit against truths that are known, and against captum."""

from __future__ import annotations

import sys

import pytest
import torch
from captum.attr import Deconvolution, GuidedBackprop, InputXGradient, Occlusion, Saliency
from known_networks import LinearScores, Small, of_class, some_images
from torch import nn

from zfnet import Deconvnet
from zfnet.analysis.audit import (
    METHODS,
    Pictures,
    check_methods,
    class_targets,
    make_pictures,
    pictures_by,
    strongest_units,
)


def pictures(name: str, model: nn.Module, images: torch.Tensor, numbers: list[int]) -> torch.Tensor:
    made = make_pictures(name, model, images, of_class(numbers))
    assert not made.refused
    return made.values


def test_of_a_linear_network_the_gradient_is_the_weights_and_its_products_say_what_each_pixel_gave():
    model, images, numbers = LinearScores(), some_images(), [0, 1, 2, 1]
    truth = torch.stack([model.truth(number) for number in numbers])
    assert pictures("gradient", model, images, numbers).allclose(truth, atol=1e-6)
    for name in ("gradient x input", "integrated gradients"):
        found = pictures(name, model, images, numbers)
        assert found.allclose(truth * images, atol=1e-5), name
        assert found.sum((1, 2, 3)).allclose(model(images)[torch.arange(4), numbers], atol=1e-3)  # it is complete


def test_of_a_linear_network_occlusion_is_the_mean_loss_of_the_squares_over_each_pixel():
    model, images = LinearScores(), some_images(2)
    found = pictures("occlusion", model, images, [2, 0])[:, 0]
    sums = (model.truth(2) * images[0]).sum(0)
    squares = [(row, column) for row in range(0, 13, 2) for column in range(0, 13, 2)]  # of 4 px, half of that apart
    over = [float(sums[r : r + 4, c : c + 4].sum()) for r, c in squares if r <= 5 < r + 4 and c <= 9 < c + 4]
    assert found[0, 5, 9] == pytest.approx(sum(over) / len(over), abs=1e-4)


@pytest.mark.parametrize(
    ("name", "captum"),
    [("deconvnet", Deconvolution), ("guided", GuidedBackprop), ("gradient x input", InputXGradient)],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_reverse_passes_are_captums(name: str, captum: type):
    class WithModules(Small):  # captum sees relus only as modules
        def __init__(self) -> None:
            super().__init__()
            self.relus = nn.ModuleList([nn.ReLU(), nn.ReLU()])

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            maps = self.pool(self.relus[0](self.first(images)))
            return self.scores(self.relus[1](self.second(maps)).flatten(1))

    model, images, numbers = WithModules().eval(), some_images(), [0, 1, 2, 3]
    expected = captum(model).attribute(images.clone().requires_grad_(), target=numbers)
    assert pictures(name, model, images, numbers).allclose(expected, atol=1e-6)


def test_gradient_is_captums_saliency_and_occlusion_captums_for_a_unit_too():
    model, images = Small().eval(), some_images()
    expected = Saliency(model).attribute(images.clone().requires_grad_(), target=[0, 1, 2, 3], abs=False)
    assert pictures("gradient", model, images, [0, 1, 2, 3]).allclose(expected, atol=1e-6)
    units = strongest_units(model, images, "second")
    found = make_pictures("occlusion", model, images, units).values
    for image, number, row, column in units.units.tolist():
        of_unit = Occlusion(
            lambda x, n=number, r=row, c=column: model.second(model.pool(model.first(x).relu()))[:, n, r, c]
        )
        expected = of_unit.attribute(images[image : image + 1], (3, 4, 4), strides=(3, 2, 2))
        assert found[image].sum(0).allclose(expected[0, 0], atol=1e-5)


def test_grad_cam_of_a_unit_is_its_map_and_of_a_class_the_weighted_sum():
    model, images = Small().eval(), some_images(2)
    maps = Deconvnet(model).activations(images, ["second"])["second"].requires_grad_()
    scores = model.scores(torch.relu(maps).flatten(1))
    (gradient,) = torch.autograd.grad(scores[0, 1] + scores[1, 3], maps)
    weighted = (gradient.mean((2, 3), keepdim=True) * maps).sum(1, keepdim=True).relu()
    expected = nn.functional.interpolate(weighted, (16, 16), mode="bilinear").detach()
    assert pictures("Grad-CAM", model, images, [1, 3]).allclose(expected, atol=1e-6)
    units = strongest_units(model, images, "second")
    found = make_pictures("Grad-CAM", model, images, units).values
    own = maps.detach()[torch.arange(2), units.units[:, 1]].relu()[:, None] / 64
    assert found.allclose(nn.functional.interpolate(own, (16, 16), mode="bilinear"), atol=1e-6)


def test_what_is_asked_about_is_the_most_probable_class_and_the_strongest_unit():
    model, images = Small().eval(), some_images()
    classes, units = class_targets(model, images, "second"), strongest_units(model, images, "second")
    assert classes.layer == "scores"
    assert classes.units[:, 1].tolist() == model(images).argmax(1).tolist()
    maps = Deconvnet(model).activations(images, ["second"])["second"]
    image, number, row, column = units.units.unbind(1)
    assert maps[image, number, row, column].equal(maps.flatten(1).amax(1))
    left, top, right, bottom = units.boxes(16, 16)[0]
    picture = make_pictures("gradient", model, images, units).values[0]
    outside = picture.clone()
    outside[:, top:bottom, left:right] = 0
    assert picture.abs().sum() > 0
    assert outside.abs().sum() == 0


def test_blank_and_refused_pictures_are_counted_and_not_dropped():
    images = some_images()

    def blank_now_and_then(model: nn.Module, images: torch.Tensor, targets: object) -> torch.Tensor:
        return images * torch.tensor([1.0, 0, torch.nan, 1])[:, None, None, None]

    made = pictures_by(blank_now_and_then, Small(), images, of_class([0, 0, 0, 0]), signed=False)
    assert made.blank.tolist() == [False, True, True, False]

    class Odd(LinearScores):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return super().forward(torch.sigmoid(images))

    refused = make_pictures("deconvnet", Odd().eval(), images, of_class([0, 0, 0, 0]))
    assert "Sigmoid" in refused.refused
    assert refused.blank.all()
    assert not make_pictures("gradient", Odd().eval(), images, of_class([0, 0, 0, 0])).refused
    with pytest.raises(ValueError, match="methods=lime is not one of deconvnet"):
        make_pictures("lime", Small(), images, of_class([0]))


def test_what_speaks_against_a_class_is_not_important_and_a_gradient_of_either_sign_is():
    values = torch.tensor([2.0, -3.0]).reshape(1, 1, 1, 2)
    assert Pictures(values=values, signed=True).importance().tolist() == [[[2.0, 0.0]]]
    assert Pictures(values=values, signed=False).importance().tolist() == [[[2.0, 3.0]]]
    assert set(METHODS) >= {"deconvnet", "guided", "gradient"}


def the_image(model: nn.Module, images: torch.Tensor, targets: object) -> torch.Tensor:
    """A method of one's own."""
    return images


def test_a_method_of_ones_own_is_named_by_its_module_and_function(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(__file__.rpartition("/")[0])
    name, images = "test_methods:the_image", some_images()
    check_methods([name, "gradient"])
    made = make_pictures(name, Small(), images, of_class([0] * 4))
    assert made.values.equal(images)
    assert not made.signed
    monkeypatch.setattr(sys.modules["test_methods"].the_image, "signed", True, raising=False)
    assert make_pictures(name, Small(), images, of_class([0] * 4)).signed
    for odd in ("test_methods:nothing", "no_module:f"):
        with pytest.raises(ValueError, match=f"methods={odd}: .*expected module:function"):
            check_methods([odd])
