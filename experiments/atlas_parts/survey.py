"""All that is computed of one network over one set of images: mined, its peaks kept, its strongest places drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from experiments.atlas_parts.settings import (
    LayerPlan,
    Settings,
    check_same,
    fingerprint_of,
    images_at_once,
    plan_layers,
)
from experiments.common.job import Run
from experiments.common.mining import mined_once
from zfnet.analysis.atlas import (
    AT_ONCE,
    DiskArrays,
    Drawn,
    Origin,
    Peaks,
    Work,
    contributions,
    draw_units,
    focus_of,
    inputs_of,
    origins_of,
    places,
)
from zfnet.deconv import Deconvnet, NoReverseRule
from zfnet.mining import CentreViews, Mined
from zfnet.network import Network
from zfnet.pages.atlas import projection_tiles, resized
from zfnet.progress import track
from zfnet.training import share_of


@dataclass(frozen=True, kw_only=True)
class Survey:
    """arrays: of layer number n "n/projection", "n/patch" (maps, places, *tile, 3), "n/RULE" (maps, *tile, 3),
    "n/focus" (maps, places, 2) and "n/wiring" (maps, places, channels below). notes: what was left out, and why.
    """

    network: Network
    deconvnet: Deconvnet
    views: CentreViews
    plans: list[LayerPlan]
    mined: Mined
    peaks: Peaks
    arrays: DiskArrays
    origins: dict[str, Origin]
    notes: list[str]


def survey(network: Network, views: CentreViews, settings: Settings, folder: Path, run: Run) -> Survey:
    """Everything, or what is still missing of it in the folder, by all processes together.

    Raises ValueError where the folder was begun for something else, and NoReverseRule where the first rule has no
    answer.
    """
    deconvnet = Deconvnet(network.model, settings.rule)
    plans = plan_layers(deconvnet, network, settings)
    names = [plan.name for plan in plans]
    arrays = DiskArrays(folder / "arrays")
    read = origins_of(network.model, names)
    if run.world.first:
        check_same(folder, fingerprint_of(plans, network, views, settings))
        for plan in plans:
            _create(arrays, plan, read[plan.name], settings)
    peaks = Peaks(arrays, names)
    if run.world.first:
        peaks.create({plan.name: plan.maps for plan in plans}, len(views.source))
    run.world.wait()
    path, batches = folder / "mined.npz", copy(views)
    batches.batch_size = images_at_once(plans, views.batch_size, copies=1)
    mined = mined_once(path, deconvnet, batches, names, k=settings.top, run=run, watch=peaks.add)
    found = Survey(
        network=network, deconvnet=deconvnet, views=views, plans=plans, mined=mined, peaks=peaks, arrays=arrays,
        origins=read, notes=[],
    )  # fmt: skip
    _draw_strongest(found, settings, run)
    for rule in dict.fromkeys(rule for plan in plans for rule in plan.rules):
        _draw_rule(found, rule, settings, run)
    run.world.wait()
    return found


def _create(arrays: DiskArrays, plan: LayerPlan, origin: Origin, settings: Settings) -> None:
    grid, start = (plan.maps, plan.places), f"{plan.number:03d}"
    if plan.places == 0:
        return
    arrays.create(f"{start}/projection", (*grid, *plan.tile, 3), np.uint8, 128)
    if plan.field is not None and settings.photographs:
        arrays.create(f"{start}/patch", (*grid, *plan.tile, 3), np.uint8)
    arrays.create(f"{start}/focus", (*grid, 2), np.int16)
    arrays.create(f"{start}/done", grid, np.uint8)
    for rule in plan.rules:
        arrays.create(f"{start}/{rule}", (plan.maps, *plan.tile, 3), np.uint8, 128)
        arrays.create(f"{start}/{rule}-done", (plan.maps, 1), np.uint8)
    if origin.layers and settings.draw_hidden:
        arrays.create(f"{start}/wiring", (*grid, len(origin.source)), np.float32)


def work_of(
    found: Survey, run: Run, done: str, at_once: int, most: int | None = None, rule: str | None = None
) -> list[Work]:
    """This process's share: the places in its blocks of at_once images that any lies in, and which are not done."""
    asked = []
    for plan in found.plans:
        if plan.places == 0 or (rule is not None and rule not in plan.rules):
            continue
        top = found.mined[plan.name]
        units, rank = places(
            {name: getattr(top, name).numpy() for name in ("image", "row", "column")}, most or plan.places
        )
        missing = torch.from_numpy(found.arrays[f"{plan.number:03d}/{done}"][units[:, 1], rank] == 0)
        asked.append((plan.name, units, rank, missing))
    images = torch.cat([units[:, 0] for _, units, _, _ in asked]).unique().tolist() if asked else []
    of_process = torch.tensor(share_of(images, at_once, run.world), dtype=torch.int64)
    parts = []
    for name, units, rank, missing in asked:
        own = torch.isin(units[:, 0], of_process)
        parts.append(Work(layer=name, units=units[own], rank=rank[own], missing=missing[own]))
    return parts


