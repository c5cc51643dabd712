"""Transposed filters on windows, every way they are computed, against torch's own transposed convolution."""

import itertools

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from zfnet.deconv.transposed import TransposedFilters
from zfnet.forward import Convolution

torch.set_num_threads(1)


def operation(conv):
    return Convolution(
        name="conv2d", weight=conv.weight, bias=conv.bias, stride=conv.stride, before=conv.padding, after=conv.padding,
        dilation=conv.dilation, groups=conv.groups,
    )  # fmt: skip


KERNELS = [(1, 1), (2, 3), (3, 3), (5, 2), (7, 7)]


@pytest.mark.parametrize(("kernel", "stride"), list(itertools.product(KERNELS, [(1, 1), (2, 2), (2, 3), (4, 4)])))
@pytest.mark.parametrize(("below", "size"), [(2, (4, 5)), (70, (4, 5)), (2, (17, 18))])
def test_every_way_equals_a_transposed_convolution(kernel, stride, below, size):
    torch.manual_seed(0)
    conv = nn.Conv2d(below, 6, kernel, stride, padding=kernel[0] // 2).double()
    signal = torch.randn(3, 6, *size, dtype=torch.float64)
    expected = F.conv_transpose2d(signal, conv.weight, stride=stride)
    result = TransposedFilters(operation(conv), torch.float64)(signal)
    torch.testing.assert_close(result, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("groups", "dilation"), [(1, 1), (2, 1), (1, 2), (2, (1, 3))])
def test_one_place_is_one_filter(groups, dilation):
    torch.manual_seed(0)
    conv = nn.Conv2d(4, 6, 3, 2, groups=groups, dilation=dilation).double()
    maps, values = torch.tensor([5, 0, 5]), torch.tensor([2.0, 3.0, -1.0], dtype=torch.float64)
    signal = torch.zeros(3, 6, 1, 1, dtype=torch.float64)
    signal[range(3), maps, 0, 0] = values
    expected = F.conv_transpose2d(signal, conv.weight, stride=2, groups=groups, dilation=dilation)
    filters = TransposedFilters(operation(conv), torch.float64)
    torch.testing.assert_close(filters.of_one_place(maps, values), expected)
