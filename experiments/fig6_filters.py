"""Fig. 6, the first two layers: python experiments/fig6_filters.py zfnet=... unlimited=... alexnet=... data=..."""

from __future__ import annotations

from experiments.common.job import Run, start

if __name__ == "__main__":
    start("experiments.fig6_filters:filters")

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from omegaconf import DictConfig

from experiments.common.config import check_least, pick
from experiments.common.images import ImagesChoice, open_views
from experiments.common.mining import mined_once
from experiments.common.network import NetworkChoice, open_chosen
from experiments.common.publish import publish
from zfnet.analysis import band_shares, draw_maps, largest_over_median, picture_units
from zfnet.deconv import Deconvnet
from zfnet.figures.drawing.gains import check_gain
from zfnet.figures.fig6 import Panel, draw_fig6, load_panels, save_panels
from zfnet.mining import CentreViews, Mined
from zfnet.network import is_name

NETWORKS = {"unlimited": ("a", None), "alexnet": ("b", "d"), "zfnet": ("c", "e")}  # panels of layers 1 and 2


@dataclass(frozen=True, kw_only=True)
class Checkpoints:
    """The networks of the panels in the paper's order: files, or torchvision:alexnet; None where it is not given."""

    unlimited: str | None
    alexnet: str | None
    zfnet: str | None

    def choices(self, common: NetworkChoice) -> dict[str, NetworkChoice]:
        """Those given, by their names, each with what is common to all. Raises ValueError where none is."""
        given = {name: source for name, source in asdict(self).items() if source is not None}
        if not given:
            raise ValueError(f"give at least one checkpoint: {', '.join(f'{name}=FILE' for name in NETWORKS)}")
        return {
            name: common.other(source, common.weights if is_name(source) else None) for name, source in given.items()
        }


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What conf/fig6_filters.yaml says of the maps of the second layer and of mining."""

    maps: int
    mined: str | None
    gain: str
    seed: int

    def __post_init__(self) -> None:
        check_least(self, maps=1)


def filters(config: DictConfig, run: Run) -> None:
    """Measure, save the arrays and draw; or draw again from saved arrays."""
    settings = pick(Settings, config)
    check_gain(settings.gain)
    if config.redraw is None:
        choices = pick(Checkpoints, config).choices(pick(NetworkChoice, config))
        panels = compute(choices, pick(ImagesChoice, config), settings, run)
        if run.world.first:
            save_panels(run.folder / "fig6.npz", panels)
    else:
        panels = load_panels(config.redraw)
    if run.world.first:
        publish({"fig6": draw_fig6(panels, gain=settings.gain)}, run.folder)


def compute(choices: Mapping[str, NetworkChoice], given: ImagesChoice, settings: Settings, run: Run) -> list[Panel]:
    """The panels of the networks that were given, in the paper's order; empty in all processes but the first."""
    panels = []
    for name, choice in choices.items():
        network = open_chosen(choice, run)
        deconvnet = Deconvnet(network.model)
        views = open_views(given, run, network.frame)
        layers = deconvnet.layers[:2]
        folder = run.folder if settings.mined is None else Path(settings.mined)
        mined = mined_once(folder / f"mined_{name}.npz", deconvnet, views, layers, k=1, run=run)
        if not run.world.first:
            continue
        first, second = NETWORKS[name]
        panels.append(filter_panel(first, deconvnet, mined))
        if second is not None:
            panels.append(projection_panel(second, deconvnet, mined, views, maps=settings.maps, seed=settings.seed))
        run.note(**{name: choice.source}, data=views.source.fingerprint)
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
    return panel(letter, layer, mined, pictures=weights, weights=weights)


def projection_panel(
    letter: str, deconvnet: Deconvnet, mined: Mined, views: CentreViews, maps: int, seed: int
) -> Panel:
    """The strongest activation of each of some maps of the second layer, projected."""
    layer = deconvnet.layers[1]
    chosen = draw_maps(maps, len(mined[layer].value), seed)
    units = torch.cat([mined[layer].units(number)[:1] for number in chosen])
    pictures = picture_units(deconvnet, layer, units, views.fetch, views.frame.grey).projection
    return panel(letter, layer, mined, pictures=pictures, weights=weights_of(deconvnet, layer))


def panel(letter: str, layer: str, mined: Mined, *, pictures: np.ndarray, weights: np.ndarray) -> Panel:
    dead, maps = len(mined[layer].dead), len(mined[layer].value)
    return Panel(
        letter=letter, pictures=pictures, dead=dead, maps=maps, images=mined.images, bands=band_shares(pictures),
        ratio=largest_over_median(weights),
    )  # fmt: skip


def weights_of(deconvnet: Deconvnet, layer: str) -> np.ndarray:
    weight = deconvnet.model.get_parameter(f"{layer}.weight")
    return weight.detach().float().cpu().numpy()
