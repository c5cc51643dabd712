"""The pages of a few images: what the strongest maps of each layer see in them, what hiding each place does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from experiments.atlas_parts.settings import Settings
from experiments.atlas_parts.survey import Survey
from experiments.common.job import Run
from zfnet.analysis.atlas import Work, draw_units
from zfnet.analysis.occlusion import Occlusion, occlude
from zfnet.data import SeenImages, classes_of
from zfnet.pages.atlas import SHOWN_TILE_PX, Site, heat_colours, projection_tiles
from zfnet.progress import track

GUESSES = 5
TILE = (SHOWN_TILE_PX, SHOWN_TILE_PX)
Tiles = NDArray[np.uint8]


def write_shown(found: Survey, site: Site, shown: Sequence[int], settings: Settings, run: Run) -> None:
    """A page for each of the images; those that are there already are left alone."""
    own = shown[run.world.rank :: run.world.size]
    for number in track(own, "pages of images", unit="image", enabled=run.world.first):
        if not (site.partial / "data" / f"image-{number:06d}.js").exists():
            _write(found, site, number, settings)


@torch.no_grad()
def _write(found: Survey, site: Site, number: int, settings: Settings) -> None:
    seen = found.views.fetch([number])
    scores = found.network.model(seen.inputs)
    probability = scores.softmax(1)[0] if scores.ndim == 2 else torch.zeros(0)
    guesses = probability.topk(min(GUESSES, len(probability)))
    prediction = [
        [_name(found, one), p] for one, p in zip(guesses.indices.tolist(), guesses.values.tolist(), strict=True)
    ]
    label = int(found.views.source.labels[number])
    target = classes_of(found.views.source, found.network)[label] if label >= 0 else None
    if target is None and prediction:
        target = int(guesses.indices[0])
    about: dict[str, Any] = {"number": number, "label": label, "prediction": prediction, "layers": []}
    heat = None
    if target is not None and len(probability) > 1:
        found_heat = _occluded(found, seen.inputs[0], target, settings)
        heat = heat_colours(found_heat.probability.numpy())
        about["heat"] = {
            "target": _name(found, target), "clean": float(found_heat.clean_probability), "size": found_heat.size_px,
            "rows": found_heat.rows, "columns": found_heat.columns, "least": float(found_heat.probability.min()),
        }  # fmt: skip
    layers, tiles = _strongest(found, seen, settings)
    site.shown_image(number, {**about, "layers": layers}, tiles, heat)


def _name(found: Survey, number: int) -> str:
    return found.network.names[number] if number < len(found.network.names) else f"class {number}"


def _occluded(found: Survey, image: Tensor, target: int, settings: Settings) -> Occlusion:
    size_px = found.network.frame.size_px
    square = max(1, size_px * 3 // 14) if settings.square_px is None else settings.square_px  # 48 of 224
    stride = max(1, size_px // 9) if settings.stride_px is None else settings.stride_px
    return occlude(found.network.model, image, target, size_px=square, stride_px=stride)


def _strongest(found: Survey, seen: SeenImages, settings: Settings) -> tuple[list[dict[str, Any]], list[Tiles]]:
    """Of each layer the maps that answer most, as parts of the most that each answered to any image."""
    answers = found.deconvnet.activations(seen.inputs, [plan.name for plan in found.plans])
    work, lines = [], dict[str, list[list[float]]]()
    for plan in found.plans:
        maps = answers[plan.name][0].cpu().reshape(plan.maps, -1)
        value, place = maps.max(1)
        most = found.mined[plan.name].value[:, 0]
        relative = torch.where(most > 0, value / most.clamp(min=1e-12), torch.zeros(()))
        chosen = relative.argsort(descending=True, stable=True)[: settings.shown_maps]
        chosen = chosen[value[chosen] > 0]
        width = plan.shape[2] if len(plan.shape) == 3 else 1
        units = torch.stack([torch.zeros_like(chosen), chosen, place[chosen] // width, place[chosen] % width], 1)
        work.append(Work(layer=plan.name, units=units, rank=torch.arange(len(chosen))))
        lines[plan.name] = [[one, float(value[one]), float(relative[one])] for one in chosen.tolist()]
    tiles = {plan.name: np.full((settings.shown_maps, *TILE, 3), 128, np.uint8) for plan in found.plans}
    for drawn in draw_units(found.deconvnet, work, lambda numbers: seen, found.views.frame.grey):
        tiles[drawn.layer][drawn.rank] = projection_tiles(drawn.projection, TILE, settings.gain)
        for rank, corner in zip(drawn.rank.tolist(), drawn.corner.tolist(), strict=True):
            lines[drawn.layer][rank] += corner
    return [{"layer": plan.number, "maps": lines[plan.name]} for plan in found.plans], list(tiles.values())
