"""What was found of some images as arrays by name, and of several such pieces as one, images one after the other."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zfnet.analysis.invariance.measure import Invariance

OF_EACH_IMAGE = ("probability", "label", "clean_probability", "clean_label", "target")


def as_arrays(result: Invariance) -> dict[str, NDArray[Any]]:
    """Arrays that a file can hold."""
    arrays = {name: getattr(result, name).numpy() for name in ("values", *OF_EACH_IMAGE)}
    for name in ("distance", "norm"):
        arrays |= {f"{name}{at}": one.numpy() for at, one in enumerate(getattr(result, name).values())}
    layers = json.dumps(list(result.distance))  # numbers stay numbers, and names names
    return {**arrays, "transform": np.array(result.transform), "layers": np.array(layers)}


def of_arrays(pieces: Sequence[Mapping[str, NDArray[Any]]]) -> Invariance:
    """What `as_arrays` gave of one or several lists of images, under the same settings of the same transform."""
    layers = json.loads(str(pieces[0]["layers"]))

    def joined(name: str) -> Tensor:
        return torch.from_numpy(np.concatenate([piece[name] for piece in pieces]))

    return Invariance(
        transform=str(pieces[0]["transform"]), values=torch.from_numpy(pieces[0]["values"]),
        distance={layer: joined(f"distance{at}") for at, layer in enumerate(layers)},
        norm={layer: joined(f"norm{at}") for at, layer in enumerate(layers)},
        **{name: joined(name) for name in OF_EACH_IMAGE},
    )  # fmt: skip
