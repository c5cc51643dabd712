"""Fig. 2 of any network: python experiments/fig2_features.py checkpoint=... data=... (or images=FOLDER)."""

from __future__ import annotations

from experiments.common.job import Run, start

if __name__ == "__main__":
    start("experiments.fig2_features:features")

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig

from experiments.common.config import as_list, pick
from experiments.common.images import ImagesChoice, open_views
from experiments.common.mining import mined_once
from experiments.common.network import NetworkChoice, open_chosen
from experiments.common.publish import publish
from zfnet.analysis import draw_maps, filters_of, maximise, picture_units, seen_by_the_middle, spread_of_convolutions
from zfnet.deconv import Deconvnet
from zfnet.figures.drawing.gains import check_gain
from zfnet.figures.fig2 import fig2_pages
from zfnet.figures.fig2_saved import ImageClasses, LayerFeatures, load_features, save_features
from zfnet.mining import CentreViews, TopUnits
from zfnet.network import Network
from zfnet.progress import track


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What conf/fig2_features.yaml says of the layers, the maps and the figure."""

    layers: str | list[str] | None
    maps: int | list[int]
    top: int
    optimise_steps: int
    rule: str
    mined: str | None
    columns: int
    gain: str
    seed: int


def features(config: DictConfig, run: Run) -> None:
    """Mine, project, save the arrays and draw; or draw again from saved arrays."""
    settings = pick(Settings, config)
    check_gain(settings.gain)
    if config.redraw is None:
        computed = compute(pick(NetworkChoice, config), pick(ImagesChoice, config), settings, run)
        if not run.world.first:
            return
        save_features(run.folder / "fig2.npz", *computed)
    else:
        computed = load_features(config.redraw)
    publish(dict(fig2_pages(*computed, columns=settings.columns, gain=settings.gain)), run.folder)


def compute(
    choice: NetworkChoice, given: ImagesChoice, settings: Settings, run: Run
) -> tuple[list[LayerFeatures], ImageClasses]:
    """The arrays of the figure, empty in all processes but the first, and the classes of the images.

    Raises ValueError without a network, and for images, layers or maps that are not there.
    """
    network = open_chosen(choice, run)
    deconvnet = Deconvnet(network.model, settings.rule)
    views = open_views(given, run, network.frame)
    layers = spread_of_convolutions(deconvnet) if settings.layers is None else as_list(settings.layers)
    path = run.folder / "mined.npz" if settings.mined is None else Path(settings.mined)
    if settings.optimise_steps:
        for layer in layers:
            filters_of(network.model, layer)
    mined = mined_once(path, deconvnet, views, layers, k=settings.top, run=run)
    if not run.world.first:
        return [], ImageClasses()
    run.note(checkpoint=choice.source, data=views.source.fingerprint, images=mined.images, mined=str(path))
    pictured = []
    for layer in track(layers, "projecting", unit="layer"):
        chosen = np.array(draw_maps(settings.maps, len(mined[layer].value), settings.seed), np.int64)
        one = picture_layer(deconvnet, layer, mined[layer], maps=chosen, k=settings.top, views=views, network=network)
        pictured.append(optimised(one, deconvnet, network, settings) if settings.optimise_steps else one)
    labels, names = views.source.labels, list(views.source.names)
    return pictured, ImageClasses(names=names, images=np.bincount(labels[labels >= 0], minlength=len(names)))


def picture_layer(
    deconvnet: Deconvnet, layer: str, top: TopUnits, *, maps: NDArray[np.int64], k: int, views: CentreViews,
    network: Network,
) -> LayerFeatures:  # fmt: skip
    """Project the k strongest places of the maps and cut their patches."""
    found = {name: getattr(top, name)[maps, :k].numpy() for name in ("value", "image", "row", "column")}
    there = found["image"] >= 0
    units = torch.cat([top.units(number)[:k] for number in maps.tolist()])
    pictures = picture_units(deconvnet, layer, units, views.fetch, views.frame.grey)

    def full(values: NDArray[Any]) -> NDArray[Any]:
        whole = np.zeros((*there.shape, *values.shape[1:]), values.dtype)
        whole[there] = values
        return whole

    label = np.where(there, views.source.labels[found["image"]], -1)
    names = network.names if top.scores else [""] * len(top.value)
    return LayerFeatures(
        layer=layer, maps=maps, **found, label=label, projection=full(pictures.projection), patch=full(pictures.patch),
        corner=full(pictures.corner), map_name=np.array([names[number] for number in maps], np.str_),
    )  # fmt: skip


def optimised(one: LayerFeatures, deconvnet: Deconvnet, network: Network, settings: Settings) -> LayerFeatures:
    """With an image for each map that makes it strong, cut to what a place sees."""
    steps, seed = settings.optimise_steps, settings.seed
    found = maximise(deconvnet.model, one.layer, one.maps.tolist(), network.frame, steps=steps, seed=seed)
    return replace(one, optimised=seen_by_the_middle(found, deconvnet))
