"""How the maps came to it: their strongest places at epochs of the training, from its checkpoints or its own arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.atlas_parts.settings import LayerPlan, Settings
from experiments.atlas_parts.survey import Survey, survey
from experiments.common.job import Run
from zfnet.analysis.atlas import own_correlations
from zfnet.analysis.evolution import FOLDER, load_moments
from zfnet.mining import CentreViews
from zfnet.network import network_of
from zfnet.pages.atlas import NATIVE_PX, Site, projection_tiles, resized
from zfnet.training import load_checkpoint


@dataclass(frozen=True, kw_only=True)
class Frames:
    """E epochs of some maps of a layer. maps (m,); value, label (m, E); alike (m, E) the correlation of a map's peaks
    with its peaks at the end, or None; rows of tiles (m, E, h, w, 3): projection and, with photographs, patch; without
    any the numbers alone are told, as of fully connected layers.
    """

    epochs: list[int]
    maps: NDArray[np.int64]
    value: NDArray[np.floating]
    label: NDArray[np.int64]
    alike: NDArray[np.floating] | None
    projection: NDArray[np.uint8] | None
    patch: NDArray[np.uint8] | None


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
    few = replace(settings, top=1, whole_top=1, rules=[], draw_hidden=False, layers=[plan.name for plan in found.plans])
    own = _epoch_of(load_checkpoint(Path(checkpoint)))
    by_epoch = {} if own is None else {own: found}
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
        by_epoch[epoch] = survey(network, views, few, folder, run)
    epochs = sorted(by_epoch)
    surveys = [by_epoch[epoch] for epoch in epochs]
    for plan in found.plans if run.world.first else ():
        _write(site, plan, _stacked(found, surveys, plan, epochs, settings))
    return epochs


def _epoch_of(content: Mapping[str, Any]) -> int | None:
    """How many epochs a checkpoint has seen; None where it was taken in the middle of one, or does not say."""
    position = content.get("trainer", {}).get("position", {})
    return int(position["epoch"]) if "epoch" in position and not position.get("batch") else None


def _stacked(
    found: Survey, surveys: Sequence[Survey], plan: LayerPlan, epochs: list[int], settings: Settings
) -> Frames:
    start = f"{plan.number:03d}"
    tops = [one.mined[plan.name] for one in surveys]
    image = np.stack([top.image[:, 0].numpy() for top in tops], 1)
    labels = np.where(image >= 0, found.views.source.labels[np.maximum(image, 0)], -1)
    last = found.peaks.of(plan.name)
    is_drawn = all(one.plans[plan.number].places for one in surveys)
    has_patch = f"{start}/patch" in found.arrays
    return Frames(
        epochs=epochs, maps=np.arange(plan.maps), value=np.stack([top.value[:, 0].numpy() for top in tops], 1),
        label=labels, alike=np.stack([own_correlations(one.peaks.of(plan.name), last) for one in surveys], 1),
        projection=_column(surveys, f"{start}/projection") if is_drawn else None,
        patch=_column(surveys, f"{start}/patch") if has_patch else None,
    )  # fmt: skip


def _column(surveys: Sequence[Survey], name: str) -> NDArray[np.uint8]:
    return np.stack([np.asarray(one.arrays[name][:, 0]) for one in surveys], 1)


def _from_evolution(found: Survey, site: Site, folder: Path, settings: Settings) -> list[int]:
    moments = [moment for moment in load_moments(folder) if moment.layers]
    epochs = [moment.epoch for moment in moments]
    for plan in found.plans:
        kept = [moment.layers[plan.name] for moment in moments if plan.name in moment.layers]
        if len(kept) != len(moments) or not kept:
            continue
        patches = np.stack([resized(one.patch, plan.tile) for one in kept], 1)
        _write(site, plan, Frames(
            epochs=epochs, maps=kept[0].maps, value=np.stack([one.value_now for one in kept], 1),
            label=np.stack([one.label for one in kept], 1), alike=None,
            projection=np.stack([projection_tiles(one.projection, plan.tile, settings.gain) for one in kept], 1),
            patch=patches if settings.photographs else None,
        ))  # fmt: skip
    return epochs


def _write(site: Site, plan: LayerPlan, frames: Frames) -> None:
    numbers: dict[str, Any] = {
        "epochs": frames.epochs, "maps": frames.maps, "value": frames.value, "label": frames.label,
        "alike": frames.alike, "rows": sum(one is not None for one in (frames.projection, frames.patch)),
    }  # fmt: skip
    site.data(f"time-{plan.number:03d}", numbers)
    if frames.projection is None:
        return
    for at, number in enumerate(frames.maps.tolist()):
        rows = [frames.projection[at], *([] if frames.patch is None else [frames.patch[at]])]
        site.strip(f"e-{plan.number:03d}-{number:04d}", rows, lossless=max(plan.tile) <= NATIVE_PX)
