"""Activation maximisation: it climbs, to the known best where one is known, and leaves the network as it was."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from zfnet import build_model, plot
from zfnet.analysis import Priors, bare_priors, maximise, seen_by_the_middle
from zfnet.data import InputFrame, plain_frame
from zfnet.deconv import Deconvnet


def net() -> nn.Module:
    torch.manual_seed(0)
    model = build_model("zfnet", num_classes=3, width=0.05, input_px=64)
    for parameter in model.parameters():
        if parameter.ndim > 1:
            nn.init.kaiming_normal_(parameter)  # the paper's weights of 0.01 let nothing through at this width
    return model


def frame_of(size_px: int) -> InputFrame:
    return InputFrame(size_px, size_px, torch.full((3, 1, 1), 127.5), torch.full((3, 1, 1), 60.0))


def test_a_single_filter_gets_its_own_sign_pattern():
    """Of a linear unit the best image in 0..255 is known: white where its weight is positive, black where negative."""
    torch.manual_seed(1)
    model = nn.Sequential(nn.Conv2d(3, 2, 5, padding=2), nn.ReLU(inplace=True))
    found = maximise(model, "0", [1], plain_frame(9, 9), priors=bare_priors(), steps=300, rate=0.5, progress=False)
    weight = model[0].weight[1].detach()
    expected = torch.where(weight > 0, 255, 0)
    assert (found.pixels[0][:, 2:7, 2:7].int() - expected).abs().float().mean() < 8
    best = (weight.clamp(min=0).sum() * 255 + model[0].bias[1]).item()  # type: ignore[index]
    assert found.value[0].item() == pytest.approx(best, rel=0.02)


@pytest.mark.parametrize(("layer", "maps"), [("conv2", [0, 3]), ("fc8", [2])])
@pytest.mark.parametrize("basis", ["fourier", "pixels"])
def test_every_map_answers_more_than_to_noise(layer: str, maps: list[int], basis: str):
    model = net().train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    found, again = (
        maximise(
            model,
            layer,
            maps,
            frame_of(64),
            priors=Priors(basis=basis, jitter_px=1, variation=1.0),
            steps=25,
            progress=False,
        )
        for _ in range(2)
    )
    assert (found.value > found.start + 1e-3).all()
    assert found.pixels.shape == (len(maps), 3, 64, 64)
    assert found.pixels.dtype == torch.uint8
    assert all(module.training for module in model.modules())
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not any(module._forward_hooks for module in model.modules())
    assert torch.equal(again.pixels, found.pixels)
    assert plot(found).get_size_inches()[0] > 0


def test_the_value_is_what_the_network_answers_to_the_picture():
    model, frame = net().eval(), frame_of(64)
    found = maximise(model, "conv3", [1], frame, steps=10, progress=False)
    pixels = found.pixels.float()
    maps = model.get_submodule("conv3")
    kept: list[torch.Tensor] = []
    handle = maps.register_forward_hook(lambda module, given, output: kept.append(output.detach().clone()))
    with torch.no_grad():
        model((pixels - frame.mean) / frame.scale)
    handle.remove()
    middle = kept[0][0, 1, kept[0].shape[2] // 2, kept[0].shape[3] // 2]
    assert found.value[0].item() == pytest.approx(middle.item(), rel=0.02, abs=0.02)  # pixels were rounded


def test_what_the_middle_place_sees_alone_makes_its_answer():
    """Of a filter of 5 x 5 that is all of the image's middle; of a fully connected layer all of the image."""
    torch.manual_seed(1)
    model = nn.Sequential(nn.Conv2d(3, 2, 5, padding=2), nn.ReLU()).eval()
    frame = plain_frame(11, 11)
    found = maximise(model, "0", [1, 0], frame, priors=bare_priors(), steps=20, progress=False)
    patches = seen_by_the_middle(found, Deconvnet(model))
    assert patches.shape == (2, 5, 5, 3)
    weight, bias = model[0].weight.detach(), model[0].bias.detach()
    seen = (torch.from_numpy(patches).permute(0, 3, 1, 2).float() - frame.mean) / frame.scale
    answers = (seen * weight[[1, 0]]).sum((1, 2, 3)) + bias[[1, 0]]
    assert torch.allclose(answers, found.value, rtol=0.05, atol=0.5)  # pixels were rounded
    whole = maximise(net(), "fc8", [2], frame_of(64), steps=2, progress=False)
    assert np.array_equal(seen_by_the_middle(whole, Deconvnet(net())), whole.pixels.permute(0, 2, 3, 1).numpy())


