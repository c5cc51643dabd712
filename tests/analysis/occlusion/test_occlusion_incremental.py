"""The incremental path gives the plain path's numbers, for every size and step, whatever lies in the chain."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from occlusion_oracle import by_hand, images, network
from torch import nn

import zfnet.analysis.occlusion.incremental as incremental
import zfnet.forward.memory_budget as memory
from zfnet import build_model, occlude
from zfnet.analysis.occlusion.sliding_square import Occlusion


def both(
    model: nn.Module, image: torch.Tensor, size: int, step: int, layer: str, target: int = 1, **more: object
) -> list[Occlusion]:
    return [
        occlude(model, image, target, size, step, layer=layer, progress=False, incremental=way, **more)
        for way in (True, False)
    ]


def assert_same(ours: Occlusion, plain: Occlusion, within: float) -> None:
    """Probabilities to `within`; activities to `within` of the clean one."""
    assert ours.map == plain.map
    assert (ours.probability - plain.probability).abs().max() <= within
    assert (ours.activity - plain.activity).abs().max() <= within * plain.clean_activity.abs()
    assert torch.equal(ours.label, plain.label)


@pytest.mark.parametrize("layer", ["conv1", "conv2", "conv3", "fc4", "fc5", "pool2", "norm1"])
def test_every_layer(layer):
    ours, plain = both(network(), images(1, 61, 61)[0], 15, 9, layer, fill=0.7)
    assert_same(ours, plain, 1e-12)
    assert plain.activity.std() > 0


@pytest.mark.parametrize(
    ("size", "step"), [(1, 12), (2, 7), (5, 5), (8, 20), (13, 6), (24, 8), (33, 4), (47, 5), (60, 1), (61, 3)]
)
def test_every_size_and_step(size, step):
    generator = torch.Generator().manual_seed(0)
    image = images(1, 61, 61)[0]
    for seed, fill in enumerate((0.0, "noise")):
        generator.manual_seed(3)
        ours = occlude(network(seed=seed), image, 1, size, step, fill, generator=generator, progress=False)
        generator.manual_seed(3)
        plain = occlude(
            network(seed=seed), image, 1, size, step, fill, generator=generator, progress=False, incremental=False
        )
        assert_same(ours, plain, 1e-12)


def test_every_single_place_by_hand():
    model, image = network(input_px=45), images(1, 45, 45)[0]
    ours = occlude(model, image, 2, size_px=21, stride_px=1, progress=False)
    relu3 = nn.Sequential(*list(model)[: list(model._modules).index("relu3") + 1])
    probability, label, activity, strongest = by_hand(model, relu3, image, torch.zeros_like(image), 2, 21, 1)
    assert ours.map == strongest
    torch.testing.assert_close(ours.probability, probability, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(ours.activity, activity, rtol=1e-11, atol=1e-11)
    assert torch.equal(ours.label, label)


def odd_chain() -> nn.Sequential:
    """What chains may hold besides ZFNet's layers, for images of any size."""
    torch.manual_seed(4)
    model = nn.Sequential(
        nn.Conv2d(3, 8, (3, 5), stride=(1, 2), padding=(2, 0), bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(inplace=True),
        nn.Conv2d(8, 8, 3, dilation=2, padding="same", groups=2),
        nn.LocalResponseNorm(3),
        nn.MaxPool2d((3, 2), stride=(2, 1), padding=1, ceil_mode=True),
        nn.Dropout2d(),
        nn.Conv2d(8, 6, 1, stride=2),  # leaves out every second row and column
        nn.Conv2d(6, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 20, 3, bias=False),  # on tiles
        nn.MaxPool2d(2, dilation=2),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(80, 4),
    ).double()
    nn.init.normal_(model[1].running_mean)
    nn.init.uniform_(model[1].running_var, 0.5, 2)
    return model


@pytest.mark.parametrize("layer", ["0", "3", "5", "10", "12", "14"])
@pytest.mark.parametrize(("size", "step"), [(1, 9), (7, 11), (20, 5)])
def test_chains_of_every_kind_on_images_that_are_not_square(layer, size, step):
    ours, plain = both(odd_chain(), images(1, 33, 46)[0], size, step, layer)
    assert_same(ours, plain, 1e-12)


@pytest.mark.parametrize("share", [-1.0, 0.3, 2.0])
@pytest.mark.parametrize("host_bytes", [1, 2**20])
def test_neither_batches_nor_the_turn_to_whole_maps_matter(share, host_bytes, monkeypatch):
    model, image = network(), images(1, 61, 61)[0]
    plain = both(model, image, 20, 10, "conv3")[1]
    monkeypatch.setattr(incremental, "DENSE_FROM", share)
    monkeypatch.setattr(memory, "HOST_BYTES", host_bytes)
    assert_same(both(model, image, 20, 10, "conv3")[0], plain, 1e-12)


@pytest.mark.parametrize(("kernel", "stride", "step"), [(1, 4, 3), (5, 2, 29)])
def test_squares_that_no_filter_sees_change_nothing(kernel, stride, step, monkeypatch):
    """Between filters that are further apart than they are wide, and in last rows that no filter (on tiles) reaches."""
    torch.manual_seed(5)
    model = nn.Sequential(
        nn.Conv2d(3, 16, 1), nn.Conv2d(16, 16, kernel, stride), nn.ReLU(), nn.Conv2d(16, 20, 3),
        nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(80, 4),
    ).double()  # fmt: skip
    image = images(1, 30, 30)[0]
    monkeypatch.setattr(
        incremental, "slices_that_fit", lambda count, size, device: memory.slices_that_fit(count, size, device, 1)
    )
    ours, plain = both(model, image, 1, step, "3")
    assert_same(ours, plain, 1e-12)
    assert torch.equal(ours.probability[0, -1], ours.clean_probability)
    assert not torch.equal(ours.probability[0, 0], ours.clean_probability)


def test_many_images_at_once():
    model, batch = network(), images(3, 61, 61)
    ours, plain = (occlude(model, batch, [0, 4, 2], 21, 20, progress=False, incremental=way) for way in (True, False))
    assert ours.probability.shape == (3, 3, 3)
    torch.testing.assert_close(ours.probability, plain.probability, rtol=0, atol=1e-12)
    assert torch.equal(ours.map, plain.map)


@pytest.mark.parametrize(("name", "seed", "size", "step"), [("zfnet", 2, 48, 44), ("alexnet", 0, 70, 60)])
def test_float32_at_full_size(name, seed, size, step):
    torch.manual_seed(seed)
    model = build_model(name, num_classes=10, width=0.5)
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight)
    image = 60 * torch.randn(3, 224, 224, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        scores = model.eval()(image[None])
        model.fc8.weight *= 3 / scores.std()  # where softmax saturates, nothing would show
    ours, plain = both(model, image, size, step, "conv5", target=int(scores.argmax()))
    assert_same(ours, plain, 1e-5)
    assert plain.probability.max() - plain.probability.min() > 0.05


def test_a_hook_on_a_layer_is_heard():
    model, image = network(), images(1, 61, 61)[0]
    handle = model.conv2.register_forward_hook(lambda module, given, output: -output)
    heat = occlude(model, image, 1, 30, 31, progress=False)
    hidden = image.clone()
    hidden[:, :30, 31:] = 0
    torch.testing.assert_close(heat.probability[0, 1], model(hidden[None])[0].softmax(0)[1].detach())
    handle.remove()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_finds_what_the_cpu_finds():
    model, image = network(), images(1, 61, 61)[0]
    expected = occlude(model, image, 1, 15, 9, progress=False)
    for found in both(model.cuda(), image.cuda(), 15, 9, "conv3"):
        assert_same(found, expected, 1e-12)


def test_two_gigabytes_are_enough_at_224():
    program = """
import torch
from zfnet import build_model, occlude
from zfnet.runs import peak_memory_mib
model = build_model("zfnet")
occlude(model, torch.randn(3, 224, 224), 0, 48, 22, progress=False)
print(peak_memory_mib())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 2048  # torch itself and the weights take half of them
