"""Images that would make maps strong, by optimisation: python experiments/visualise.py checkpoint=... layer=..."""

from __future__ import annotations

from experiments.common.job import Run, start

if __name__ == "__main__":
    start("experiments.visualise:visualise")

from dataclasses import dataclass
from functools import partial

import numpy as np
from omegaconf import DictConfig
from torch import nn

from experiments.common.config import as_list, pick
from experiments.common.network import NetworkChoice, open_chosen
from experiments.common.publish import publish
from zfnet.analysis import Priors, bare_priors, draw_maps, filters_of, maximise
from zfnet.figures.sheets.maximised import MaximisedMaps, draw_maximised, load_maximised, save_maximised
from zfnet.network import Network


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What conf/visualise.yaml says of the layers, the maps and the ascent."""

    layer: str | list[str] | None
    maps: int | list[int]
    steps: int
    rate: float
    basis: str
    jitter_px: int
    variation: float
    seed: int


def visualise(config: DictConfig, run: Run) -> None:
    """Optimise, save the arrays and draw; or draw again from saved arrays."""
    if not run.world.first:
        return
    if config.redraw is not None:
        shown = load_maximised(config.redraw)
        publish({f"maximised_{shown.layer}": draw_maximised(shown)}, run.folder)
        return
    settings, choice = pick(Settings, config), pick(NetworkChoice, config)
    network = open_chosen(choice, run)
    layers = default_layers(network.model) if settings.layer is None else as_list(settings.layer)
    run.note(checkpoint=choice.source, layers=layers)
    for layer in layers:
        shown = compute(network, layer, settings)
        save_maximised(run.folder / (f"maximised_{layer}.npz" if len(layers) > 1 else "maximised.npz"), shown)
        publish({f"maximised_{layer}": partial(draw_maximised, shown)}, run.folder)


def default_layers(model: nn.Module) -> list[str]:
    """The last convolution, and the last linear layer where there is one."""
    kinds = (nn.Conv2d, nn.Linear)
    names = [[name for name, module in model.named_modules() if isinstance(module, kind)] for kind in kinds]
    return [found[-1] for found in names if found]


def compute(network: Network, layer: str, settings: Settings) -> MaximisedMaps:
    """The pictures of a layer's maps. Raises ValueError for a layer or maps that are not there, and for odd priors."""
    count = filters_of(network.model, layer)
    numbers = draw_maps(settings.maps, count, settings.seed)
    priors = Priors(basis=settings.basis, jitter_px=settings.jitter_px, variation=settings.variation)
    bare, held = (
        maximise(
            network.model, layer, numbers, network.frame, priors=one, steps=settings.steps, rate=settings.rate,
            seed=settings.seed,
        )
        for one in (bare_priors(), priors)
    )  # fmt: skip
    scores = count == len(network.names) and isinstance(network.model.get_submodule(layer), nn.Linear)
    words = f"{priors.basis} basis, jitter {priors.jitter_px} px, variation {priors.variation:g}"
    return MaximisedMaps(
        layer=np.array(layer), maps=np.array(numbers), priors=np.array(words),
        map_name=np.array([network.names[number] if scores else "" for number in numbers], np.str_),
        bare=bare.pixels.permute(0, 2, 3, 1).contiguous().numpy(), bare_value=bare.value.numpy(),
        held=held.pixels.permute(0, 2, 3, 1).contiguous().numpy(), held_value=held.value.numpy(),
    )  # fmt: skip