def _bar(work: Sequence[Work], what: str, run: Run, at_once: int) -> Iterator[None]:
    """A bar over batches of images, a step each time that it is asked."""
    images = len(torch.cat([one.units[:, 0] for one in work]).unique()) if work else 0
    batches = range(-(-images // at_once))
    yield from (None for _ in track(batches, what, unit="batch", enabled=run.world.first))


def _draw_strongest(found: Survey, settings: Settings, run: Run) -> None:
    plans = {plan.name: plan for plan in found.plans}
    wiring = _Wiring(found) if settings.draw_hidden else None
    at_once = images_at_once(found.plans, AT_ONCE, copies=2)  # the record's, and what the layers read
    work = work_of(found, run, "done", at_once)
    progress = _bar(work, "projecting", run, at_once)
    for drawn in draw_units(found.deconvnet, work, found.views.fetch, found.views.frame.grey, progress, at_once):
        plan, at = plans[drawn.layer], (drawn.maps, drawn.rank)
        start = f"{plan.number:03d}"
        found.arrays[f"{start}/projection"][at] = projection_tiles(drawn.projection, plan.tile, settings.gain)
        if f"{start}/patch" in found.arrays:
            found.arrays[f"{start}/patch"][at] = resized(drawn.patch, plan.tile)
        found.arrays[f"{start}/focus"][at] = focus_of(drawn.projection, drawn.corner)
        if wiring is not None and found.origins[drawn.layer].layers:
            found.arrays[f"{start}/wiring"][at] = wiring.of(drawn).cpu().numpy()
        found.arrays[f"{start}/done"][at] = 1
    for _ in islice(progress, 1):
        pass


def _draw_rule(found: Survey, rule: str, settings: Settings, run: Run) -> None:
    """Each map's strongest place under another rule; where that has no answer for the network, it is noted why."""
    plans = {plan.name: plan for plan in found.plans}
    at_once = images_at_once(found.plans, AT_ONCE, copies=2)
    work = work_of(found, run, f"{rule}-done", at_once, 1, rule)
    progress = _bar(work, f"the same, {rule}", run, at_once)
    other = Deconvnet(found.network.model, rule)
    try:
        for drawn in draw_units(other, work, found.views.fetch, found.views.frame.grey, progress, at_once):
            plan = plans[drawn.layer]
            tiles = projection_tiles(drawn.projection, plan.tile, settings.gain)
            found.arrays[f"{plan.number:03d}/{rule}"][drawn.maps] = tiles
            found.arrays[f"{plan.number:03d}/{rule}-done"][drawn.maps] = 1
    except NoReverseRule as refusal:
        found.notes.append(f"Projections under the {rule} rule were left out: {refusal}.")


class _Wiring:
    """What each unit's channels below contribute, of one batch of images at a time."""

    def __init__(self, found: Survey) -> None:
        self._model, self._origins = found.network.model, found.origins
        self._modules = [layer for layer, one in found.origins.items() if one.layers]
        self._of: Tensor | None = None
        self._inputs: dict[str, Tensor] = {}

    def of(self, drawn: Drawn) -> Tensor:
        if self._of is not drawn.inputs:
            self._of, self._inputs = drawn.inputs, inputs_of(self._model, drawn.inputs, self._modules)
        module = self._model.get_submodule(drawn.layer)
        assert isinstance(module, nn.Conv2d | nn.Linear)
        channels = len(self._origins[drawn.layer].source)
        return contributions(module, self._inputs[drawn.layer], drawn.units, channels)
