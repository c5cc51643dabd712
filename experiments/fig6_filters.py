"""Fig. 6, the first two layers: python experiments/fig6_filters.py zfnet=... unlimited=... alexnet=... data=..."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from omegaconf import DictConfig
from torch.utils.tensorboard import SummaryWriter

from experiments.common.images import CentreViews, open_views
from experiments.common.job import Run, start
from experiments.common.mining import mined_once
from zfnet.analysis.features import picture_units
from zfnet.analysis.filters import band_shares, largest_over_median
from zfnet.deconv import Deconvnet, Mined
from zfnet.figures import style
from zfnet.figures.fig6 import Panel, draw_fig6, load_panels, save_panels
from zfnet.figures.gains import check_gain
from zfnet.models.build import TORCHVISION
from zfnet.training import open_network

NETWORKS = {"unlimited": ("a", None), "alexnet": ("b", "d"), "zfnet": ("c", "e")}  # panels of layers 1 and 2


def filters(config: DictConfig, run: Run) -> None:
    """Measure, save the arrays and draw; or draw again from saved arrays."""
    check_gain(config.gain)
    if config.redraw is None:
        panels = compute(config, run)
        if run.world.first:
            save_panels(run.folder / "fig6.npz", panels)
    else:
        panels = load_panels(config.redraw)
    if run.world.first:
        figure = draw_fig6(panels, gain=config.gain)
        print(f"drawn: {style.save(figure, run.folder, 'fig6')}")
        with SummaryWriter(str(run.folder / "tensorboard")) as writer:
            writer.add_image("fig6", style.pixels(figure), dataformats="HWC")


def compute(config: DictConfig, run: Run) -> list[Panel]:
    """The panels of the networks that were given, in the paper's order; empty in all processes but the first.

    Raises ValueError where none was given, and for a first layer that does not look at colours.
    """
    given = {name: config[name] for name in NETWORKS if config[name] is not None}
    if not given:
        raise ValueError(f"give at least one checkpoint: {', '.join(f'{name}=FILE' for name in NETWORKS)}")
    panels = []
    for name, source in given.items():
        weights = config.weights if str(source).startswith(TORCHVISION) else None
        network = open_network(source, weights, config.size_px)
        network.model.to(run.world.device).to(memory_format=run.hardware.memory_format())
        deconvnet = Deconvnet(network.model)
        views = open_views(config, run, network.frame)
        layers = deconvnet.layers[:2]
        folder = run.folder if config.mined is None else Path(config.mined)
        mined = mined_once(folder / f"mined_{name}.npz", deconvnet, views, layers, 1, run)
        if not run.world.first:
            continue
        first, second = NETWORKS[name]
        panels.append(filter_panel(first, deconvnet, mined))
        if second is not None:
            panels.append(projection_panel(second, deconvnet, mined, views, config.maps, config.seed))
        run.note(**{name: str(source)}, data=views.source.fingerprint)
    panels.sort(key=lambda panel: panel.letter)
    run.note(stories={panel.letter: panel.story() for panel in panels})
    for panel in panels:
        print(f"({panel.letter}) {panel.story().replace(chr(10), '; ')}")
    return panels


def filter_panel(letter: str, deconvnet: Deconvnet, mined: Mined) -> Panel:
    """The first layer's filters. Raises ValueError where they do not look at colours."""
    layer = deconvnet.layers[0]
    weights = weights_of(deconvnet, layer)
    if weights.ndim != 4 or weights.shape[1] != 3:
        raise ValueError(f"layer {layer!r} has weights {weights.shape}, expected filters (maps, 3, rows, columns)")
    return panel(letter, weights, weights, layer, mined)


def projection_panel(
    letter: str, deconvnet: Deconvnet, mined: Mined, views: CentreViews, maps: int, seed: int
) -> Panel:
    """The strongest activation of each of some maps of the second layer, projected."""
    layer = deconvnet.layers[1]
    count = len(mined[layer].value)
    chosen = np.sort(np.random.default_rng(seed).choice(count, min(maps, count), replace=False))
    units = torch.cat([mined[layer].units(number)[:1] for number in chosen.tolist()])
    pictures = picture_units(deconvnet, layer, units, views.fetch, views.grey()).projection
    return panel(letter, pictures, weights_of(deconvnet, layer), layer, mined)


def panel(letter: str, pictures: np.ndarray, weights: np.ndarray, layer: str, mined: Mined) -> Panel:
    dead, maps = len(mined[layer].dead), len(mined[layer].value)
    return Panel(
        letter=letter, pictures=pictures, dead=dead, maps=maps, images=mined.images, bands=band_shares(pictures),
        ratio=largest_over_median(weights),
    )  # fmt: skip


def weights_of(deconvnet: Deconvnet, layer: str) -> np.ndarray:
    weight = deconvnet.model.get_parameter(f"{layer}.weight")
    return weight.detach().float().cpu().numpy()


if __name__ == "__main__":
    start(filters, "fig6_filters")
