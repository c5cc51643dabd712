"""Sentences 10 and 15: parts that change a layer alike, and nine patches that share what their projections show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from zfnet.analysis.claims.effect import Effect, drawn_effect, mean_effect

Floats = NDArray[np.floating]
AROUND = 1 / 16  # of a patch's side: how far a projection's fine lines speak for the pixels beside them


def part_effect(
    name: str, parts: Mapping[str, Sequence[tuple[Floats, Floats]]], *, floors: Mapping[str, float] | None = None,
    draws: int = 1000,
) -> Effect:  # fmt: skip
    """Sentence 10 at a layer, over images: random squares less parts.

    parts: what is hidden -> a pair for each class: distances (P,) of its pairs of images i < j with the part hidden,
    and with random squares (draws, P). A draw repeats images with all their pairs; an image is no pair with itself.
    """
    sides, pairs_of, start, blocks = [], list[int](), 0, list[tuple[int, list[NDArray[np.float64]]]]()
    for classes in zip(*parts.values(), strict=True):
        images = _images(len(classes[0][0]))
        blocks.append((images, [_square(random.mean(0) - own, images) for own, random in classes]))
        sides += [(own.mean(), random.mean()) for own, random in classes]
        pairs_of += [len(own) for own, _ in classes]
        start += images

    def mean(chosen: NDArray[np.int64]) -> float:
        counts, first, sums, pairs = np.bincount(chosen, minlength=start).astype(np.float64), 0, 0.0, 0.0
        for images, matrices in blocks:
            own = counts[first : first + images]
            sums += sum(float(own @ matrix @ own) for matrix in matrices)
            pairs += len(matrices) * float(own.sum() ** 2 - (own**2).sum())
            first += images
        return sums / pairs if pairs else float("nan")

    hidden, random = np.average(sides, axis=0, weights=pairs_of)  # every pair counts alike, as in the effect
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


def where_shown(projections: Sequence[Floats], patches: Sequence[Floats]) -> NDArray[np.float64]:
    """The correlation within each map's patches where their projections lie, and elsewhere: (maps, 2).

    projections, patches: a set (k, h, w, C) for each map. A pixel counts by the projections' strength around it, and
    elsewhere by what it lacks of the strongest.
    """
    return np.array(
        [_inside_and_out(seen, strength_around(shown)) for shown, seen in zip(projections, patches, strict=True)]
    ).reshape(-1, 2)  # fmt: skip


def strength_around(projections: Floats) -> NDArray[np.float64]:
    """How strongly pictures (k, h, w, C) show something at and around each pixel: (k, h, w), at most 1 each."""
    strength = np.abs(projections.astype(np.float64)).sum(-1)
    strength = np.stack([gaussian_filter(one, AROUND * max(one.shape)) for one in strength])
    most = strength.max((1, 2), keepdims=True)
    return np.divide(strength, most, out=np.zeros_like(strength), where=most > 0)


def _inside_and_out(patches: Floats, strength: NDArray[np.float64]) -> tuple[float, float]:
    pairs = np.transpose(np.triu_indices(len(patches), 1))
    weights = [(strength[first] + strength[second]) / 2 for first, second in pairs]
    both = [
        [_weighted_correlation(patches[first], patches[second], weight) for weight in (inside, inside.max() - inside)]
        for (first, second), inside in zip(pairs, weights, strict=True)
    ]
    inside, out = np.mean(both, axis=0) if both else (float("nan"), float("nan"))
    return float(inside), float(out)


def _weighted_correlation(one: Floats, other: Floats, weight: NDArray[np.float64]) -> float:
    """Of two pictures (h, w, C), a pixel counting by its weight (h, w); 0 where either is all the same there."""
    weights = np.broadcast_to(weight[..., None], one.shape).ravel()
    if not weights.sum():
        return 0.0
    spread = np.cov(np.stack([one.ravel(), other.ravel()]), aweights=weights, ddof=0)
    scale = np.sqrt(spread[0, 0] * spread[1, 1])
    return float(spread[0, 1] / scale) if scale > 0 else 0.0


def where_shown_effect(layer: str, found: NDArray[np.float64], floors: Mapping[str, float] | None = None) -> Effect:
    """Sentence 15 at a layer, over filters: within patches where shown less elsewhere, of `where_shown` (maps, 2)."""
    both = found[np.isfinite(found).all(1)]
    parts = {"where shown": float(both[:, 0].mean()), "elsewhere": float(both[:, 1].mean())} if len(both) else {}
    name = f"{layer}, where shown"
    return mean_effect(name, found[:, 0] - found[:, 1], over="filters", floors=floors or {}, parts=parts)
