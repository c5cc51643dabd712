"""Which maps are followed through a training, at which epochs, and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zfnet.analysis import draw_maps, spread_of_convolutions
from zfnet.analysis.evolution.reference_images import LEAST, ReferenceImages
from zfnet.deconv import Deconvnet

SEARCHES = ("online", "sweep")


@dataclass(frozen=True)
class Plan:
    """What is followed, and how.

    epochs: at which the strongest views are kept and projected, besides the recipe's last; those beyond it are not
    reached. layers: names; None: every convolution, five spread over a network with more. maps: so many of each layer,
    drawn by the seed, or their numbers.
    search: "online" keeps each map's strongest view of the epoch's own forward passes, with the weights that it met;
    "sweep" looks for it at the epoch's end, with the weights of then, among the central views of `sweep_images`
    training images drawn by the seed.
    probe_images, probe_projections: validation images, and among them rows of projections, by which epochs are compared
    (ReferenceImages).

    Raises ValueError for another search, and for too few images.
    """

    epochs: Sequence[int] = (1, 2, 5, 10, 20, 30, 40, 64)
    layers: Sequence[str] | None = None
    maps: int | Sequence[int] = 16
    search: str = "online"
    sweep_images: int = 2000
    probe_images: int = 256
    probe_projections: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        if self.search not in SEARCHES:
            raise ValueError(f"evolution.search={self.search!r} is not one of {', '.join(SEARCHES)}")
        for name, least in (("sweep_images", 1), ("probe_images", LEAST), ("probe_projections", LEAST)):
            if getattr(self, name) < least:
                raise ValueError(f"evolution.{name}={getattr(self, name)}, expected {least} or more")


def watch_maps(deconvnet: Deconvnet, probe: ReferenceImages, plan: Plan) -> dict[str, list[int]]:
    """layer -> the numbers of the maps that are followed. Raises ValueError for a layer or map that is not there."""
    layers = spread_of_convolutions(deconvnet) if plan.layers is None else list(plan.layers)
    outputs = deconvnet.activations(probe.images([0]), layers)
    return {layer: draw_maps(plan.maps, outputs[layer].shape[1], plan.seed, "evolution.maps") for layer in layers}
