"""Filters of 3x3 on loose tiles of 3x3 places, with 25 products where 81 are usual (Winograd's minimal filtering)."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import Tensor

SIDE = 3  # places of a tile; 4 would save little more, as rectangles leave more of the last tiles unused
SEEN = SIDE + 2  # places along a side that a tile's filters see
POINTS = (0.0, 1.0, -1.0, 2.0)  # and infinity


@cache
def _transforms() -> tuple[Tensor, Tensor, Tensor]:
    """Input (25, 25), filter (25, 9) and output (9, 25), in float64: y = output @ ((filter @ g) * (input @ d)).

    Toom and Cook's multiplication of polynomials at the points, transposed. Lavin & Gray 2015, arXiv:1509.09308.
    """
    others = [[a for a in POINTS if a != b] for b in POINTS]
    scale = [np.prod([b - a for a in rest]) for b, rest in zip(POINTS, others, strict=True)]
    given = np.array([[*np.poly(rest)[::-1], 0.0] for rest in others] + [np.poly(POINTS)[::-1]])
    filters = np.array([[b**k / s for k in range(3)] for b, s in zip(POINTS, scale, strict=True)] + [[0.0, 0.0, 1.0]])
    out = np.array([[b**i for b in POINTS] + [float(i == SIDE - 1)] for i in range(SIDE)])
    both = [torch.from_numpy(np.kron(matrix, matrix)) for matrix in (given, filters, out)]
    return both[0], both[1], both[2]


def spectra(weight: Tensor) -> Tensor:
    """Filters (K, C, 3, 3) as the products want them: (25, C, K)."""
    transform = _transforms()[1].to(weight.device)
    spread = transform @ weight.double().flatten(2).permute(2, 1, 0).flatten(1)
    return spread.reshape(SEEN * SEEN, weight.shape[1], weight.shape[0]).to(weight.dtype)


def filter_tiles(seen: Tensor, filters: Tensor) -> Tensor:
    """What T tiles see, (25, T, C), under filters (25, C, K): their places, (9, T, K)."""
    given, _, out = (matrix.to(seen) for matrix in _transforms())
    products = torch.bmm((given @ seen.flatten(1)).view_as(seen), filters)
    return (out @ products.flatten(1)).view(SIDE * SIDE, *products.shape[1:])
