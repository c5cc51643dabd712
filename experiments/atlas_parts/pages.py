"""From a survey to the files of a site."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from experiments.atlas_parts.settings import LayerPlan
from experiments.atlas_parts.survey import Survey
from experiments.common.job import Run
from zfnet.data import UNREADABLE
from zfnet.pages.atlas import (
    BLOCK,
    CurvePicture,
    LayerAbout,
    LayerNumbers,
    LayerPictures,
    Site,
    curve_picture,
    strip_of,
)
from zfnet.progress import track

READ = 32  # images at once


def about_of(found: Survey, plan: LayerPlan) -> LayerAbout:
    field = plan.field
    return LayerAbout(
        number=plan.number, name=plan.name, kind=plan.kind, shape=plan.shape, parameters=plan.parameters,
        field_px=None if field is None else field.size_px, step_px=None if field is None else field.step_px,
        start_px=None if field is None else field.offset_px, tile=plan.tile, places=plan.places, rules=plan.rules,
        wires=found.origins[plan.name].why, scores=found.mined[plan.name].scores,
    )  # fmt: skip


def pictures_of(found: Survey, plan: LayerPlan) -> LayerPictures:
    start = f"{plan.number:03d}"
    return LayerPictures(
        projection=found.arrays[f"{start}/projection"],
        patch=found.arrays.get(f"{start}/patch"),
        rules={rule: found.arrays[f"{start}/{rule}"] for rule in plan.rules},
        there=found.mined[plan.name].image[:, : plan.places].numpy() >= 0,
    )


def write_pictures(found: Survey, site: Site, run: Run) -> None:
    """The sprites and sheets of every map: each process its blocks."""
    blocks = [
        (plan, range(first, min(first + BLOCK, plan.maps)))
        for plan in found.plans for first in range(0, plan.maps, BLOCK)
    ]  # fmt: skip
    for plan, maps in track(
        blocks[run.world.rank :: run.world.size], "pictures", unit="block", enabled=run.world.first
    ):
        site.layer_pictures(about_of(found, plan), pictures_of(found, plan), maps)


def write_images(found: Survey, site: Site, shown: Sequence[int], run: Run, *, photographs: bool) -> None:
    """Small pictures of all images that a page shows, large ones of those with a page, and what they are called."""
    every = torch.cat([found.mined[plan.name].image.flatten() for plan in found.plans]).unique().tolist()
    numbers = sorted({number for number in every if number >= 0} | set(shown))
    source = found.views.source
    if run.world.first:
        names = {number: "/".join(Path(source.path(number)).parts[-2:]) for number in numbers}
        site.data("images", {number: [int(source.labels[number]), name] for number, name in names.items()})
    own = numbers[run.world.rank :: run.world.size] if photographs else []
    for first in track(range(0, len(own), READ), "images", unit="batch", enabled=run.world.first):
        some = own[first : first + READ]
        for number, pixels in zip(some, found.views.fetch(some).pixels.permute(0, 2, 3, 1).numpy(), strict=True):
            site.thumbnail(number, pixels, large=False)
            if number in shown:
                site.thumbnail(number, pixels, large=True)


def search_of(found: Survey, numbers: Sequence[LayerNumbers]) -> dict[str, Any]:
    """For the search: which maps are the best detectors of a class, and whose projections lie on a part."""
    classes: dict[int, list[list[float]]] = {}
    parts: dict[str, list[list[float]]] = {}
    firsts: dict[int, list[list[int]]] = {}
    for plan, one in zip(found.plans, numbers, strict=True):
        for number in range(plan.maps):
            for label, precision in zip(one.best[number].tolist(), one.precision[number].tolist(), strict=True):
                if label >= 0:
                    classes.setdefault(label, []).append([plan.number, number, precision])
            if one.label[number] >= 0 and one.value[number, 0] > 0:
                firsts.setdefault(int(one.label[number]), []).append([plan.number, number])
            for part, count in zip(one.part[number].tolist(), one.part_count[number].tolist(), strict=True):
                if part >= 0 and count >= max(2, plan.places / 3):
                    parts.setdefault(str(one.part_names[part]), []).append([plan.number, number, count / plan.places])
    return {
        "classes": {label: _best(maps, 24) for label, maps in classes.items()},
        "firsts": {label: [[*place, None] for place in maps[-24:]] for label, maps in firsts.items()},
        "parts": {name: _best(maps, len(maps)) for name, maps in parts.items()},
    }


def strips_of(found: Survey, numbers: Sequence[LayerNumbers], searched: Mapping[str, Any]) -> dict[str, Any]:
    """What the front page shows of the maps: a few of each layer, one to learn reading on, the parts that are known."""
    layers = [
        strip_of(one, scores=found.mined[plan.name].scores) for plan, one in zip(found.plans, numbers, strict=True)
    ]
    parts = sorted(((name, len(maps)) for name, maps in searched["parts"].items()), key=lambda part: -part[1])
    return {"layers": layers, "parts": parts, "example": worked_example(found.plans, numbers)}


def worked_example(plans: Sequence[LayerPlan], numbers: Sequence[LayerNumbers]) -> dict[str, Any] | None:
    """A map to learn reading on, whose fields are no specks: one that tells a class well.

    Where no class is judged, one of a layer in the middle whose places stand out from its other answers.
    """
    candidates = []
    for plan, one in zip(plans, numbers, strict=True):
        if plan.field is None or min(plan.tile) < 16 or plan.places < 4:
            continue
        alive = np.flatnonzero(one.value[:, 0] > 0)
        worth = one.precision[:, 0] if one.precision.any() else how_far_out(one, plan.places)
        alive = alive[one.value[alive, : plan.places].min(1) > 0]  # a place that gives no answer projects to nothing
        if len(alive):
            best = int(alive[worth[alive].argmax()])
            candidates.append((float(worth[best]), plan.number, best))
    middle = [one for one in candidates if len(plans) <= 3 * one[1] <= 2 * len(plans)]
    if not candidates:
        return None
    _, layer, best = max(candidates if not middle or numbers[candidates[0][1]].precision.any() else middle)
    one, places = numbers[layer], int((numbers[layer].image[best] >= 0).sum())
    told = [int(one.best[best, 0]), one.precision[best, 0]] if one.best[best, 0] >= 0 else None
    return {"layer": layer, "map": best, "best": told, "places": min(plans[layer].places, places)}


def how_far_out(one: LayerNumbers, places: int) -> NDArray[np.float64]:
    """(M,) how many deviations of its answers the last of a map's drawn places lies above their mean.

    Of the last one, so that a map which answers to one image alone is no example. The mean and the deviation are read
    from the histogram.
    """
    middles = (np.arange(one.histogram.shape[1]) + 0.5) / one.histogram.shape[1]
    count = np.maximum(one.histogram.sum(1), 1)
    mean = (one.histogram * middles).sum(1) / count
    spread = np.sqrt((one.histogram * (middles - mean[:, None]) ** 2).sum(1) / count)
    last = (one.value[:, :places].min(1) - one.low) / np.maximum(one.high - one.low, 1e-12)
    return np.asarray((last - mean) / np.maximum(spread, 1e-9))


def shown_images(found: Survey, count: int) -> list[int]:
    """Images spread over those that can be read."""
    source = found.views.source
    spread = np.unique(np.linspace(0, len(source) - 1, min(count, len(source))).round().astype(int)).tolist()
    return [number for number in spread if int(source.read([number])[1][0]) != UNREADABLE] if count else []


def training_curves(checkpoint: str | None) -> list[CurvePicture]:
    """Loss and error by epoch, of the run that a checkpoint lies in."""
    path = None if checkpoint is None else Path(checkpoint).parent.parent / "metrics.csv"
    if path is None or not path.is_file():
        return []
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    epochs = [float(row["epoch"]) for row in rows]
    pictures = []
    for title, names in (
        ("loss", {"training": "train_loss", "validation": "val_loss"}),
        ("top-1 error, %", {"training": "train_top1_error", "validation": "val_top1_error"}),
    ):
        scale = 100 if "error" in title else 1
        lines = {
            name: [scale * float(row[key] or "nan") for row in rows] for name, key in names.items() if key in rows[0]
        }
        if len(rows) > 1:
            pictures.append(curve_picture(title, epochs, lines))
    return pictures


def manifest_facts(run: Run, found: Survey, more: Mapping[str, str]) -> dict[str, str]:
    """What the front page says of where its numbers come from."""
    told = {} if run.manifest is None else run.manifest.facts
    command = " ".join(map(str, told.get("command", [])))
    packages, commit = told.get("packages", {}), str(told.get("commit") or "not from a checkout")
    return {
        "command": command, "started": str(told.get("started", "")), "device": str(told.get("device", "")),
        "code": f"{commit[:19]}{', changed since' if told.get('dirty') else ''}",
        "packages": ", ".join(f"{name} {packages[name]}" for name in ("zfnet", "torch", "numpy") if packages.get(name)),
        "data": found.views.source.fingerprint, "processes": str(run.world.size), **more,
    }  # fmt: skip


def _best(maps: Iterable[list[float]], most: int) -> list[list[float]]:
    return sorted(maps, key=lambda one: -one[2])[:most]