def test_what_a_grey_image_shows_the_middle_is_cut_from_it():
    torch.manual_seed(1)
    model = nn.Sequential(nn.Conv2d(1, 2, 5, padding=2), nn.ReLU()).eval()
    found = maximise(model, "0", [1], plain_frame(11, 11, channels=1), steps=1, progress=False)
    assert np.array_equal(
        seen_by_the_middle(found, Deconvnet(model)), found.pixels[:, :, 3:8, 3:8].permute(0, 2, 3, 1).numpy()
    )


class Mixed(nn.Module):
    """Patches in (B, rows, columns, maps), as ConvNeXt and Swin hold them, or in one row, as ViT does."""

    def __init__(self, *, in_a_row: bool) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.patches, self.mix, self.in_a_row = nn.Conv2d(3, 4, 4, stride=4), nn.Linear(4, 9), in_a_row

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        patches = self.patches(images).permute(0, 2, 3, 1)  # (B, rows, columns, 4)
        return self.mix(patches.flatten(1, 2) if self.in_a_row else patches).flatten(1, -2).mean(1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_linear_layer_s_maps_come_last(dtype: torch.dtype):
    model = Mixed(in_a_row=False).to(dtype)
    found = maximise(model, "mix", [8], plain_frame(20, 20), priors=bare_priors(), steps=60, rate=0.5, progress=False)
    patch = found.pixels[:, :, 8:12, 8:12].to(dtype)  # 5 x 5 patches: the middle one
    answer = model.mix(model.patches(patch)[:, :, 0, 0])[0, 8].item()
    assert found.value[0].item() == pytest.approx(answer, rel=0.02)
    assert answer > found.start[0] + 10


def test_places_in_a_row_have_no_middle():
    with pytest.raises(ValueError, match=r"layer mix gives \(25, 9\) an image"):
        maximise(Mixed(in_a_row=True), "mix", [3], plain_frame(20, 20), steps=1, progress=False)


def test_variation_smooths():
    rough, smooth = (
        maximise(
            net(), "conv1", [0], frame_of(64), priors=Priors(jitter_px=0, variation=weight), steps=40, progress=False
        )
        for weight in (0.0, 50.0)
    )
    assert smooth.pixels.float().diff(dim=3).abs().mean() < 0.8 * rough.pixels.float().diff(dim=3).abs().mean()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"layer": "relu1"}, "expected a convolution or linear layer"),
        ({"layer": "conv9"}, "conv9"),
        ({"maps": [99]}, "expected some of 0 to"),
        ({"maps": []}, "expected at least one"),
        ({"steps": 0}, "expected at least one"),
    ],
)
def test_what_is_not_there_is_told(given: dict, words: str):
    arguments = {"layer": "conv1", "maps": [0], "steps": 1, **given}
    with pytest.raises(ValueError, match=words):
        maximise(net(), frame=frame_of(64), progress=False, **arguments)
    with pytest.raises(ValueError, match="basis=wavelets is not one of"):
        Priors(basis="wavelets")


def test_answers_that_are_no_numbers_are_told_before_any_step():
    broken = net()
    with torch.no_grad():
        broken.get_submodule("conv1").weight[0] = torch.nan
    with pytest.raises(ValueError, match=r"maps of conv1 answer \[nan\], no numbers"):
        maximise(broken, "conv1", [0], frame_of(64), steps=10**9, progress=False)
