"""Fig. 2 of any network: python experiments/fig2_features.py checkpoint=... data=... (or images=FOLDER)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig, ListConfig
from torch.utils.tensorboard import SummaryWriter

from experiments.common.images import CentreViews, open_views
from experiments.common.job import Run, start
from experiments.common.mining import mined_once
from experiments.common.network import opened
from experiments.common.values import several
from zfnet.analysis.features import convolutions, picture_units
from zfnet.deconv import Deconvnet, TopUnits
from zfnet.figures import style
from zfnet.figures.fig2 import fig2_pages
from zfnet.figures.fig2_saved import ImageClasses, LayerFeatures, load_features, save_features
from zfnet.figures.gains import check_gain
from zfnet.progress import track
from zfnet.training import Network


def features(config: DictConfig, run: Run) -> None:
    """Mine, project, save the arrays and draw; or draw again from saved arrays."""
    check_gain(config.gain)
    if config.redraw is None:
        computed = compute(config, run)
        if not run.world.first:
            return
        save_features(run.folder / "fig2.npz", *computed)
    else:
        computed = load_features(config.redraw)
    draw(*computed, config.columns, config.gain, run.folder)


def compute(config: DictConfig, run: Run) -> tuple[list[LayerFeatures], ImageClasses]:
    """The arrays of the figure, empty in all processes but the first, and the classes of the images.

    Raises ValueError without a network, and for images, layers or maps that are not there.
    """
    if config.checkpoint is None:
        raise ValueError("give checkpoint=FILE or checkpoint=torchvision:NAME, or redraw=FILE.npz")
    network = opened(config, run)
    network.model.to(run.world.device).to(memory_format=run.hardware.memory_format())
    deconvnet = Deconvnet(network.model, config.rule)
    views = open_views(config, run, network.frame)
    layers = convolutions(deconvnet) if config.layers is None else several(config.layers)
    path = run.folder / "mined.npz" if config.mined is None else Path(config.mined)
    mined = mined_once(path, deconvnet, views, layers, config.top, run)
    if not run.world.first:
        return [], ImageClasses()
    run.note(checkpoint=str(config.checkpoint), data=views.source.fingerprint, images=mined.images, mined=str(path))
    pictured = []
    for layer in track(layers, "projecting", unit="layer"):
        chosen = choose(config.maps, len(mined[layer].value), config.seed)
        pictured.append(picture_layer(
            deconvnet, layer, mined[layer], maps=chosen, k=config.top, views=views, network=network,
        ))  # fmt: skip
    labels, names = views.source.labels, list(views.source.names)
    return pictured, ImageClasses(names=names, images=np.bincount(labels[labels >= 0], minlength=len(names)))


def choose(maps: int | ListConfig, count: int, seed: int) -> NDArray[np.int64]:
    """The maps to show: so many drawn by the seed, in order, or those listed. Raises ValueError for one not there."""
    if isinstance(maps, int):
        return np.sort(np.random.default_rng(seed).choice(count, min(maps, count), replace=False))
    listed = np.array(maps, np.int64)
    if len(listed) == 0 or listed.min() < 0 or listed.max() >= count:
        raise ValueError(f"maps={list(maps)}, expected some of 0 to {count - 1}")
    return listed


def picture_layer(
    deconvnet: Deconvnet, layer: str, top: TopUnits, *, maps: NDArray[np.int64], k: int, views: CentreViews,
    network: Network,
) -> LayerFeatures:  # fmt: skip
    """Project the k strongest places of the maps and cut their patches."""
    found = {name: getattr(top, name)[maps, :k].numpy() for name in ("value", "image", "row", "column")}
    there = found["image"] >= 0
    units = torch.cat([top.units(number)[:k] for number in maps.tolist()])
    pictures = picture_units(deconvnet, layer, units, views.fetch, views.grey())

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


def draw(layers: Sequence[LayerFeatures], classes: ImageClasses, columns: int, gain: str, folder: Path) -> None:
    """The figure of all layers, on as many pages as it needs, and, where there are several, one of each."""
    with SummaryWriter(str(folder / "tensorboard")) as writer:
        for name, figure in fig2_pages(layers, classes, columns=columns, gain=gain):
            print(f"drawn: {style.save(figure, folder, name)}")
            writer.add_image(name, style.pixels(figure), dataformats="HWC")


if __name__ == "__main__":
    start(features, "fig2_features")
