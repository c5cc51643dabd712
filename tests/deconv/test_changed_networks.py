"""A network that was changed between two calls, in ways that torch counts and in ways that it does not."""

import copy
import gc
import math
import pickle

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from zfnet import Deconvnet, build_model
from zfnet.deconv import networks
from zfnet.deconv.transposed import TransposedFilters
from zfnet.forward.record import weights_versions

torch.set_num_threads(1)


def small_zfnet() -> nn.Module:
    torch.manual_seed(0)
    model = build_model("zfnet", num_classes=5, width=0.1, input_px=96).double()
    for weight in model.parameters():
        if weight.ndim > 1:
            nn.init.kaiming_normal_(weight)
    return model


def with_norm() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, stride=2), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 4, 3, stride=2)
    ).double()


@pytest.mark.parametrize(("make", "changed", "layer"), [(small_zfnet, "conv2", "conv5"), (with_norm, "1", "3")])
def test_a_record_goes_down_by_the_weights_of_its_own_pass(make, changed, layer):
    model, images, units = make(), torch.randn(2, 3, 96, 96, dtype=torch.float64), [[0, 1, 1, 1], [1, 2, 0, 2]]
    deconvnet = Deconvnet(model)
    before = deconvnet.project(deconvnet.record(images), layer, units, scale=1)
    model.get_submodule(changed).weight.data.mul_(3)  # as moving averages do: torch does not count it
    found, expected = (one.project(one.record(images), layer, units, scale=1) for one in (deconvnet, Deconvnet(model)))
    assert (expected - before).norm() > 0.1 * expected.norm()
    assert (found - expected).norm() <= 1e-12 * expected.norm()


def fused_step(model: nn.Module) -> None:
    steps = torch.optim.SGD(model.parameters(), 0.1, fused=True)
    model(torch.randn(2, 3, 96, 96, dtype=torch.float64)).square().sum().backward()
    steps.step()
    steps.zero_grad()


def scaled_data(model: nn.Module) -> None:
    for weights in model.parameters():
        weights.data.mul_(3)


@pytest.mark.parametrize("change", [fused_step, scaled_data])
def test_steps_that_torch_does_not_count_are_seen(change):
    model, images = with_norm().eval(), torch.randn(2, 3, 96, 96, dtype=torch.float64)
    deconvnet, units = Deconvnet(model), [[0, 1, 1, 1], [1, 2, 0, 2]]
    record = deconvnet.record(images)
    before = deconvnet.project(record, "3", units, scale=1)
    change(model)
    with pytest.raises(ValueError, match="the weights changed since the record was made"):
        deconvnet.project(record, "3", units, scale=1)
    found, expected = (one.project(one.record(images), "3", units, scale=1) for one in (deconvnet, Deconvnet(model)))
    assert (expected - before).norm() > 0
    assert torch.equal(found, expected)


def test_weights_of_every_layout_are_told_apart():
    whole = torch.arange(48.0)
    model = nn.Module()
    for number, values in enumerate((
        whole.reshape(2, 3, 2, 4)[:, ::2], whole.reshape(3, 4, 2, 2).to(memory_format=torch.channels_last), whole[:1],
        whole[5], whole[:0], whole[:1].expand(4), torch.tensor([7]), torch.tensor(torch.nan), whole.bfloat16()[3:9],
        whole.to(torch.complex64)[2:],
    )):  # fmt: skip
        model.register_parameter(f"b{number}", nn.Parameter(values, requires_grad=False))
    model.register_buffer("elsewhere", torch.empty(3, device="meta"))
    versions = weights_versions(model)
    assert versions == weights_versions(model)
    kinds = {"b6": torch.int64, "b8": torch.bfloat16, "b9": torch.complex64}
    ends = {
        name: torch.frombuffer(bytearray(numbers), dtype=kinds.get(name, torch.float32)).tolist()
        for name, (*_, numbers) in versions.items() if numbers
    }  # fmt: skip
    assert all(math.isnan(number) for number in ends.pop("b7"))
    assert ends == {"b0": [0, 47], "b1": [0, 47], "b2": [0, 0], "b3": [5, 5], "b5": [0, 0], "b6": [7, 7], "b8": [3, 8],
                    "b9": [2, 47]}  # fmt: skip


def test_filters_of_passes_that_are_gone_are_not_kept():
    model = nn.Sequential(weight_norm(nn.Conv2d(3, 8, 3)), nn.ReLU(), weight_norm(nn.Conv2d(8, 8, 3, stride=2)))
    deconvnet = Deconvnet(model)
    for _ in range(5):  # each pass makes weights anew
        deconvnet.project(deconvnet.record(torch.randn(1, 3, 20, 20), layers=["2"]), "2", [[0, 0, 0, 0]])
    gc.collect()
    held = [one for one in gc.get_objects() if type(one) is TransposedFilters]
    assert sum(len(one.weight) == 8 for one in held) <= 2


