"""The first layer's filters of any network: python experiments/filters.py checkpoint=... (or model=... weights=...)."""

from __future__ import annotations

import numpy as np
from omegaconf import DictConfig
from torch import nn
from torch.utils.tensorboard import SummaryWriter

from experiments.common.job import Run, start
from experiments.common.network import chosen_network, described
from zfnet.figures.drawing import style
from zfnet.figures.filter_sheet import Filters, draw_filters, load_filters, save_filters


def filters(config: DictConfig, run: Run) -> None:
    """Save the filters and draw them; or draw again from saved ones."""
    if not run.world.first:
        return
    if config.redraw is None:
        network = chosen_network(config)
        name = described(config)
        shown = filters_of(network.model, config.layer, name)
        save_filters(run.folder / "filters.npz", shown)
        run.note(network=name, layer=str(shown.layer))
    else:
        shown = load_filters(config.redraw)
    figure = draw_filters(shown, config.scale)
    print(f"drawn: {style.save(figure, run.folder, 'filters')}")
    with SummaryWriter(str(run.folder / "tensorboard")) as writer:
        writer.add_image("filters", style.pixels(figure), dataformats="HWC")


def filters_of(model: nn.Module, layer: str | None, name: str) -> Filters:
    """The weights of a convolution, by default the first. Raises ValueError, with the choices, for another layer."""
    convolutions = {name: module for name, module in model.named_modules() if isinstance(module, nn.Conv2d)}
    if layer is None and convolutions:
        layer = next(iter(convolutions))
    if layer not in convolutions:
        raise ValueError(f"layer {layer!r} is not one of the convolutions {', '.join(convolutions)}")
    weights = convolutions[layer].weight.detach().float().cpu().numpy()
    return Filters(layer=np.array(layer), network=np.array(name), weights=weights)


if __name__ == "__main__":
    start(filters, "filters")
