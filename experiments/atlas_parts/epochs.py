"""How the maps came to it: their strongest places at epochs of the training, from its checkpoints or its own arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.atlas_parts.settings import LayerPlan, Settings
from experiments.atlas_parts.survey import Survey, survey
from experiments.common.job import Run
from zfnet.analysis.atlas import DiskArrays, Peaks, own_correlations
from zfnet.analysis.evolution import FOLDER, load_moments
from zfnet.mining import CentreViews, Mined
from zfnet.network import network_of
from zfnet.pages.atlas import NATIVE_PX, Site, Tiles, projection_tiles, resized
from zfnet.training import load_checkpoint


@dataclass(frozen=True, kw_only=True)
class Frames:
    """E epochs of some maps of a layer. maps (m,); value, label (m, E); alike (m, E) the correlation of a map's peaks
    with its peaks at the end, or None. tiles: of the map at a place of `maps` rows (E, h, w, 3), its projection and,
    with photographs, its patch; none where the numbers alone are told, as of fully connected layers.
    """

    epochs: list[int]
    maps: NDArray[np.int64]
    value: NDArray[np.floating]
    label: NDArray[np.int64]
    alike: NDArray[np.floating] | None
    tiles: Callable[[int], list[Tiles]]
    rows: int


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """What is kept of the survey of an epoch: not its network, of which there may be seventy."""

    mined: Mined
    peaks: Peaks
    arrays: DiskArrays
    drawn: frozenset[int]


def _kept(one: Survey) -> Epoch:
    drawn = frozenset(plan.number for plan in one.plans if plan.places)
    return Epoch(mined=one.mined, peaks=one.peaks, arrays=one.arrays, drawn=drawn)


def write_epochs(found: Survey, site: Site, checkpoint: str | None, settings: Settings, run: Run) -> list[int]:
    """The time sliders' files; returns the epochs, none where the network's run has kept nothing of them."""
    if checkpoint is None or not Path(checkpoint).is_file() or settings.time == "none":
        return []
    trained = Path(checkpoint).parent.parent
    paths = sorted((trained / "checkpoints").glob("epoch-[0-9]*.pt"))
    if settings.time == "checkpoints" or (settings.time == "auto" and len(paths) > 1):
        return _from_checkpoints(found, site, checkpoint, paths, settings, run)
    if any((trained / FOLDER).glob("epoch-*.npz")) and run.world.first:
        return _from_evolution(found, site, trained / FOLDER, settings)
    return []


def _from_checkpoints(
    found: Survey, site: Site, checkpoint: str, paths: Sequence[Path], settings: Settings, run: Run
) -> list[int]:
    """A survey of the network of each epoch, with one place of each map; of the atlas's own epoch there is one."""
    few = replace(
        settings,
        top=1,
        whole_top=1,
        rules=[],
        optimised=0,
        draw_hidden=False,
        layers=[plan.name for plan in found.plans],
    )
    own = _epoch_of(load_checkpoint(Path(checkpoint)))
    by_epoch = {} if own is None else {own: _kept(found)}
    for path in paths:
        content = load_checkpoint(path)
        epoch = _epoch_of(content)
        if epoch is None or epoch in by_epoch:
            continue
        network = network_of(content, path).to(run.world.device)
        views = CentreViews(
            found.views.source, network.frame, found.views.batch_size, rank=run.world.rank,
            world_size=run.world.size, device=run.world.device, workers=found.views.workers,
        )  # fmt: skip
        if run.world.first:
            print(f"epoch {epoch}")
        folder = found.arrays.folder.parent / f"epoch-{epoch:04d}"
        by_epoch[epoch] = _kept(survey(network, views, few, folder, run))
    for plan in found.plans[run.world.rank :: run.world.size]:
        _write(site, plan, _of_epochs(found, dict(sorted(by_epoch.items())), plan))
    return sorted(by_epoch)


def _epoch_of(content: Mapping[str, Any]) -> int | None:
    """How many epochs a checkpoint has seen; None where it was taken in the middle of one, or does not say."""
    position = content.get("trainer", {}).get("position", {})
    return int(position["epoch"]) if "epoch" in position and not position.get("batch") else None


def _of_epochs(found: Survey, by_epoch: Mapping[int, Epoch], plan: LayerPlan) -> Frames:
    start, surveys = f"{plan.number:03d}", list(by_epoch.values())
    tops = [one.mined[plan.name] for one in surveys]
    image = np.stack([top.image[:, 0].numpy() for top in tops], 1)
    labels = np.where(image >= 0, found.views.source.labels[np.maximum(image, 0)], -1)
    last = found.peaks.of(plan.name)
    names = [f"{start}/{row}" for row in ("projection", "patch") if f"{start}/{row}" in found.arrays]
    if not all(plan.number in one.drawn for one in surveys):
        names = []
    return Frames(
        epochs=list(by_epoch), maps=np.arange(plan.maps), label=labels,
        value=np.stack([top.value[:, 0].numpy() for top in tops], 1),
        alike=np.stack([own_correlations(one.peaks.of(plan.name), last) for one in surveys], 1),
        tiles=lambda at: [np.stack([one.arrays[name][at, 0] for one in surveys]) for name in names], rows=len(names),
    )  # fmt: skip


def _from_evolution(found: Survey, site: Site, folder: Path, settings: Settings) -> list[int]:
    moments = [moment for moment in load_moments(folder) if moment.layers]
    epochs = [moment.epoch for moment in moments]
    for plan in found.plans:
        kept = [moment.layers[plan.name] for moment in moments if plan.name in moment.layers]
        if len(kept) != len(moments) or not kept:
            continue
        drawn = [[projection_tiles(one.projection, plan.tile, settings.gain) for one in kept]]
        if settings.photographs:
            drawn.append([resized(one.patch, plan.tile) for one in kept])
        rows = [np.stack(row, 1) for row in drawn]  # (m, E, h, w, 3)
        _write(site, plan, Frames(
            epochs=epochs, maps=kept[0].maps, value=np.stack([one.value_now for one in kept], 1),
            label=np.stack([one.label for one in kept], 1), alike=None,
            tiles=partial(_at, rows), rows=len(rows),
        ))  # fmt: skip
    return epochs


def _at(rows: list[Tiles], at: int) -> list[Tiles]:
    return [row[at] for row in rows]


def _write(site: Site, plan: LayerPlan, frames: Frames) -> None:
    site.data(f"time-{plan.number:03d}", {
        "epochs": frames.epochs, "maps": frames.maps, "value": frames.value, "label": frames.label,
        "alike": frames.alike, "rows": frames.rows,
    })  # fmt: skip
    for at, number in enumerate(frames.maps.tolist() if frames.rows else ()):
        name = f"e-{plan.number:03d}-{number:04d}"
        site.strip(name, frames.tiles(at), lossless=max(plan.tile) <= NATIVE_PX)
