"""ContrastNorm is torch's LocalResponseNorm, value and gradient."""

import pytest
import torch
from torch import nn

from zfnet.models import ContrastNorm


@pytest.mark.parametrize("maps", [1, 3, 7, 96])
@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_value_and_gradient_are_torchs(maps: int, scale: float):
    generator = torch.Generator().manual_seed(maps)
    x = scale * torch.randn(2, maps, 5, 6, dtype=torch.float64, generator=generator)
    grad = torch.randn(x.shape, dtype=torch.float64, generator=generator)
    ours, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
    y = ContrastNorm()(ours)
    expected = nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)(theirs)
    y.backward(grad)
    expected.backward(grad)
    assert (y - expected).norm() <= 1e-12 * expected.norm()
    assert (ours.grad - theirs.grad).norm() <= 1e-12 * theirs.grad.norm()


def test_the_constants_are_alexnets():
    x = torch.full((1, 5, 1, 1), 100.0, dtype=torch.float64)
    assert ContrastNorm()(x)[0, 2].item() == pytest.approx(100 / (2 + 1e-4 * 5 * 100**2) ** 0.75, rel=1e-12)


def test_half_precision_is_normalised_in_float32():
    x = 50 * torch.randn(2, 16, 4, 4, generator=torch.Generator().manual_seed(0))
    half = ContrastNorm()(x.bfloat16())
    assert half.dtype == torch.bfloat16
    assert (half.float() - ContrastNorm()(x)).norm() <= 1e-2 * x.norm()


@pytest.mark.parametrize("size", [300.0, 20_000.0])  # the squares of 256 and more overflow in float16
def test_large_activations_do_not_overflow_in_half_precision(size: float):
    generator = torch.Generator().manual_seed(0)
    x = (size * torch.rand(2, 16, 4, 4, generator=generator)).half()
    ours, exact = x.clone().requires_grad_(), x.double().requires_grad_()
    grad = torch.randn(x.shape, generator=generator).half()
    y, expected = ContrastNorm()(ours), ContrastNorm()(exact)
    y.backward(grad)
    expected.backward(grad.double())
    assert (y.double() - expected).norm() <= 1e-3 * expected.norm()
    assert (ours.grad.double() - exact.grad).norm() <= 1e-2 * exact.grad.norm()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_leaves_it_in_float32_forward_and_back(dtype: torch.dtype):
    generator = torch.Generator().manual_seed(0)
    x = 300 * torch.randn(2, 16, 4, 4, generator=generator)
    ours, exact = x.clone().requires_grad_(), x.double().requires_grad_()
    grad = torch.randn(x.shape, generator=generator)
    with torch.autocast("cpu", dtype):
        y = ContrastNorm()(ours)
        y.backward(grad)
    ContrastNorm()(exact).backward(grad.double())
    assert y.dtype == torch.float32
    assert (y.double() - ContrastNorm()(x.double())).norm() <= 1e-6 * y.norm()
    assert (ours.grad.double() - exact.grad).norm() <= 1e-5 * exact.grad.norm()
