"""Filters on loose tiles of places, with a third of the usual products (Winograd's minimal filtering).

A tile of side x side places of a 3x3 filter takes (side + 2)^2 products a pair of maps where 9 side^2 are usual. A
filter with a step s and up to 3s x 3s taps is one of 3x3 taps without a step on s * s times the maps.
Lavin & Gray 2015, arXiv:1509.09308.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

POINTS = (0.0, 1.0, -1.0, 0.5, -2.0)  # few bits are lost with these: Barabasz et al. 2018, arXiv:1803.10986


@cache
def _transforms(side: int) -> tuple[Tensor, Tensor, Tensor]:
    """Input, filter and output, in float64: a tile is output @ ((filter @ taps) * (input @ what it sees)).

    Toom and Cook's product of polynomials at side + 1 points and infinity, transposed.
    """
    points = POINTS[: side + 1]
    others = [[a for a in points if a != b] for b in points]
    scale = [np.prod([b - a for a in rest]) for b, rest in zip(points, others, strict=True)]
    seen = np.array([[*np.poly(rest)[::-1], 0.0] for rest in others] + [np.poly(points)[::-1]])
    taps = np.array([[b**k / s for k in range(3)] for b, s in zip(points, scale, strict=True)] + [[0.0, 0.0, 1.0]])
    out = np.array([[b**i for b in points] + [float(i == side - 1)] for i in range(side)])
    both = [torch.from_numpy(np.kron(matrix, matrix)) for matrix in (seen, taps, out)]
    return both[0], both[1], both[2]


def spectra(weight: Tensor, step: int, side: int) -> Tensor:
    """Filters (K, C, h, w) of that step, as the products want them: ((side + 2)^2, step * step * C, K).

    The step * step * C maps are those of the places' rows, columns and maps within a step, in this order.
    """
    height, width = weight.shape[2:]
    padded = F.pad(weight, (0, 3 * step - width, 0, 3 * step - height))
    taps = padded.unflatten(3, (3, step)).unflatten(2, (3, step)).permute(2, 4, 3, 5, 1, 0)  # 3, 3, step, step, C, K
    spread = _transforms(side)[1].to(weight) @ taps.flatten(0, 1).flatten(1)
    return spread.unflatten(1, (-1, len(weight)))


def filter_tiles(seen: Tensor, filters: Tensor, side: int) -> Tensor:
    """What T tiles see, ((side + 2)^2, T, C), under filters ((side + 2)^2, C, K): their places (side^2, T, K)."""
    given, _, out = (matrix.to(seen) for matrix in _transforms(side))
    products = torch.bmm((given @ seen.flatten(1)).view_as(seen), filters)
    return (out @ products.flatten(1)).unflatten(1, products.shape[1:])
