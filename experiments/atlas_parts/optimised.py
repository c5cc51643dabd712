"""Images made for maps by gradient ascent: a fourth thing to look at, of as many maps as the options allow."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
import torch
from numpy.typing import NDArray

from experiments.atlas_parts.settings import LayerPlan, Settings
from experiments.atlas_parts.survey import Survey
from experiments.common.job import Run
from zfnet.analysis import maximise
from zfnet.forward import cut_windows
from zfnet.pages.atlas import Site, Tiles, resized
from zfnet.progress import track

BLOCK = 8  # maps at once, whatever the number of processes: they share the noise that they begin with


def write_optimised(found: Survey, site: Site, settings: Settings, run: Run) -> None:
    """The files of the strongest maps of each layer, each process its blocks. What has none is noted."""
    chosen = {plan.number: strongest_maps(found, plan, settings.optimised) for plan in found.plans}
    refused: list[str] = []
    if run.world.first:
        for plan in found.plans:
            _create(found, plan, len(chosen[plan.number]))
    run.world.wait()
    blocks = [(plan, at) for plan in found.plans for at in range(0, len(chosen[plan.number]), BLOCK)]
    for plan, at in track(
        blocks[run.world.rank :: run.world.size], "optimising", unit="block", enabled=run.world.first and bool(blocks)
    ):
        try:
            _optimise(found, plan, chosen[plan.number], at, settings)
        except ValueError as refusal:  # a layer that runs twice, or has no filters
            refused.append(f"Optimised images of {plan.name} were left out: {refusal}.")
    found.notes.extend(dict.fromkeys(chain.from_iterable(run.world.gather(refused))))
    for plan in found.plans if run.world.first else ():
        _write(found, site, plan, chosen[plan.number])


def strongest_maps(found: Survey, plan: LayerPlan, count: int) -> NDArray[np.int64]:
    """Those of a layer's maps that answered most strongly of all, dead ones left out, the strongest first."""
    value = found.mined[plan.name].value[:, 0].numpy()
    order = np.argsort(-value, kind="stable")[:count]
    return order[value[order] > 0]


def _create(found: Survey, plan: LayerPlan, count: int) -> None:
    if count:
        start = f"{plan.number:03d}/optimised"
        found.arrays.create(start, (count, *plan.tile, 3), np.uint8, 128)
        found.arrays.create(f"{start}-value", (count, 2), np.float32, np.nan)  # of the noise, and of the image


def _optimise(found: Survey, plan: LayerPlan, maps: NDArray[np.int64], at: int, settings: Settings) -> None:
    own, start = slice(at, at + BLOCK), f"{plan.number:03d}/optimised"
    if not np.isnan(found.arrays[f"{start}-value"][own]).any():
        return
    made = maximise(
        found.network.model, plan.name, maps[own].tolist(), found.views.frame, steps=settings.optimised_steps, seed=at,
        progress=False,
    )  # fmt: skip
    found.arrays[start][own] = resized(_seen(found, plan, made.pixels), plan.tile)
    found.arrays[f"{start}-value"][own] = np.stack([made.start.numpy(), made.value.numpy()], 1)


def _seen(found: Survey, plan: LayerPlan, pixels: torch.Tensor) -> Tiles:
    """What the place in the middle of a map sees of images (n, 3, H, W): (n, h, w, 3)."""
    if plan.field is not None and len(plan.shape) == 3:
        ground = torch.tensor(found.views.frame.grey, dtype=torch.int16)[:, None, None]
        middle = torch.tensor([[size // 2 for size in plan.shape[1:]]]).expand(len(pixels), -1)
        corners = plan.field.corners(middle)
        windows = cut_windows(pixels.to(torch.int16) - ground, torch.arange(len(pixels)), corners, plan.field.size_px)
        pixels = (windows + ground).to(torch.uint8)
    return pixels.permute(0, 2, 3, 1).contiguous().numpy()


def _write(found: Survey, site: Site, plan: LayerPlan, maps: Sequence[int] | NDArray[np.int64]) -> None:
    if not len(maps):
        return
    start = f"{plan.number:03d}/optimised"
    value, tiles = found.arrays[f"{start}-value"], found.arrays[start]
    made = [at for at in range(len(maps)) if not np.isnan(value[at]).any()]
    for at in made:
        site.optimised(plan.number, int(maps[at]), tiles[at])
    if made:
        numbers = {"maps": [int(maps[at]) for at in made], "start": value[made, 0], "value": value[made, 1]}
        site.data(f"optimised-{plan.number:03d}", numbers)
