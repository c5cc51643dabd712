"""Law 2 for any network: autograd under the rule, wherever relu hides; and what has no reverse rule is refused."""

import warnings

import pytest
import torch
import torch.nn.functional as F
from captum.attr import NeuronDeconvolution, NeuronGradient, NeuronGuidedBackprop
from reverse_oracle import RectifiedBothWays, some_units, strongest
from torch import nn
from torch.utils.checkpoint import checkpoint

from zfnet import Deconvnet, build_model

torch.set_num_threads(1)
OUTDATED = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning", "ignore:.*torch.jit:FutureWarning")
ORACLES = {"deconvnet": NeuronDeconvolution, "guided": NeuronGuidedBackprop, "gradient": NeuronGradient}


def by_captum(model, layer, x, units, rule="deconvnet"):
    """captum's answer, one unit a call, for seeds of one."""
    oracle = ORACLES[rule](model, layer)
    pixels = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # captum says that it sets hooks
        for image, map_, row, column in units.tolist():
            pixels.append(oracle.attribute(x[image : image + 1], neuron_selector=(map_, row, column)))
    return torch.cat(pixels).detach()


@pytest.mark.parametrize("rule", list(ORACLES))
@pytest.mark.parametrize("layer", ["features.0", "features.3", "features.6", "features.12", "classifier.1"])
def test_squeezenet_agrees_with_captum(layer, rule):
    torch.manual_seed(0)
    model = build_model("torchvision:squeezenet1_0", 5).double().eval()
    x = torch.randn(2, 3, 64, 64, dtype=torch.float64)
    deconvnet = Deconvnet(model, rule)
    record = deconvnet.record(x, layers=[layer])
    units = torch.cat([some_units(record.sizes[layer], 5, images=2), strongest(record.maps[layer])])
    expected = by_captum(model, model.get_submodule(layer), x, units, rule)
    pixels = deconvnet.project(record, layer, units, scale=1)
    assert expected.norm() > 0
    assert (pixels - expected).norm() <= 1e-10 * expected.norm()


@pytest.mark.parametrize("rule", list(ORACLES))
def test_our_network_without_normalisation_agrees_with_captum(rule):
    torch.manual_seed(0)
    model = build_model("zfnet", 5, width=0.08, input_px=97).double().eval()
    model.norm1, model.norm2 = nn.Identity(), nn.Identity()
    x = torch.randn(2, 3, 97, 97, dtype=torch.float64)
    deconvnet = Deconvnet(model, rule)
    record = deconvnet.record(x, layers=["conv4"])
    units = some_units(record.sizes["conv4"], 5, images=2)
    expected = by_captum(model, model.relu4, x, units, rule)
    pixels = deconvnet.project(record, "conv4", units, scale=1)
    assert (pixels - expected).norm() <= 1e-10 * expected.norm()
    crops, corners = deconvnet.project_windows(record, "conv4", units, scale=1)
    for crop, (top, left), whole in zip(crops, corners.tolist(), expected, strict=True):
        rows, columns = slice(max(top, 0), top + crop.shape[1]), slice(max(left, 0), left + crop.shape[2])
        inner = crop[:, max(-top, 0) :, max(-left, 0) :][:, : 97 - rows.start, : 97 - columns.start]
        assert (inner - whole[:, rows, columns]).norm() <= 1e-10 * whole.norm()


def test_explicit_and_autograd_ways_agree_with_contrast_normalisation():
    torch.manual_seed(0)
    for norm in ("ours", "torch"):
        model = build_model("alexnet", 5, width=0.08, input_px=99).double()
        if norm == "torch":
            model.norm1 = nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2)
        x = torch.randn(2, 3, 99, 99, dtype=torch.float64) * 30

        class Wrapped(nn.Module):  # no chain, so that autograd does it
            def __init__(self, inner):
                super().__init__()
                self.inner = inner

            def forward(self, images):
                return self.inner(images)

        explicit, autograd = Deconvnet(model), Deconvnet(Wrapped(model))
        one, other = explicit.record(x), autograd.record(x, layers=["inner.relu5", "inner.fc7"])
        for layer, twin in (("conv5", "inner.relu5"), ("fc7", "inner.fc7")):
            units = some_units(one.sizes[layer], 4, images=2)
            a, b = explicit.project(one, layer, units, scale=1), autograd.project(other, twin, units, scale=1)
            assert b.norm() > 0
            assert (a - b).norm() <= 1e-10 * b.norm()


