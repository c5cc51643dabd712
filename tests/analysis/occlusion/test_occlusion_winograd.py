"""Filters on tiles are filters: against torch's convolution."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from zfnet.analysis.occlusion.winograd import filter_tiles, spectra


@pytest.mark.parametrize(("kernel", "step"), [((3, 3), 1), ((2, 3), 1), ((5, 5), 2), ((6, 4), 2), ((11, 11), 4)])
@pytest.mark.parametrize(("dtype", "within"), [(torch.float64, 1e-13), (torch.float32, 8e-7)])
def test_tiles_are_convolutions(kernel, step, dtype, within):
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(7, 5, *kernel, generator=generator, dtype=torch.float64)
    side, across = 2, 4 * step  # what a tile sees, of which a filter may leave out the last rows and columns
    seen = torch.randn(4, 5, across, across, generator=generator, dtype=torch.float64)
    expected = F.conv2d(seen, weight, stride=step)[:, :, :side, :side]
    blocks = seen.unflatten(3, (-1, step)).unflatten(2, (-1, step))  # tiles, maps, rows, within, columns, within
    given = blocks.permute(2, 4, 0, 3, 5, 1).flatten(0, 1).flatten(2)
    found = filter_tiles(given.to(dtype), spectra(weight.to(dtype), step))
    found = found.unflatten(0, (side, side)).permute(2, 3, 0, 1)
    assert (found - expected).norm() <= within * expected.norm()
