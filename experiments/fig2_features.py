"""Fig. 2 of any network: python experiments/fig2_features.py checkpoint=... data=... (or images=FOLDER)."""

from __future__ import annotations

from experiments.common.job import Run, start

if __name__ == "__main__":
    start("experiments.fig2_features:features")

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig

from experiments.common.config import as_list, check_least, pick
from experiments.common.images import ImagesChoice, open_views
from experiments.common.mining import digest_of, mined_once
from experiments.common.network import NetworkChoice, open_chosen
from experiments.common.pieces import dealt
from experiments.common.publish import publish
from zfnet.analysis import draw_maps, filters_of, maximise, picture_units, seen_by_the_middle, spread_of_convolutions
from zfnet.deconv import Deconvnet
from zfnet.figures.drawing.gains import check_gain
from zfnet.figures.fig2 import fig2_pages
from zfnet.figures.fig2_saved import ARRAYS, ImageClasses, LayerFeatures, load_features, save_features
from zfnet.mining import CentreViews, TopUnits
from zfnet.network import Network
from zfnet.training import Piece, blocks_of

SAVED = "fig2.npz"
MAPS_AT_ONCE = 8  # of a layer: what a process does at a time, and keeps


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

    def __post_init__(self) -> None:
        check_least(self, top=1, optimise_steps=0, columns=1)


def features(config: DictConfig, run: Run) -> None:
    """Mine, project, save the arrays and draw; or draw again from saved arrays."""
    settings = pick(Settings, config)
    check_gain(settings.gain)
    if config.redraw is None:
        computed = compute(pick(NetworkChoice, config), pick(ImagesChoice, config), settings, run)
        if run.world.first:
            save_features(run.folder / SAVED, *computed)
        run.world.wait()
    saved = load_features(config.redraw or run.folder / SAVED)
    pages = dict(fig2_pages(*saved, columns=settings.columns, gain=settings.gain))  # none drawn yet
    publish(pages, run.folder, world=run.world)


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
    run.note(checkpoint=choice.source, data=views.source.fingerprint, images=mined.images, mined=str(path))
    chosen = {layer: draw_maps(settings.maps, len(mined[layer].value), settings.seed) for layer in layers}

    def work(task: tuple[str, list[int]]) -> Piece:
        layer, maps = task[0], np.array(task[1], np.int64)
        one = picture_layer(deconvnet, layer, mined[layer], maps=maps, k=settings.top, views=views, network=network)
        return {name: array for name in ARRAYS if (array := getattr(one, name)) is not None}

    blocks = [(layer, maps) for layer in layers for maps in blocks_of(chosen[layer], MAPS_AT_ONCE)]
    of = (settings, views.source.fingerprint, [(layer, digest_of(mined[layer])) for layer in layers])
    pieces = dealt("projecting", blocks[::-1], work, of=of, network=network, run=run)[::-1]  # deep ones take longest
    made = _optimised(chosen, deconvnet, settings, of=of, network=network, run=run)
    if not run.world.first:
        return [], ImageClasses()
    pictured = [
        _joined(layer, [piece for (own, _), piece in zip(blocks, pieces, strict=True) if own == layer], more)
        for layer, more in zip(layers, made, strict=True)
    ]
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


def _joined(layer: str, pieces: Sequence[Piece], more: Piece) -> LayerFeatures:
    arrays = {name: np.concatenate([piece[name] for piece in pieces]) for name in ARRAYS if name in pieces[0]}
    return LayerFeatures(layer=layer, **{**arrays, **more})


def _optimised(
    chosen: Mapping[str, list[int]], deconvnet: Deconvnet, settings: Settings, *, of: Sequence[object],
    network: Network, run: Run,
) -> Sequence[Piece]:  # fmt: skip
    """By layer, where asked for, an image for each map that makes it strong, cut to what a place sees."""
    if not settings.optimise_steps:
        return [{} for _ in chosen]

    def work(layer: str) -> Piece:
        steps, maps = settings.optimise_steps, chosen[layer]  # of one layer at once: they share their noise
        found = maximise(deconvnet.model, layer, maps, network.frame, steps=steps, seed=settings.seed)
        return {"optimised": seen_by_the_middle(found, deconvnet)}

    return dealt("optimising", list(chosen), work, of=of, network=network, run=run)