class Parts(nn.Module):
    """The same network with relu written in a given way; a branch, an addition, a concatenation, an average."""

    def __init__(self, relu):
        super().__init__()
        torch.manual_seed(0)
        self.relu = relu
        self.first, self.left, self.right = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 6, 3, padding=1), nn.Conv2d(6, 6, 1)
        self.norm, self.last, self.fc = nn.BatchNorm2d(12), nn.Conv2d(12, 5, 2), nn.Linear(5 * 4, 4)
        self.norm.running_var.uniform_(0.5, 2)
        nn.init.normal_(self.norm.weight)

    def forward(self, x):
        x = F.max_pool2d(self.relu(self.first(x)), 2)
        x = torch.cat([self.relu(self.left(x)) + x, self.relu(self.right(x))], 1)
        x = F.avg_pool2d(self.relu(self.norm(x)), 2)
        return self.fc(F.adaptive_avg_pool2d(self.relu(self.last(x)), 2).flatten(1))


class Ignored(nn.Module):
    """An in-place relu whose return value is thrown away."""

    def forward(self, x):
        F.relu(x, inplace=True)
        return x


class Sliced(nn.Module):
    """Relu in place on two views of one tensor."""

    def forward(self, x):
        x[:, :2].relu_()
        x[:, 2:].clamp_(min=0)
        return x


RELUS = {
    "module": nn.ReLU(), "in place": nn.ReLU(inplace=True), "function": F.relu, "torch": torch.relu,
    "method": lambda x: x.relu(), "torch_": torch.relu_, "method_": lambda x: x.relu_(), "ignored": Ignored(),
    "aten": torch.ops.aten.relu.default, "clamp": lambda x: x.clamp(min=0), "clamp_": lambda x: x.clamp_(0),
    "clip": lambda x: torch.clip(x, 0.0), "clamp_min": lambda x: torch.clamp_min(x, 0),
    "threshold": lambda x: F.threshold(x, 0, 0), "maximum": lambda x: torch.maximum(x, torch.zeros_like(x)),
    "max": lambda x: torch.max(torch.tensor(0.0, dtype=x.dtype), x), "relu6": lambda x: F.relu6(x / 100) * 100,
    "ReLU6": lambda x: nn.ReLU6(inplace=True)(x / 100) * 100, "hardtanh": lambda x: F.hardtanh(x, 0, 1e6),
    "flat": lambda x: x.flatten(1).relu_().view_as(x), "sliced": Sliced(),
}  # fmt: skip


@pytest.mark.parametrize("way", list(RELUS))
@pytest.mark.parametrize("layer", ["left", "last", "fc"])
def test_every_way_to_write_relu_follows_the_rule(way, layer):
    x = torch.randn(2, 3, 20, 20, dtype=torch.float64)
    reference, model = Parts(RectifiedBothWays.apply).double().eval(), Parts(RELUS[way]).double()
    seen = []
    reference.get_submodule(layer).register_forward_hook(lambda module, given, output: seen.append(output))
    deconvnet = Deconvnet(model)
    record = deconvnet.record(x, layers=[layer])
    units = some_units(record.sizes[layer], 4, images=2)
    pixels = deconvnet.project(record, layer, units, scale=1)
    for n, (image, *unit) in enumerate(units.tolist()):
        leaf = x[image : image + 1].clone().requires_grad_()
        reference(leaf)
        output = seen[-1]
        torch.testing.assert_close(record.maps[layer][image], output[0].detach())
        (expected,) = torch.autograd.grad(output[(0, *unit)[: output.ndim]], leaf)
        assert (pixels[n] - expected[0]).norm() <= 1e-10 * expected.norm()


class MyRelu(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, grad):
        return grad * (ctx.saved_tensors[0] > 0)


def relu_of_script(x):
    return torch.relu(x)


def scripted_relu(x):
    return torch.jit.script(relu_of_script)(x)


def unseen_relu(x):
    with torch._C.DisableTorchFunction():
        return torch.relu(x)


def blank(x):
    x[x < 0] = 0
    return x


UNSOUND = {
    "Gelu": F.gelu,
    "Silu": nn.SiLU(),
    "Elu": F.elu,
    "Prelu": nn.PReLU(),
    "LeakyRelu": nn.LeakyReLU(0.1),
    "Hardswish": F.hardswish,
    "Softmax": nn.Softmax(1),
    "Sigmoid": lambda x: x * torch.sigmoid(x),
    "Hardtanh": nn.Hardtanh(-1, 1),
    "Clamp": lambda x: x.clamp(-1, 1),
    "ClampMin": lambda x: x.clamp_min(0.5),
    "Threshold": lambda x: F.threshold(x, 0.5, 0),
    "Maximum": lambda x: torch.maximum(x, -x),
    "Abs": lambda x: (x + x.abs()) / 2,
    "Where": lambda x: torch.where(x > 0, x, 0),
    "MaskedFill": lambda x: x.masked_fill(x < 0, 0),
    "MaskedFill|IndexPut": blank,
    "Mul.*sight": lambda x: x * (x > 0),
    "Mul.*(sight)": lambda x: x * x.detach().sign(),
    "Mul of two": lambda x: x * x,
    "Reciprocal": lambda x: 1 / x,
    "Div": lambda x: x / (1 + x.abs()),
    "statistics": nn.InstanceNorm2d(5),
    "LayerNorm": nn.LayerNorm([5, 8, 8]),
    "MyRelu": MyRelu.apply,
    "Relu": scripted_relu,
    "relu": lambda x: x + scripted_relu(x),  # one way in sight, one not
    "Relu|relu": lambda x: x + unseen_relu(x),
}


