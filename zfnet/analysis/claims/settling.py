"""Sentence 1: do lower layers settle in fewer epochs?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from zfnet.analysis.claims.effect import Effect
from zfnet.analysis.evolution import Moment, linear_cka, settling_epoch

THRESHOLD = 0.9
LEAST_IMAGES = 16  # half of them must tell representations apart


def settling_effect(
    moments: Sequence[Moment], *, threshold: float = THRESHOLD, draws: int = 200, seed: int = 0
) -> Effect:
    """How many epochs later the upper half of the layers settles than the lower half; the middle one of an odd number
    counts for neither. Layers in the order that the moments have them, from the pixels up.

    The interval is drawn over the reference images by the delete-half jackknife (Shao & Wu 1989): halves without
    repetition, whose spread is that of the whole. A bootstrap would repeat images, which are then most like each other
    whatever the layer is.
    """
    grams = {layer: [moment.activations[layer] for moment in moments] for layer in moments[-1].activations}
    epochs, images = [moment.epoch for moment in moments], len(next(iter(grams.values()))[0])
    settled = _settled(grams, epochs, np.arange(images), threshold)
    value, parts = _later(settled), {f"{layer} settles at epoch": float(epoch) for layer, epoch in settled.items()}
    low = high = float("nan")
    if images >= LEAST_IMAGES and len(grams) > 1:
        generator = np.random.default_rng(seed)
        halves = [generator.permutation(images)[: images // 2] for _ in range(draws)]
        drawn = [_later(_settled(grams, epochs, half, threshold)) for half in halves]
        low, high = np.quantile(drawn, [0.025, 0.975])
    first = {f"{layer} before training": _alike(of_layer, np.arange(images))[0] for layer, of_layer in grams.items()}
    return Effect(
        name="epochs later", value=value, low=float(low), high=float(high), over="reference images", count=images,
        floors={"chance": 0.0}, parts=parts | first,
    )  # fmt: skip


def _settled(
    grams: Mapping[str, Sequence[NDArray[np.floating]]], epochs: Sequence[int], images: NDArray[np.int64],
    threshold: float,
) -> dict[str, int]:  # fmt: skip
    return {layer: settling_epoch(epochs, _alike(own, images), threshold) for layer, own in grams.items()}


def _alike(grams: Sequence[NDArray[np.floating]], images: NDArray[np.int64]) -> list[float]:
    """The debiased CKA of each epoch's Gram matrix with the last one's, over some of the images."""
    own = [_centred(gram[np.ix_(images, images)]) for gram in grams]
    return [linear_cka(gram, own[-1], debiased=True) for gram in own]


def _centred(gram: NDArray[np.floating]) -> NDArray[np.float32]:
    """A Gram matrix of fewer rows, centred over those."""
    wide = gram.astype(np.float64)
    wide = wide - wide.mean(0) - wide.mean(1)[:, None] + wide.mean()
    return wide.astype(np.float32)


def _later(settled: Mapping[str, int]) -> float:
    values = np.array(list(settled.values()), np.float64)
    half = len(values) // 2
    return float(values[len(values) - half :].mean() - values[:half].mean()) if half else float("nan")
