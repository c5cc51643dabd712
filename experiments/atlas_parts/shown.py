"""The pages of a few images: what the strongest maps of each layer see in them, what hiding each place does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from experiments.atlas_parts.settings import LayerPlan, Settings, images_at_once
from experiments.atlas_parts.survey import Survey
from experiments.common.job import Run
from zfnet.analysis.atlas import AT_ONCE, Work, draw_units
from zfnet.analysis.occlusion import Occlusion, occlude
from zfnet.data import SeenImages, classes_of
from zfnet.figures.drawing.heat import Squares
from zfnet.pages.atlas import SHOWN_TILE_PX, Site, heat_picture, projection_tiles
from zfnet.progress import Progress

GUESSES = 5
TILE = (SHOWN_TILE_PX, SHOWN_TILE_PX)
Tiles = NDArray[np.uint8]
Line = dict[str, Any]


def write_shown(found: Survey, site: Site, shown: Sequence[int], settings: Settings, run: Run) -> None:
    """A page for each of the images; those that are there already are left alone.

    Several images go down together, always the same ones, so that a run that was stopped writes what it would have.
    """
    own = shown[run.world.rank :: run.world.size]
    at_once = images_at_once(found.plans, AT_ONCE, copies=2)
    with Progress("pages of images", len(own), "image", enabled=run.world.first) as progress:
        for first in range(0, len(own), at_once):
            batch = own[first : first + at_once]
            missing = [not (site.partial / "data" / f"image-{number:06d}.js").exists() for number in batch]
            if any(missing):
                _write(found, site, batch, missing, settings, progress)


@torch.no_grad()
def _write(
    found: Survey, site: Site, batch: Sequence[int], missing: Sequence[bool], settings: Settings, progress: Progress
) -> None:
    seen = found.views.fetch(batch)
    scores = found.network.model(seen.inputs)
    probability = scores.softmax(1).cpu() if scores.ndim == 2 else torch.zeros(len(batch), 0)
    layers, tiles = _strongest(found, seen, settings)
    for at, number in enumerate(batch):
        if missing[at]:
            about, heat = _answered(found, seen.inputs[at], probability[at], number, settings)
            site.shown_image(number, {**about, "layers": layers[at]}, tiles[at], heat)
        progress.advance()


def _answered(
    found: Survey, image: Tensor, probability: Tensor, number: int, settings: Settings
) -> tuple[dict[str, Any], Tiles | None]:
    """What the network says of an image (3, H, W), and the colours (h, w, 3) of what hiding each place does."""
    guesses = probability.topk(min(GUESSES, len(probability)))
    prediction = [
        [_name(found, one), p] for one, p in zip(guesses.indices.tolist(), guesses.values.tolist(), strict=True)
    ]
    label = int(found.views.source.labels[number])
    target = classes_of(found.views.source, found.network)[label] if label >= 0 else None
    if target is None and prediction:
        target = int(guesses.indices[0])
    about: dict[str, Any] = {"number": number, "label": label, "prediction": prediction}
    if target is None or len(probability) < 2:
        return about, None
    hidden = _occluded(found, image, target, settings)
    squares = Squares(rows=hidden.rows.numpy(), columns=hidden.columns.numpy(), size_px=hidden.size_px)
    drawn, box = heat_picture(hidden.probability.numpy(), squares)
    about["heat"] = {
        "target": _name(found, target), "clean": float(hidden.clean_probability), "size": hidden.size_px,
        "box": box, "least": float(hidden.probability.min()),
    }  # fmt: skip
    return about, drawn


def _name(found: Survey, number: int) -> str:
    return found.network.names[number] if number < len(found.network.names) else f"class {number}"


def _occluded(found: Survey, image: Tensor, target: int, settings: Settings) -> Occlusion:
    size_px = found.network.frame.size_px
    square = max(1, size_px * 3 // 14) if settings.square_px is None else settings.square_px  # 48 of 224
    stride = max(1, size_px // 9) if settings.stride_px is None else settings.stride_px
    return occlude(found.network.model, image, target, size_px=square, stride_px=stride)


def _strongest(found: Survey, seen: SeenImages, settings: Settings) -> tuple[list[list[Line]], list[list[Tiles]]]:
    """For each of B images, of each layer the maps that answer most, as parts of the most that each answers anywhere.

    Returns a line a layer, and tiles (maps, h, w, 3) a layer.
    """
    answers = found.deconvnet.activations(seen.inputs, [plan.name for plan in found.plans])
    work, lines = [], dict[str, list[list[list[float]]]]()
    for plan in found.plans:
        maps = answers[plan.name].cpu().flatten(2) if len(plan.shape) == 3 else answers[plan.name].cpu()[:, :, None]
        units, ranks, lines[plan.name] = _units(plan, maps, found.mined[plan.name].value[:, 0], settings.shown_maps)
        work.append(Work(layer=plan.name, units=units, rank=ranks))
    blank = np.full((settings.shown_maps, *TILE, 3), 128, np.uint8)
    tiles = {plan.name: [blank.copy() for _ in seen.inputs] for plan in found.plans}

    def fetch(numbers: Sequence[int]) -> SeenImages:
        return SeenImages(seen.inputs[list(numbers)], seen.pixels[list(numbers)])

    for drawn in draw_units(found.deconvnet, work, fetch, found.views.frame.grey, at_once=len(seen.inputs)):
        pictures = projection_tiles(drawn.projection, TILE, settings.gain)
        for image, rank, corner, picture in zip(
            drawn.image.tolist(), drawn.rank.tolist(), drawn.corner.tolist(), pictures, strict=True
        ):
            tiles[drawn.layer][image][rank] = picture
            lines[drawn.layer][image][rank] += corner
    layers = [
        [{"layer": plan.number, "maps": lines[plan.name][at]} for plan in found.plans] for at in range(len(seen.inputs))
    ]
    return layers, [[tiles[plan.name][at] for plan in found.plans] for at in range(len(seen.inputs))]


def _units(plan: LayerPlan, maps: Tensor, most: Tensor, count: int) -> tuple[Tensor, Tensor, list[list[list[float]]]]:
    """Of maps (B, M, places) the places to be drawn: units (n, 4), their ranks (n,), and for each image its lines.

    most (M,): the most that each map answers to any image. A line: the map, its answer, and that as a part of the most.
    """
    value, place = maps.max(2)  # (B, M)
    relative = torch.where(most > 0, value / most.clamp(min=1e-12), torch.zeros(()))
    width = plan.shape[2] if len(plan.shape) == 3 else 1
    units, ranks, lines = [], [], []
    for image in range(len(maps)):
        chosen = relative[image].argsort(descending=True, stable=True)[:count]
        chosen = chosen[value[image, chosen] > 0]
        at = place[image, chosen]
        units.append(torch.stack([torch.full_like(chosen, image), chosen, at // width, at % width], 1))
        ranks.append(torch.arange(len(chosen)))
        lines.append([[one, float(value[image, one]), float(relative[image, one])] for one in chosen.tolist()])
    return torch.cat(units), torch.cat(ranks), lines