def test_a_relu_that_works_in_place_from_now_on_is_seen():
    model, images = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 3)), torch.randn(2, 3, 20, 20)
    deconvnet = Deconvnet(model)
    before = deconvnet.record(images).maps["0"]
    model[1].inplace = True  # set otherwise
    assert torch.equal(deconvnet.record(images).maps["0"], before)
    assert before.min() < 0


def test_a_network_that_counts_is_traced_once(monkeypatch):
    class Counts(nn.Sequential):
        calls = 0

        def forward(self, x):
            self.calls += 1
            return super().forward(x)

    model, traced = Counts(nn.Conv2d(3, 4, 3), nn.ReLU()), []
    trace = networks.trace
    monkeypatch.setattr(networks, "trace", lambda *given: traced.append(1) or trace(*given))
    deconvnet = Deconvnet(model)
    for _ in range(3):
        deconvnet.record(torch.randn(1, 3, 8, 8))
    assert len(traced) == 1
    model[0].stride = (2, 2)
    assert deconvnet.record(torch.randn(1, 3, 9, 9)).maps["0"].shape == (1, 4, 4, 4)
    assert deconvnet.field("0").step_px == (2, 2)


def test_a_lazy_network_is_recorded():
    deconvnet = Deconvnet(nn.Sequential(nn.LazyConv2d(4, 3), nn.ReLU()))
    record = deconvnet.record(torch.randn(1, 3, 8, 8), ["0"])
    assert deconvnet.project(record, "0", [[0, 1, 2, 2]], scale=1).abs().sum() > 0


def test_a_module_that_took_anothers_place_is_seen():
    model = build_model("zfnet", num_classes=5, width=0.1, input_px=96)
    deconvnet, images = Deconvnet(model), torch.randn(1, 3, 96, 96)
    deconvnet.record(images)
    assert deconvnet.explain("fc6").startswith("explicit")
    model.relu5 = nn.GELU()
    assert "gelu" in deconvnet.explain("fc6")
    assert torch.equal(deconvnet.record(images).maps["conv5"], Deconvnet(model).record(images).maps["conv5"])


def test_layers_may_come_one_by_one_and_one_name_is_no_list():
    model, images = build_model("zfnet", num_classes=5, width=0.1, input_px=96), torch.randn(1, 3, 96, 96)
    deconvnet = Deconvnet(model)
    record = deconvnet.record(images, layers=(layer for layer in ["conv2", "conv3"]), keep=iter(["conv3"]))
    assert set(record.sizes) == {"conv2", "conv3"}
    assert set(record.maps) == {"conv3"}
    assert set(deconvnet.activations(images, iter(["conv4"]))) == {"conv4"}
    for ask in (lambda: deconvnet.record(images, layers="conv5"), lambda: deconvnet.record(images, keep="conv5"),
                lambda: deconvnet.activations(images, "conv5")):  # fmt: skip
        with pytest.raises(ValueError, match=r"'conv5', expected a list of names: give \['conv5'\]"):
            ask()


def test_a_scale_keeps_all_its_digits():
    model, images, units = small_zfnet(), torch.randn(1, 3, 96, 96, dtype=torch.float64), [[0, 1, 1, 1]]
    deconvnet = Deconvnet(model)
    record = deconvnet.record(images, layers=["conv5"])
    one, tenth = (deconvnet.project(record, "conv5", units, scale=scale) for scale in (1, 0.1))
    assert (tenth * 10 - one).abs().max() <= 1e-14 * one.abs().max()
    with pytest.raises(ValueError, match=r"scale is torch.complex64, expected real numbers"):
        deconvnet.project(record, "conv5", units, scale=torch.tensor(1j))


@pytest.mark.parametrize("again", [copy.deepcopy, lambda deconvnet: pickle.loads(pickle.dumps(deconvnet))])
def test_a_deconvnet_that_was_used_can_be_copied_and_kept(again):
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(3), nn.Flatten(), nn.Linear(36, 2))
    first, images = Deconvnet(model), torch.randn(1, 3, 9, 9)
    expected = first.project(first.record(images, ["0"]), "0", [[0, 1, 2, 2]])
    second = again(first)
    assert torch.equal(second.project(second.record(images, ["0"]), "0", [[0, 1, 2, 2]]), expected)
