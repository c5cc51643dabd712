"""The first layer's filters of any network: python experiments/filters.py checkpoint=... (or model=... weights=...)."""

from __future__ import annotations

from experiments.common.job import Run, start

if __name__ == "__main__":
    start("experiments.filters:filters")

from dataclasses import dataclass

import numpy as np
from omegaconf import DictConfig
from torch import nn

from experiments.common.config import pick
from experiments.common.network import NetworkChoice, open_chosen
from experiments.common.publish import publish
from zfnet.figures.filter_sheet import Filters, draw_filters, load_filters, save_filters


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What conf/filters.yaml says of the sheet."""

    layer: str | None
    scale: str


def filters(config: DictConfig, run: Run) -> None:
    """Save the filters and draw them; or draw again from saved ones."""
    if not run.world.first:
        return
    settings = pick(Settings, config)
    if config.redraw is None:
        choice = pick(NetworkChoice, config)
        network = open_chosen(choice, run, relayout=False)
        shown = filters_of(network.model, layer=settings.layer, name=choice.title)
        save_filters(run.folder / "filters.npz", shown)
        run.note(network=choice.title, layer=str(shown.layer))
    else:
        shown = load_filters(config.redraw)
    publish({"filters": draw_filters(shown, settings.scale)}, run.folder)


def filters_of(model: nn.Module, *, layer: str | None, name: str) -> Filters:
    """The weights of a convolution, by default the first. Raises ValueError, with the choices, for another layer."""
    convolutions = {name: module for name, module in model.named_modules() if isinstance(module, nn.Conv2d)}
    if layer is None and convolutions:
        layer = next(iter(convolutions))
    if layer not in convolutions:
        raise ValueError(f"layer {layer!r} is not one of the convolutions {', '.join(convolutions)}")
    weights = convolutions[layer].weight.detach().float().cpu().numpy()
    return Filters(layer=np.array(layer), network=np.array(name), weights=weights)
