"""Sentences 10 and 15: parts that change a layer alike, and nine patches that share what their projections show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from zfnet.analysis.claims.effect import Effect, drawn_effect, mean_effect

Floats = NDArray[np.floating]


def part_effect(
    name: str, parts: Mapping[str, Sequence[tuple[Floats, Floats]]], *, floors: Mapping[str, float] | None = None,
    draws: int = 1000,
) -> Effect:  # fmt: skip
    """Sentence 10 at a layer, over images: random squares less parts.

    parts: what is hidden -> a pair for each class: distances (P,) of its pairs of images i < j with the part hidden,
    and with random squares (draws, P). A draw repeats images with all their pairs; an image is no pair with itself.
    """
    sides, start, blocks = [], 0, list[tuple[int, list[NDArray[np.float64]]]]()
    for classes in zip(*parts.values(), strict=True):
        images = _images(len(classes[0][0]))
        blocks.append((images, [_square(random.mean(0) - own, images) for own, random in classes]))
        sides += [(own.mean(), random.mean()) for own, random in classes]
        start += images

    def mean(chosen: NDArray[np.int64]) -> float:
        counts, first, sums, pairs = np.bincount(chosen, minlength=start).astype(np.float64), 0, 0.0, 0.0
        for images, matrices in blocks:
            own = counts[first : first + images]
            sums += sum(float(own @ matrix @ own) for matrix in matrices)
            pairs += len(matrices) * float(own.sum() ** 2 - (own**2).sum())
            first += images
        return sums / pairs if pairs else float("nan")

    hidden, random = np.mean(sides, axis=0)
    return drawn_effect(
        name, start, mean, over="images", draws=draws, floors=floors or {},
        parts={"parts": float(hidden), "random squares": float(random)},
    )  # fmt: skip


def _images(pairs: int) -> int:
    return round((1 + (1 + 8 * pairs) ** 0.5) / 2)


def _square(pairs: Floats, images: int) -> NDArray[np.float64]:
    """Values of pairs i < j as a symmetric matrix with nothing on its diagonal."""
    matrix = np.zeros((images, images))
    matrix[np.triu_indices(images, 1)] = pairs
    return matrix + matrix.T


def within(pictures: Floats) -> float:
    """The mean correlation of two of several pictures (k, ...); a picture that is all the same correlates with none."""
    flat = pictures.reshape(len(pictures), -1).astype(np.float64)
    flat = flat - flat.mean(1, keepdims=True)
    norms = np.linalg.norm(flat, axis=1, keepdims=True)
    flat = np.divide(flat, norms, out=np.zeros_like(flat), where=norms > 0)
    products = flat @ flat.T
    return float(products[np.triu_indices(len(flat), 1)].mean()) if len(flat) > 1 else float("nan")


def sharing(projections: Sequence[Floats], patches: Sequence[Floats]) -> NDArray[np.float64]:
    """The correlation within each map's strongest places, of projections and of patches: (maps, 2)."""
    return np.array(
        [[within(shown), within(seen)] for shown, seen in zip(projections, patches, strict=True)]
    ).reshape(-1, 2)  # fmt: skip


def mixed(pictures: Sequence[Floats]) -> list[Floats]:
    """Sets as large, each with one picture of as many maps: what any two maps of the layer have in common.

    The j-th picture of set i is map i + j's j-th.
    """
    count = len(pictures)
    return [
        np.stack([pictures[(at + rank) % count][rank % len(pictures[(at + rank) % count])] for rank in range(len(own))])
        for at, own in enumerate(pictures)
    ]


def sharing_effect(layer: str, found: NDArray[np.float64], floors: Mapping[str, float] | None = None) -> Effect:
    """Sentence 15 at a layer, over filters: within projections less within patches, of `sharing` (maps, 2)."""
    both = found[np.isfinite(found).all(1)]
    parts = {"projections": float(both[:, 0].mean()), "patches": float(both[:, 1].mean())} if len(both) else {}
    return mean_effect(layer, found[:, 0] - found[:, 1], over="filters", floors=floors or {}, parts=parts)
