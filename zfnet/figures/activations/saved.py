"""The arrays behind the figures of activations, from which they can be drawn again with no network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zfnet.figures.activations.maps import LayerMaps
from zfnet.files import load_arrays, save_arrays

KIND = "activations"


@dataclass(frozen=True, kw_only=True)
class Activations:
    """Layers on B images: pictures (B, H, W, 3) uint8 as the network saw them, a word on each and on the network.

    means: layer -> the mean over channels (B, h, w), in the order the layers run; empty where nobody asked.
    together: whether the images were given to be compared, on one scale. means_stage: a word on the means' ReLU.
    """

    pictures: NDArray[np.uint8]
    names: tuple[str, ...]
    network: str
    layers: Sequence[LayerMaps]
    means: dict[str, NDArray[np.floating]]
    together: bool
    means_stage: str = ""


def save_activations(path: Path, shown: Activations) -> None:
    """Write the arrays from which `load_activations` and the figures of activations come again."""
    arrays = {
        "pictures": shown.pictures, "names": np.array(shown.names, np.str_), "together": np.array(shown.together),
        "network": np.array(shown.network), "means_stage": np.array(shown.means_stage),
        "layers": np.array([one.layer for one in shown.layers], np.str_), "order": np.array(list(shown.means), np.str_),
    }  # fmt: skip
    for one in shown.layers:
        places = np.array([one.first_px, one.step_px])
        arrays |= {f"maps/{one.layer}": one.values, f"stage/{one.layer}": np.array(one.stage)}
        arrays |= {f"places/{one.layer}": places}
    save_arrays(path, KIND, arrays | {f"means/{layer}": mean for layer, mean in shown.means.items()})


def load_activations(path: str | Path) -> Activations:
    """What `save_activations` wrote. Raises ValueError for another kind of file."""
    arrays = load_arrays(path, KIND)
    layers = [
        LayerMaps(
            layer=name, values=arrays[f"maps/{name}"], stage=str(arrays[f"stage/{name}"]),
            first_px=arrays[f"places/{name}"][0], step_px=arrays[f"places/{name}"][1],
        )
        for name in arrays["layers"].tolist()
    ]  # fmt: skip
    return Activations(
        pictures=arrays["pictures"], names=tuple(arrays["names"].tolist()), network=str(arrays["network"]),
        layers=layers, means={name: arrays[f"means/{name}"] for name in arrays["order"].tolist()},
        together=bool(arrays["together"]), means_stage=str(arrays["means_stage"]),
    )  # fmt: skip
