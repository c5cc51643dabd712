"""Moments of a training as files, and what they say together: which layer settled when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zfnet.analysis.evolution.cka import linear_cka, settling_epoch
from zfnet.analysis.evolution.moment import LayerMoment, Moment
from zfnet.files import load_arrays, save_arrays

ARRAYS = [field.name for field in fields(LayerMoment)]
KINDS = ("activations", "projections")
SETTLED = 0.9
KIND, FOLDER = "evolution", "evolution"


def save_moment(folder: Path, moment: Moment) -> None:
    """Write epoch-0005.npz; a crash leaves the old file or the new one."""
    arrays: dict[str, object] = {
        "epoch": np.array(moment.epoch),
        "watched": np.array(list(moment.activations), np.str_),
    }
    for kind in KINDS:
        arrays |= {f"{layer}/{kind}": gram for layer, gram in getattr(moment, kind).items()}
    for layer, views in moment.layers.items():
        arrays |= {f"{layer}/{name}": getattr(views, name) for name in ARRAYS if getattr(views, name) is not None}
    arrays |= {f"{layer}/changed": np.array(share) for layer, share in moment.changed.items()}
    folder.mkdir(parents=True, exist_ok=True)
    save_arrays(folder / f"epoch-{moment.epoch:04d}.npz", KIND, arrays, compressed=False)


def load_moment(path: Path) -> Moment:
    """What `save_moment` wrote. Raises ValueError for another kind of file."""
    arrays = load_arrays(path, KIND)
    watched = arrays["watched"].tolist()
    activations, projections = ({layer: arrays[f"{layer}/{kind}"] for layer in watched} for kind in KINDS)
    layers = {
        layer: LayerMoment(**{name: arrays[f"{layer}/{name}"] for name in ARRAYS if f"{layer}/{name}" in arrays})
        for layer in watched
        if f"{layer}/maps" in arrays
    }
    changed = {layer: float(arrays[f"{layer}/changed"]) for layer in watched if f"{layer}/changed" in arrays}
    return Moment(
        epoch=int(arrays["epoch"]),
        activations=activations,
        projections=projections,
        layers=layers,
        changed=changed,
    )


def load_moments(folder: Path) -> list[Moment]:
    """Every moment of a folder, by epoch."""
    return [load_moment(path) for path in sorted(folder.glob("epoch-[0-9]*.npz"))]


def similarities(moments: Sequence[Moment]) -> dict[str, dict[str, NDArray[np.float64]]]:
    """kind -> layer -> debiased linear CKA (epochs,) of each moment's numbers with the last one's."""
    last = moments[-1]
    return {
        kind: {
            layer: np.array([linear_cka(getattr(moment, kind)[layer], gram, debiased=True) for moment in moments])
            for layer, gram in getattr(last, kind).items()
        }
        for kind in KINDS
    }


def settling(moments: Sequence[Moment], threshold: float = SETTLED) -> dict[str, dict[str, int]]:
    """kind -> layer -> the first epoch from which on its similarity to the last one stays at the threshold or above."""
    epochs = [moment.epoch for moment in moments]
    return {
        kind: {layer: settling_epoch(epochs, values.tolist(), threshold) for layer, values in layers.items()}
        for kind, layers in similarities(moments).items()
    }
