"""Every known operation backwards: modules of one's own against autograd, whole and on windows."""

import pytest
import torch
import torch.nn.functional as F
from reverse_oracle import by_rule, some_units
from torch import nn

from zfnet import Deconvnet
from zfnet.forward import paste_windows

torch.set_num_threads(1)


def shuffled(x):
    return x.view(len(x), 2, 3, *x.shape[2:]).transpose(1, 2).contiguous().view(len(x), 6, *x.shape[2:])


def last_and_back(x):
    return (x.permute(0, 2, 3, 1) * torch.arange(1.0, 7, dtype=x.dtype)).permute(0, 3, 1, 2)


def with_overlap(x):
    left, middle, right = x[:, :3], x[:, 1:4], x[:, 3:]
    return torch.cat([left + right, middle - 2 * right], 1)


def reused(x):
    return torch.add(x, F.relu(x), alpha=-0.5) + 1 - x / 3


def shared(x):
    """A signal that goes two ways, one of which gets more before the other is looked at."""
    a, b = F.relu(x - 0.1), x * 2
    c = F.relu(a * 0.5 + 0.2)
    return (a + b) + c


def cropped(x):
    return x[:, :, 1:-2, 2:] + F.pad(x, (-2, 0, -1, -2))


TIED = torch.randn(6, 6, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def tied(x):
    """Filters that are used once more transposed, as a tied decoder does."""
    there = F.relu(F.conv2d(x, TIED, padding=1))
    return F.conv2d(F.conv2d(there, TIED.transpose(2, 3), padding=1), TIED.transpose(0, 1), padding=1)


def slimmed(x):
    """A part of the filters beside all of them, as a slimmable network does."""
    some = F.relu(F.conv2d(x, TIED[:4], padding=1))
    return F.conv2d(some, TIED[:, :4], padding=1) + F.relu(F.conv2d(x, TIED, padding=1))


def other_groups(x):
    """The same filters (6, 3, 3, 3) on all maps in two groups, and on some of them in one."""
    return F.conv2d(x, TIED[:, :3], padding=1, groups=2) + F.conv2d(x[:, :3], TIED[:, :3], padding=1)


def other_gains(x):
    """Batch normalisation by the same statistics with gains of its own each time it is used."""
    mean, variance = torch.zeros(6, dtype=x.dtype), torch.arange(1.0, 7, dtype=x.dtype)
    for gain in (1.0, -2.0):
        x = F.relu(F.batch_norm(F.conv2d(x, TIED, padding=1), mean, variance, variance.flip(0) * gain))
    return x


def ceiled_means(x):
    return F.avg_pool2d(x, 3, 2, padding=1, ceil_mode=True, count_include_pad=False)


def counted_means(x):
    return F.avg_pool2d(x, (2, 3), (2, 1), padding=(1, 0), ceil_mode=True)


WINDOWED = {
    "convolution": nn.Conv2d(6, 6, (3, 5), (2, 1), padding=(2, 0)),
    "grouped and dilated": nn.Conv2d(6, 6, 3, 2, padding=2, dilation=2, groups=3),
    "one filter a map": nn.Conv2d(6, 6, 3, groups=6),
    "same padding, wider at the end": nn.Conv2d(6, 6, 4, padding="same", dilation=(1, 3)),
    "overlapping max pool": nn.MaxPool2d(3, 2, padding=1, ceil_mode=True),
    "dilated max pool": nn.MaxPool2d((2, 3), (2, 1), dilation=2),
    "means without padding": ceiled_means,
    "means with padding": counted_means,
    "means by a divisor": lambda x: F.avg_pool2d(x, 2, divisor_override=3),
    "batch normalisation": nn.BatchNorm2d(6),
    "folded batch normalisation": nn.Sequential(nn.Conv2d(6, 6, 3, groups=2), nn.BatchNorm2d(6)),
    "asymmetric padding": lambda x: F.pad(x, (2, 0, 1, 3)),
    "padding with another number": lambda x: F.max_pool2d(F.pad(x, (1, 1, 1, 1), value=-1e9), 3, 2),
    "cropping": cropped,
    "concatenation": lambda x: torch.cat([x, F.relu(x), x[:, :2]], 1)[:, 3:9],
    "chunks": lambda x: torch.cat(list(reversed(x.chunk(3, 1))), 1),
    "split": lambda x: torch.cat(x.split([4, 2], 1)[::-1], 1),
    "slices that overlap": with_overlap,
    "narrow": lambda x: torch.cat([x.narrow(1, 2, 4), x.narrow(1, 0, 2)], 1),
    "narrow from the end": lambda x: torch.cat([x.narrow(1, -2, 2), x.narrow(-3, -6, 4)], 1).narrow(-1, -9, 9),
    "channel shuffle": shuffled,
    "nn.ChannelShuffle": nn.ChannelShuffle(3),
    "sums": reused,
    "sums that share a signal": shared,
    "constants for each map": lambda x: x * torch.arange(1.0, 7, dtype=x.dtype)[:, None, None] - 0.3,
    "negation": lambda x: -(2 - x),
    "capped": lambda x: F.relu6(x) + F.hardtanh(x, 0, 0.5),
    "dropout in eval": lambda x: F.dropout(x, 0.5, training=False),
    "copies": lambda x: x.clone().contiguous().double(),
    "filters tied by transposition": tied,
    "a part of the filters": slimmed,
    "filters in other groups": other_groups,
    "other gains": other_gains,
    "branches of two depths": lambda x: F.conv2d(x, torch.ones(6, 1, 3, 3, dtype=x.dtype), padding=1, groups=6) + x,
}  # fmt: skip
WHOLE = {
    "circular padding": nn.Conv2d(6, 6, 3, padding=1, padding_mode="circular"),
    "reflected padding": nn.Conv2d(6, 6, 3, padding=2, padding_mode="reflect"),
    "replicated padding": nn.Conv2d(6, 6, 3, padding=1, padding_mode="replicate"),
    "nearest upsampling": nn.Upsample(scale_factor=2),
    "bilinear upsampling": lambda x: F.interpolate(x, (23, 19), mode="bilinear", align_corners=False),
    "transposed convolution": nn.ConvTranspose2d(6, 6, 3, 2, padding=1, output_padding=1),
    "adaptive means": nn.AdaptiveAvgPool2d((3, 2)),
    "means of maps": lambda x: x.mean((2, 3), keepdim=True).expand(-1, -1, 5, 5) + 0,
    "global max": nn.AdaptiveMaxPool2d(1),
    "amax": lambda x: x.amax((2, 3), keepdim=True),
    "pixel shuffle": lambda x: torch.cat([F.pixel_shuffle(x[:, :4], 2)] * 6, 1),
    "maps last and back": last_and_back,
    "a step in a slice": lambda x: x[:, :, ::2, 1::3],
    "flattened and back": lambda x: x.flatten(1).view_as(x),
    "different steps": lambda x: F.max_pool2d(x, 2) + x[:, :, :10, :13],
}  # fmt: skip


class Between(nn.Module):
    """An operation between two convolutions and rectifiers, and a linear layer on top."""

    def __init__(self, operation):
        super().__init__()
        self.operation = operation
        self.below, self.above = nn.Conv2d(3, 6, 3, padding=1), nn.LazyConv2d(4, 1)
        self.scores = nn.LazyLinear(3)

    def forward(self, x):
        x = self.above(F.relu(self.operation(F.relu(self.below(x)))))
        return self.scores(F.relu(x).flatten(1))


def network(operation) -> tuple[nn.Module, torch.Tensor]:
    torch.manual_seed(0)
    x = torch.randn(2, 3, 21, 26, dtype=torch.float64)
    model = Between(operation).double().eval()
    model(x)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight)
            module.running_var.uniform_(0.5, 2)
            module.running_mean.normal_()
    return model, x


