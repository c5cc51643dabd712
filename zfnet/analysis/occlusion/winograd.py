"""Filters on loose tiles of places, with under half of the usual products (Winograd's minimal filtering).

A tile of 2 x 2 places of a 3x3 filter takes 4 x 4 products a pair of maps where 36 are usual. A filter with a step s
and up to 3s x 3s taps is one of 3x3 taps without a step on s * s times the maps. Tiles of 3 x 3 and 4 x 4 places take
fewer products still, but in float32 they are three to four times less exact (docs/benchmarks.md).
Lavin & Gray 2015, arXiv:1509.09308.
"""

from __future__ import annotations

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

SIDE, ACROSS = 2, 4  # places of a tile and what it sees, along an axis
SEEN = ((1.0, 0.0, -1.0, 0.0), (0.0, 1.0, 1.0, 0.0), (0.0, -1.0, 1.0, 0.0), (0.0, 1.0, 0.0, -1.0))
TAPS = ((1.0, 0.0, 0.0), (0.5, 0.5, 0.5), (0.5, -0.5, 0.5), (0.0, 0.0, 1.0))
OUT = ((1.0, 1.0, 1.0, 0.0), (0.0, 1.0, -1.0, -1.0))


@cache
def _transforms() -> tuple[Tensor, Tensor, Tensor]:
    """Input, filter and output, of both axes: a tile is output @ ((filter @ taps) * (input @ what it sees))."""
    lines = (torch.tensor(matrix, dtype=torch.float64) for matrix in (SEEN, TAPS, OUT))
    seen, taps, out = (torch.kron(matrix, matrix) for matrix in lines)  # (16, 16), (16, 9), (4, 16)
    return seen, taps, out


def spectra(weight: Tensor, step: int) -> Tensor:
    """Filters (K, C, h, w) of that step, as the products want them: (16, step * step * C, K).

    The step * step * C maps are those of the places' rows, columns and maps within a step, in this order.
    """
    height, width = weight.shape[2:]
    padded = F.pad(weight, (0, 3 * step - width, 0, 3 * step - height))  # (K, C, 3 step, 3 step)
    taps = padded.unflatten(3, (3, step)).unflatten(2, (3, step)).permute(2, 4, 3, 5, 1, 0)  # 3, 3, step, step, C, K
    spread = _transforms()[1].to(weight) @ taps.flatten(0, 1).flatten(1)  # (16, 9) @ (9, step * step * C * K)
    return spread.unflatten(1, (-1, len(weight)))  # (16, step * step * C, K)


def filter_tiles(seen: Tensor, filters: Tensor) -> Tensor:
    """What T tiles see, (16, T, C), under filters (16, C, K): their places (4, T, K)."""
    spread, _, out = (matrix.to(seen) for matrix in _transforms())
    products = torch.bmm((spread @ seen.flatten(1)).view_as(seen), filters)  # (16, T, C) @ (16, C, K): (16, T, K)
    return (out @ products.flatten(1)).unflatten(1, products.shape[1:])  # (4, 16) @ (16, T * K): (4, T, K)