@OUTDATED
@pytest.mark.parametrize("name", list(UNSOUND))
@pytest.mark.parametrize("rule", ["deconvnet", "guided"])
def test_what_has_no_reverse_rule_is_refused_by_name(name, rule):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.below, self.above = nn.Conv2d(3, 5, 3), nn.Conv2d(5, 4, 3)

        def forward(self, x):
            return self.above(UNSOUND[name](self.below(x)))

    model, x = Net(), torch.randn(1, 3, 10, 10)
    deconvnet, unit = Deconvnet(model, rule), torch.tensor([[0, 1, 2, 2]])
    record = deconvnet.record(x)
    with pytest.raises(ValueError, match=f"(?i){name}"):
        deconvnet.project(record, "above", unit, scale=1)
    assert deconvnet.project(record, "below", unit, scale=1).abs().sum() > 0  # nothing unsound is under this one
    plain = Deconvnet(model, rule="gradient")
    leaf = x.clone().requires_grad_()
    (expected,) = torch.autograd.grad(model(leaf)[0, 1, 2, 2], leaf)
    torch.testing.assert_close(plain.project(plain.record(x), "above", unit, scale=1), expected)


def test_a_branch_out_of_autograds_sight_is_refused():
    class Detached(nn.Module):
        def __init__(self):
            super().__init__()
            self.seen, self.unseen, self.above = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3)

        def forward(self, x):
            return self.above(self.seen(x) + self.unseen(x.detach()))

    deconvnet = Deconvnet(Detached())
    with pytest.raises(ValueError, match="out of autograd's sight"):
        deconvnet.project(deconvnet.record(torch.randn(1, 3, 9, 9)), "above", torch.tensor([[0, 0, 0, 0]]), scale=1)


@pytest.mark.parametrize("rule", ["deconvnet", "guided"])
def test_checkpointed_modules_are_refused_where_they_would_run_again(rule):
    class Checkpoints(nn.Module):
        def __init__(self):
            super().__init__()
            self.below, self.above = nn.Conv2d(3, 5, 3), nn.Conv2d(5, 4, 3)

        def forward(self, x):
            x = checkpoint(lambda x: F.relu(self.below(F.relu(x))), x.flip(3), use_reentrant=False)
            return self.above(x)

    model, x = Checkpoints(), torch.randn(1, 3, 10, 10)
    deconvnet, unit = Deconvnet(model, rule), [[0, 1, 2, 2]]
    record = deconvnet.record(x)
    with pytest.raises(ValueError, match="below layer 'above' checkpoints modules"):
        deconvnet.project(record, "above", unit, scale=1)
    plain = Deconvnet(model, rule="gradient")
    assert plain.project(plain.record(x), "above", unit, scale=1).abs().sum() > 0


def test_modules_are_named_in_refusals():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.SiLU(), nn.Conv2d(4, 4, 3))
    deconvnet = Deconvnet(model)
    with pytest.raises(ValueError, match=r"Silu in layer '1' \(SiLU\)"):
        deconvnet.project(deconvnet.record(torch.randn(1, 3, 9, 9)), "2", torch.tensor([[0, 0, 0, 0]]), scale=1)


@OUTDATED
def test_scripted_compiled_and_traced_networks_are_refused():
    plain = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    compiled_in_place = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    compiled_in_place[1].compile()
    scripted = [torch.jit.script(plain), torch.jit.trace(plain, torch.randn(1, 3, 8, 8))]
    for model in (*scripted, torch.compile(plain), nn.Sequential(torch.compile(plain)), compiled_in_place):
        with pytest.raises(ValueError, match=r"compiled|scripted"):
            Deconvnet(model)
    with pytest.raises(ValueError, match="'guidde' is not one of deconvnet, guided, gradient"):
        Deconvnet(plain, rule="guidde")


def test_a_plain_gradient_goes_through_normalisation():
    torch.manual_seed(0)
    model = build_model("zfnet", 5, width=0.05, input_px=97).double()
    x = torch.randn(1, 3, 97, 97, dtype=torch.float64) * 30
    deconvnet = Deconvnet(model, rule="gradient")
    record = deconvnet.record(x)
    units = some_units((5,), 3, images=1)
    model.eval()
    for n, unit in enumerate(units.tolist()):
        leaf = x.clone().requires_grad_()
        scores = model(leaf)
        (expected,) = torch.autograd.grad(scores[0, unit[1]] * scores[0, unit[1]].detach(), leaf)
        assert (deconvnet.project(record, "fc8", units)[n] - expected[0]).norm() <= 1e-10 * expected.norm()