def assert_equal(a: torch.Tensor, b: torch.Tensor) -> None:
    assert b.norm() > 0
    assert (a - b).norm() <= 1e-10 * b.norm()


@pytest.mark.parametrize("name", [*WINDOWED, *WHOLE])
def test_operations_go_backwards_as_autograd_does(name):
    model, x = network({**WINDOWED, **WHOLE}[name])
    deconvnet = Deconvnet(model)
    record = deconvnet.record(x, layers=["above", "scores"])
    for layer in ("above", "scores"):
        assert layer in record.explicit
        units = some_units(record.sizes[layer], 6, images=2)
        expected = by_rule(model, layer, x, units)
        assert_equal(deconvnet.project(record, layer, units, scale=1), expected)
        crops, corners = deconvnet.project_windows(record, layer, units, scale=1)
        assert_equal(paste_windows(crops, corners, x.shape[2:]), expected)
    way = "windows" if name in WINDOWED else "explicit"
    assert deconvnet.explain("above").startswith(way), deconvnet.explain("above")


def test_whole_maps_are_the_sum_of_their_places_where_nothing_is_rectified():
    """Seeds at every place of a map at once; below the layer there is no relu, so that projections add."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 5, 3, 2), nn.MaxPool2d(3, 2), nn.BatchNorm2d(5), nn.Conv2d(5, 4, 3)).double()
    deconvnet, x = Deconvnet(model), torch.randn(2, 3, 33, 37, dtype=torch.float64)
    record = deconvnet.record(x)
    rows, columns = record.sizes["3"][1:]
    units = [[1, 2, row, column] for row in range(rows) for column in range(columns)]
    summed = deconvnet.project(record, "3", units).sum(0, keepdim=True)
    assert_equal(deconvnet.project_maps(record, "3", [[1, 2]]), summed)


UNKNOWN = {
    "silu": F.silu,
    "mul": lambda x: x * x.mean((2, 3), keepdim=True),
    "softmax": lambda x: x.softmax(1),
    "prelu": nn.PReLU(),
    "group_norm": nn.GroupNorm(2, 6),
    "matmul": lambda x: (x.flatten(2) @ x.flatten(2).transpose(1, 2) @ x.flatten(2)).view_as(x),
}


@pytest.mark.parametrize("name", list(UNKNOWN))
def test_what_has_no_rule_is_explained_and_refused_with_its_layer(name):
    model, x = network(UNKNOWN[name])
    deconvnet = Deconvnet(model)
    record = deconvnet.record(x, layers=["below", "above"])
    assert record.explicit == {"below"}
    assert deconvnet.explain("below").startswith("windows")
    assert deconvnet.explain("above").startswith(f"autograd: {name}")
    with pytest.raises(ValueError, match=r"no sound reverse .* layer '(operation|above)'"):
        deconvnet.project(record, "above", [[0, 1, 2, 2]], scale=1)


def test_units_come_as_tensors_arrays_and_lists():
    model, x = network(WINDOWED["sums"])
    deconvnet = Deconvnet(model)
    record = deconvnet.record(x)
    units = [[0, 1, 2, 2], [1, 3, 0, 5]]
    expected = deconvnet.project(record, "above", torch.tensor(units))
    assert torch.equal(deconvnet.project(record, "above", units), expected)
    assert torch.equal(deconvnet.project(record, "above", torch.tensor(units).numpy()), expected)
    assert deconvnet.project(record, "above", []).shape == (0, 3, 21, 26)
    with pytest.raises(ValueError, match=r"expected whole numbers \(N, 4\)"):
        deconvnet.project(record, "above", [[0.5, 1, 2, 2]])
    with pytest.raises(ValueError, match="expected whole numbers"):
        deconvnet.project(record, "above", [["a", "b"], ["c"]])
