"""Law 12: no answer is better than a wrong one."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

from zfnet import Deconvnet, build_model, mine_top, occlude
from zfnet.analysis.invariance import invariance
from zfnet.forward import receptive_field

torch.set_num_threads(1)


class MapsLast(nn.Module):
    """A patchified image in (B, H, W, C), as ConvNeXt and Swin hold theirs."""

    def __init__(self, rectify=F.relu):
        super().__init__()
        torch.manual_seed(0)
        self.rectify = rectify
        self.stem, self.wide, self.narrow = nn.Conv2d(3, 5, 4, 4), nn.Linear(5, 16), nn.Linear(16, 6)
        self.scores = nn.Linear(6, 3)

    def forward(self, x):
        x = self.stem(x).permute(0, 2, 3, 1)
        x = self.narrow(self.rectify(self.wide(x)))
        return self.scores(x.permute(0, 3, 1, 2).mean((2, 3)))


class MapsFirst(nn.Module):
    """The same network in (B, C, H, W)."""

    def __init__(self, of: MapsLast):
        super().__init__()
        self.stem, self.scores, self.rectify = of.stem, of.scores, of.rectify
        self.wide, self.narrow = nn.Conv2d(5, 16, 1), nn.Conv2d(16, 6, 1)
        for mine, theirs in ((self.wide, of.wide), (self.narrow, of.narrow)):
            mine.weight.data, mine.bias.data = theirs.weight.data[:, :, None, None], theirs.bias.data

    def forward(self, x):
        return self.scores(self.narrow(self.rectify(self.wide(self.stem(x)))).mean((2, 3)))


def twins(rectify=F.relu) -> tuple[nn.Module, nn.Module, torch.Tensor]:
    last = MapsLast(rectify).double()
    return last, MapsFirst(last).double(), torch.randn(4, 3, 32, 24, dtype=torch.float64)


@pytest.mark.parametrize("rule", ["deconvnet", "guided", "gradient"])
def test_maps_that_a_network_holds_last_are_turned(rule):
    last, first, x = twins()
    ours, theirs = Deconvnet(last, rule), Deconvnet(first, rule)
    assert ours.layers == ["stem", "wide", "narrow", "scores"]
    one, other = ours.record(x), theirs.record(x)
    units = [[0, 3, 1, 2], [3, 1, 7, 5]]
    for layer in ("wide", "narrow"):
        assert one.maps[layer].shape == other.maps[layer].shape
        torch.testing.assert_close(one.maps[layer], other.maps[layer])
        torch.testing.assert_close(ours.activations(x, [layer])[layer], other.maps[layer])
        a, b = ours.project(one, layer, units, scale=1), theirs.project(other, layer, units, scale=1)
        assert b.norm() > 0
        assert (a - b).norm() <= 1e-10 * b.norm()
        found, expected = (mine_top(net, [x], [layer], k=2)[layer] for net in (ours, theirs))
        assert torch.equal(found.image, expected.image)
        assert torch.equal(found.row, expected.row)
        torch.testing.assert_close(found.value, expected.value)


def test_occlusion_watches_a_map_and_not_a_row():
    last, first, x = twins()
    heats = [occlude(model, x[0], 1, 8, 8, layer="wide", progress=False) for model in (last, first)]
    assert heats[0].map == heats[1].map
    torch.testing.assert_close(heats[0].activity, heats[1].activity)
    torch.testing.assert_close(heats[0].probability, heats[1].probability)


def test_layers_whose_maps_cannot_be_told_are_refused_and_not_offered():
    class Tokens(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem, self.mix, self.back = nn.Conv2d(3, 8, 4, 4), nn.Linear(8, 8), nn.Identity()

        def forward(self, x):
            tokens = self.mix(self.stem(x).flatten(2).transpose(1, 2))  # (B, 64, 8)
            return self.back(tokens.reshape(len(x), 8, 8, 8)).flatten(1)

    deconvnet, x = Deconvnet(Tokens()), torch.randn(2, 3, 32, 32)
    deconvnet.record(x, layers=["stem"])
    assert deconvnet.layers == ["stem"]
    for ask in (lambda: deconvnet.record(x, layers=["back"]), lambda: mine_top(deconvnet, [x], ["back"]),
                lambda: occlude(deconvnet.model, x[0], 0, 8, 8, layer="back", progress=False)):  # fmt: skip
        with pytest.raises(ValueError, match=r"'back' gives \(8, 8, 8\) an image, and which .* counts maps cannot"):
            ask()


class LeftOn(nn.Module):
    """A dropout that does not know of eval mode."""

    def __init__(self):
        super().__init__()
        self.below, self.above = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 4, 3)

    def forward(self, x):
        return self.above(F.dropout(F.relu(self.below(x))))


@pytest.mark.parametrize("rule", ["deconvnet", "gradient"])
def test_a_network_that_answers_differently_twice_is_found(rule):
    torch.manual_seed(0)
    deconvnet, x = Deconvnet(LeftOn(), rule), torch.randn(2, 3, 12, 12)
    record = deconvnet.record(x)
    if rule == "deconvnet":
        assert deconvnet.explain("above") == "autograd: dropout left on in eval mode has no explicit reverse"
    with pytest.raises(ValueError, match="'above' answers differently twice on one image"):
        deconvnet.project(record, "above", [[1, 2, 3, 3]])
    assert deconvnet.project(record, "below", [[1, 2, 3, 3]], scale=1).abs().sum() > 0


@pytest.mark.parametrize("rule", ["deconvnet", "guided"])
def test_weights_that_changed_since_the_record_are_named(rule):
    model = build_model("zfnet", 5, width=0.05, input_px=97)
    deconvnet = Deconvnet(model, rule)
    record = deconvnet.record(torch.randn(1, 3, 97, 97))
    deconvnet.project(record, "conv2", [[0, 0, 1, 1]], scale=1)
    with torch.no_grad():
        model.conv2.weight.mul_(1.5)
    for call in (deconvnet.project, deconvnet.project_windows):
        with pytest.raises(ValueError, match=r"weights changed since the record was made \(conv2.weight\)"):
            call(record, "conv2", [[0, 0, 1, 1]], scale=1)
    again = deconvnet.record(torch.randn(1, 3, 97, 97))
    before = deconvnet.project(again, "conv2", [[0, 0, 1, 1]], scale=1)
    model.conv2.weight = nn.Parameter(model.conv2.weight * 2)
    with pytest.raises(ValueError, match=r"\(conv2.weight\)"):
        deconvnet.project(again, "conv2", [[0, 0, 1, 1]], scale=1)
    doubled = deconvnet.record(torch.randn(1, 3, 97, 97))
    assert not torch.equal(deconvnet.project(doubled, "conv2", [[0, 0, 1, 1]], scale=1), before)


@pytest.mark.filterwarnings("ignore:Implicit dimension choice")
@pytest.mark.parametrize(
    "last",
    [
        nn.Softmax(1), nn.LogSoftmax(1), lambda x: F.softmax(x[:, :, None, None], 1).flatten(1), nn.Softmax(),
        nn.LogSoftmax(), lambda x: torch.special.softmax(x, -1), lambda x: torch.special.log_softmax(x, dim=1),
    ],
)  # fmt: skip
def test_probabilities_are_not_taken_for_scores(last):
    class Ends(nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, x):
            return last(self.inner(x))

    torch.manual_seed(0)
    inner = build_model("zfnet", 5, width=0.05, input_px=97).double()
    for module in inner.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight)
    image = torch.randn(3, 97, 97, dtype=torch.float64)
    expected = occlude(inner, image, 1, 40, 57, layer="conv5", progress=False)
    for incremental in (True, False):
        heat = occlude(Ends(inner), image, 1, 40, 57, layer="inner.relu5", progress=False, incremental=incremental)
        torch.testing.assert_close(heat.probability, expected.probability)
        torch.testing.assert_close(heat.clean_probability, expected.clean_probability)
    deconvnet = Deconvnet(Ends(inner))
    record = deconvnet.record(image[None], layers=["inner.fc8"])
    assert record.scores == {"inner.fc8"}
    seen = [
        invariance(model, image[None], [1], "rotation", values=[0, 90], layers=[layer], progress=False)
        for model, layer in ((inner, "fc7"), (Ends(inner), "inner.relu7"))
    ]
    torch.testing.assert_close(seen[0].probability, seen[1].probability)


def test_batch_statistics_are_refused_in_occlusion():
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, track_running_stats=False), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 3)
    )
    for incremental in (True, False):
        with pytest.raises(ValueError, match="batch_norm with the statistics of the batch in layer '1'"):
            occlude(model, torch.randn(3, 8, 8), 0, 4, 4, progress=False, incremental=incremental)


@pytest.mark.parametrize("share", [1, 1e-4])
def test_a_network_that_mixes_the_squares_of_a_batch_is_refused_in_occlusion(share):
    class Mixes(nn.Module):
        def __init__(self):
            super().__init__()
            self.below, self.top = nn.Conv2d(3, 8, 3), nn.Linear(8, 5)

        def forward(self, x):
            z = self.below(x)
            z = z - share * z.mean((0, 2, 3), keepdim=True)
            return self.top(z.relu().mean((2, 3)))

    image = torch.randn(3, 32, 32, dtype=torch.float64)
    with pytest.raises(ValueError, match="the network mixes the images of a batch"):
        occlude(Mixes().double(), image, 1, 8, 4, layer="below", progress=False)


def test_a_fill_keeps_all_its_digits_in_float64():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 3)).double()
    image = torch.randn(3, 8, 8, dtype=torch.float64)
    heat = occlude(model, image, 0, 4, 4, fill=0.3, layer="0", progress=False)
    image[:, :4, :4] = 0.3
    expected = model(image[None]).softmax(1)[0, 0].detach()
    torch.testing.assert_close(heat.probability[0, 0], expected, rtol=1e-13, atol=0)


class Reads(nn.Module):
    """A network that takes numbers out of its images, or out of the first alone, and computes with them."""

    def __init__(self, read):
        super().__init__()
        self.read = read
        self.one, self.two, self.top = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3), nn.Linear(4 * 36, 3)

    def forward(self, x):
        number = self.read(x)
        return self.top(F.relu(number * self.one(x) + (1 - number) * self.two(x)).flatten(1))


READS = {
    "item": lambda x: x.max().item(),
    "tolist": lambda x: x.amax((1, 2, 3)).tolist()[0],
    "int": lambda x: int((x > 1).sum()),
    "numpy": lambda x: float(x.detach().numpy().max()),
    "a condition": lambda x: 0.7 if (x > 1).sum() > 40 else 0.2,
    "a place of the first image": lambda x: float(x[0, 0, 3, 3] > 0),
    "equal": lambda x: float(torch.equal(x.argmax(1), x.argmax(1).clamp(max=1))),
}


@pytest.mark.parametrize("name", list(READS))
@pytest.mark.parametrize("incremental", [True, False])
def test_a_network_that_reads_numbers_sees_every_square_alone(name, incremental):
    torch.manual_seed(0)
    model, image = Reads(READS[name]).double(), torch.randn(3, 8, 8, dtype=torch.float64)
    image[0, 3, 3], image[0, 4, 4] = 3, 4
    heat = occlude(model, image, 0, 2, 2, fill=-1.0, layer="top", progress=False, incremental=incremental)
    for row, column in torch.cartesian_prod(heat.rows, heat.columns).tolist():
        hidden = image.clone()
        hidden[:, row : row + 2, column : column + 2] = -1
        expected = model(hidden[None]).softmax(1)[0, 0].detach()
        torch.testing.assert_close(heat.probability[row // 2, column // 2], expected)


def test_mining_refuses_a_network_that_asks_the_first_image_for_all():
    torch.manual_seed(0)
    images = torch.randn(6, 3, 8, 8)
    images[:, 0, 3, 3] = 1
    deconvnet = Deconvnet(Reads(READS["a place of the first image"]))
    with pytest.raises(ValueError, match="the network mixes the images of a batch"):
        mine_top(deconvnet, images.split(3), ["top"], progress=False)


def test_refusals_name_the_layer_also_of_operations_inside_one():
    class Checkpointed(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem, self.block, self.top = (
                nn.Conv2d(3, 4, 3),
                nn.Sequential(nn.Conv2d(4, 4, 3), nn.ReLU()),
                nn.Conv2d(4, 2, 1),
            )

        def forward(self, x):
            return self.top(checkpoint(self.block, self.stem(x), use_reentrant=True) + 1)

    class Overwrites(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem, self.top = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 2, 1)

        def forward(self, x):
            x = self.stem(x)
            x[:, :2] = 1.0
            return self.top(x)

    for model, name in ((Checkpointed(), "CheckpointFunction"), (Overwrites(), "CopySlices")):
        deconvnet = Deconvnet(model)
        record = deconvnet.record(torch.randn(1, 3, 10, 10))
        with pytest.raises(ValueError, match=f"{name} on the way to layer 'top'"):
            deconvnet.project(record, "top", [[0, 1, 2, 2]], scale=1)


@pytest.mark.parametrize("rule", ["deconvnet", "gradient"])
def test_a_layer_that_does_not_depend_on_the_image_is_said(rule):
    class Positions(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem, self.places, self.top = nn.Conv2d(3, 4, 3), nn.Conv2d(2, 4, 1), nn.Conv2d(4, 2, 1)

        def forward(self, x):
            x = self.stem(x)
            return self.top(x + self.places(torch.ones(1, 2, *x.shape[2:])))

    deconvnet = Deconvnet(Positions(), rule)
    record = deconvnet.record(torch.randn(2, 3, 9, 9), layers=["places", "top"])
    assert deconvnet.project(record, "top", [[1, 1, 2, 2]], scale=1).abs().sum() > 0
    with pytest.raises(ValueError, match="'places' gets no gradient from the image"):
        deconvnet.project(record, "places", [[0, 1, 2, 2]], scale=1)


def test_what_is_no_network_is_said():
    for wrong in ("zfnet", None, np.zeros(3)):
        for ask in (
            lambda wrong=wrong: Deconvnet(wrong),
            lambda wrong=wrong: occlude(wrong, torch.zeros(3, 8, 8), 0, 4),
            lambda wrong=wrong: receptive_field(wrong, "conv1"),
        ):
            with pytest.raises(ValueError, match=r"expected a network \(torch.nn.Module\)"):
                ask()
    with pytest.raises(ValueError, match=r"open_network\('zfnet'\)"):
        Deconvnet("zfnet")
