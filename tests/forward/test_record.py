"""What a record holds, what it refuses, and that nothing is left behind (law 6)."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from zfnet import Deconvnet, build_model

torch.set_num_threads(1)


def net(px: int = 97, width: float = 0.05) -> nn.Module:
    torch.manual_seed(0)
    return build_model("zfnet", 5, width=width, input_px=px)


def test_our_maps_are_rectified_before_pooling_and_scores_are_logits():
    model, x = net(), torch.randn(2, 3, 97, 97)
    record = Deconvnet(model).record(x)
    model.eval()
    h = x
    for name, module in model.named_children():
        h = module(h.clone())
        if name.startswith("relu"):
            number = name[-1]
            layer = f"conv{number}" if number < "6" else f"fc{number}"
            torch.testing.assert_close(record.maps[layer], h)
    torch.testing.assert_close(record.maps["fc8"], h)
    assert list(record.maps) == ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"]


@pytest.mark.parametrize("name", ["torchvision:alexnet", "torchvision:squeezenet1_1"])
def test_other_networks_maps_are_what_modules_return(name):
    torch.manual_seed(0)
    model = build_model(name, 5).eval()
    x = torch.randn(2, 3, 64, 64)
    deconvnet = Deconvnet(model)
    layers = ["features.0", "features.1", "features.3", "features", "features.4", "classifier"]
    record, maps = deconvnet.record(x, layers=layers), deconvnet.activations(x, layers)
    seen = {}
    for layer in layers:
        model.get_submodule(layer).register_forward_hook(
            lambda module, given, output, layer=layer: seen.__setitem__(layer, output.detach().clone())
        )
    model(x)
    for layer in layers:
        torch.testing.assert_close(record.maps[layer], seen[layer])
        torch.testing.assert_close(maps[layer], seen[layer])
    assert record.maps["features.0"].min() < 0
    assert all(isinstance(model.get_submodule(layer), nn.Conv2d | nn.Linear) for layer in deconvnet.layers)


def test_only_what_is_asked_is_kept_and_run():
    model, x = net(), torch.randn(2, 3, 97, 97)
    ran = []
    for name, module in model.named_children():
        module.register_forward_hook(lambda module, given, output, name=name: ran.append(name))
    deconvnet = Deconvnet(model)
    deconvnet.activations(x[:1], ["conv1"])  # the first pass of a size goes through, on one image, to see the network
    ran.clear()
    record = deconvnet.record(x, layers=["conv2", "conv3"], keep=["conv2"])
    assert list(record.maps) == ["conv2"]
    assert len(record.switches) == 2  # of pool1 and pool2
    assert "conv4" not in ran
    unit = torch.tensor([[1, 1, 1, 1]])
    assert deconvnet.project(record, "conv3", unit, scale=1).abs().sum() > 0
    with pytest.raises(ValueError, match="does not hold the maps of layer 'conv3', only of conv2"):
        deconvnet.project(record, "conv3", unit)
    with pytest.raises(ValueError, match="ends below layer 'conv4'"):
        deconvnet.project(record, "conv4", unit, scale=1)


def test_a_record_of_many_images_is_small():
    """A byte a switch and each map once, so that 64 images of ZFNet at 224 fit in half a gigabyte."""
    model = net(224, 0.04)
    record = Deconvnet(model).record(torch.randn(2, 3, 224, 224))
    kept = [*record.maps.values(), *record.switches.values()]
    held = sum(tensor.untyped_storage().nbytes() for tensor in kept)
    values = sum(maps.numel() for maps in record.maps.values())
    switches = sum(places.numel() for places in record.switches.values())
    assert held == 4 * values + switches


def test_records_do_not_change_with_the_network_or_the_images():
    model, x = net(), torch.randn(2, 3, 97, 97)
    for wrapped in (model, nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(3, 4, 3), nn.GELU())):
        deconvnet = Deconvnet(wrapped)
        before = x.clone()
        record = deconvnet.record(x)
        assert torch.equal(x, before)
        kept = {layer: maps.clone() for layer, maps in record.maps.items()}
        deconvnet.record(torch.randn(2, 3, 97, 97))
        layer = deconvnet.layers[0]
        unit = torch.tensor([[0, 0, 3, 3]])
        pixels = deconvnet.project(record, layer, unit, scale=1)
        x.zero_()
        assert torch.equal(deconvnet.project(record, layer, unit, scale=1), pixels)
        assert all(torch.equal(record.maps[layer], kept[layer]) for layer in kept)
        x.copy_(before)


class Functional(nn.Module):
    """No chain: a branch, a frozen norm in training mode, an in-place relu on the input itself."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.drop = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5)
        self.out = nn.Conv2d(8, 4, 3)

    def forward(self, x):
        x = F.relu(x, inplace=True)
        x = self.drop(self.norm(self.conv(x)))
        return self.out(torch.cat([x, F.relu(x)], 1))


@pytest.mark.parametrize("make", [net, Functional])
@pytest.mark.parametrize("mode", [torch.enable_grad, torch.no_grad, torch.inference_mode])
def test_nothing_is_left_behind(make, mode):
    model = make()
    modules = list(model.modules())
    model.train()
    modules[2].eval()
    parameters = list(model.parameters())
    parameters[0].requires_grad_(False)
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    modes, wants = [m.training for m in modules], [p.requires_grad for p in parameters]
    deconvnet = Deconvnet(model)
    layer = deconvnet.layers[1]
    with mode():
        x = torch.randn(2, 3, 97, 97)
        kept, grad = x.clone(), torch.is_grad_enabled()
        record = deconvnet.record(x)
        units = torch.tensor([[1, 1, 1, 1], [0, 0, 0, 0]])
        pixels = [deconvnet.project(record, layer, units, scale=1), deconvnet.project_maps(record, layer, [[0, 1]])]
        if isinstance(model, nn.Sequential):
            pixels.append(deconvnet.project_windows(record, layer, units, scale=1)[0])
        with pytest.raises(ValueError, match="map 99"):
            deconvnet.project(record, layer, torch.tensor([[0, 99, 0, 0]]))
        assert torch.is_grad_enabled() == grad
    assert torch.equal(x, kept)
    assert all(not tensor.requires_grad for tensor in (*pixels, *record.maps.values()))
    assert [m.training for m in modules] == modes
    assert [p.requires_grad for p in parameters] == wants
    assert all(p.grad is None for p in parameters)
    assert all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())
    for module in modules:
        hooks = (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks, module._backward_pre_hooks)
        assert not any(hooks)


def test_a_failing_forward_pass_leaves_nothing_behind():
    class Fails(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, x):
            self.conv(x)
            raise RuntimeError("broken on purpose")

    model = Fails()
    deconvnet = Deconvnet(model)
    with pytest.raises(RuntimeError, match="broken on purpose"):
        deconvnet.record(torch.randn(1, 3, 8, 8))
    assert model.training
    assert not model.conv._forward_hooks
    assert not torch.overrides._get_current_function_mode_stack()


def test_layers_that_run_twice_or_never_are_refused_where_named():
    class Reuse(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.again, self.never = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), nn.Conv2d(4, 4, 3)

        def forward(self, x):
            return self.again(self.again(self.again(self.conv(x))))

    deconvnet, x = Deconvnet(Reuse()), torch.randn(1, 3, 12, 12)
    assert list(deconvnet.record(x).maps) == ["conv"]
    with pytest.raises(ValueError, match="'again' runs more than once"):
        deconvnet.record(x, layers=["again"])
    with pytest.raises(ValueError, match="'never' does not run"):
        deconvnet.activations(x, ["never"])


def test_errors_name_the_value_and_the_choices():
    deconvnet = Deconvnet(net())
    with pytest.raises(ValueError, match=r"'conv9' is not one of .*conv1.*conv5"):
        deconvnet.record(torch.randn(1, 3, 97, 97), layers=["conv9"])
    with pytest.raises(ValueError, match=r"\(3, 97, 97\)"):
        deconvnet.record(torch.randn(3, 97, 97))
    record = deconvnet.record(torch.randn(2, 3, 97, 97))
    for unit, words in (([2, 0, 0, 0], "image 2"), ([0, 0, 99, 0], "row 99"), ([0, 0, 0, -1], "column -1")):
        with pytest.raises(ValueError, match=f"{words} of .* is not in layer 'conv2': expected 0 to"):
            deconvnet.project_windows(record, "conv2", torch.tensor([unit]))
    with pytest.raises(ValueError, match=r"row 1 of .* is not in layer 'fc6'"):
        deconvnet.project(record, "fc6", torch.tensor([[0, 0, 1, 0]]))
    with pytest.raises(ValueError, match=r"expected whole numbers \(N, 4\): image, map, row, column"):
        deconvnet.project(record, "conv2", torch.tensor([0, 0, 0, 0]))
    for dtype in (torch.float32, torch.complex64, torch.bool):
        with pytest.raises(ValueError, match="whole numbers"):
            deconvnet.project(record, "conv2", torch.zeros(1, 4, dtype=dtype))
    with pytest.raises(ValueError, match=r"scale is \(3,\), expected one number or one for each of 1 units"):
        deconvnet.project(record, "conv2", torch.zeros((1, 4), dtype=torch.int64), scale=torch.ones(3))
    guided = Deconvnet(net(), "guided")
    for other, of_other in ((guided, record), (deconvnet, guided.record(torch.randn(1, 3, 97, 97)))):
        with pytest.raises(ValueError, match="another rule or network"):
            other.project(of_other, "conv2", torch.zeros((1, 4), dtype=torch.int64))
    assert deconvnet.project(record, "conv2", torch.zeros((0, 4), dtype=torch.int64)).shape == (0, 3, 97, 97)
    empty, corners = deconvnet.project_windows(record, "conv2", torch.zeros((0, 4), dtype=torch.int64))
    assert empty.shape == (0, 3, 27, 27)
    assert corners.shape == (0, 2)
