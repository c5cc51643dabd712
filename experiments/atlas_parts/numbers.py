"""From a survey to the numbers of each layer's pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from experiments.atlas_parts.settings import LayerPlan
from experiments.atlas_parts.survey import Survey
from experiments.common.job import Run
from experiments.common.pieces import dealt
from zfnet.analysis.atlas import DRIVING, HOLDING, MapStatistics, Wires, fed, map_likeness, map_statistics, map_wires
from zfnet.data import box_in_view, upright_size
from zfnet.data.parts_world import Box
from zfnet.pages.atlas import LayerNumbers
from zfnet.training import Piece

BLOCK = 64  # maps whose statistics are read together
PARTS = 3  # kept of a map
Arrays = dict[str, NDArray[Any]]
Boxes = Mapping[int, Sequence[tuple[str, Box]]]  # image -> its parts in the network's view, the smallest first


def peaks_told(found: Survey, run: Run) -> list[Piece]:
    """What each layer's peaks tell, a layer a piece: statistics of each map, and which maps are alike."""
    labels, classes = found.views.source.labels, len(found.views.source.names)

    def of_layer(plan: LayerPlan) -> Piece:
        peaks = found.peaks.of(plan.name)
        parts = [map_statistics(peaks[:, at : at + BLOCK], labels, classes) for at in range(0, plan.maps, BLOCK)]
        return {**_joined(parts), **asdict(map_likeness(peaks))}

    of = (found.views.source.fingerprint, found.mined.images, [plan.name for plan in found.plans])
    return dealt("numbers", found.plans, of_layer, of=of, network=found.network, run=run)


def numbers_of(found: Survey, told: Sequence[Piece], boxes: Boxes) -> list[LayerNumbers]:
    """Layer by layer: statistics, likeness, wires down, wires up, and which parts the projections lie on.

    told: what `peaks_told` gave.
    """
    driven, up = _wired(found)
    labels, made = found.views.source.labels, []
    for plan, of_peaks in zip(found.plans, told, strict=True):
        top = found.mined[plan.name]
        above, above_share = up[plan.name]
        made.append(LayerNumbers(
            **{name: getattr(top, name).numpy() for name in ("value", "image", "row", "column")},
            label=np.where(top.image[:, 0] >= 0, labels[top.image[:, 0].clamp(min=0)], -1),
            corner=_corners(plan, top.row, top.column), focus=np.array(_array(found, plan, "focus"), np.int64),
            **of_peaks, **driven[plan.name], above=above,
            above_share=above_share, **_parts(found, plan, boxes), name=_names(found, plan),
        ))  # fmt: skip
    return made


def parts_boxes(found: Survey, root: Path) -> Boxes:
    """Where the parts of every image that is shown lie, of data with a parts.json; none of other data."""
    from zfnet.data.parts_world import read_parts

    if not (root / "parts.json").is_file():
        return {}
    listed = {str((root / image.path).absolute()): image for image in read_parts(root).images}
    numbers = torch.cat([found.mined[plan.name].image.flatten() for plan in found.plans]).unique().tolist()
    frame, boxes = found.network.frame, {}
    for number in (one for one in numbers if one >= 0):
        path = str(Path(found.views.source.path(number)).absolute())
        if path in listed:
            size = upright_size(path)  # as boxes are
            own = [
                (part.name, box_in_view(part.box, *size, frame.side_px, frame.size_px)) for part in listed[path].parts
            ]
            boxes[number] = sorted(own, key=lambda part: (part[1][2] - part[1][0]) * (part[1][3] - part[1][1]))
    return boxes


def _array(found: Survey, plan: LayerPlan, name: str) -> NDArray[Any]:
    return found.arrays[f"{plan.number:03d}/{name}"]


def _corners(plan: LayerPlan, row: torch.Tensor, column: torch.Tensor) -> NDArray[np.int64]:
    """(M, k, 2)"""
    if plan.field is None:
        return np.zeros((*row.shape, 2), np.int64)
    return plan.field.corners(torch.stack([row, column], -1).reshape(-1, 2)).reshape(*row.shape, 2).numpy()


def _names(found: Survey, plan: LayerPlan) -> NDArray[np.str_]:
    """The classes of class scores."""
    scores = found.mined[plan.name].scores and len(found.network.names) == plan.maps
    return np.array(found.network.names if scores else [], np.str_)


def _joined(parts: Sequence[MapStatistics]) -> Arrays:
    rows = [asdict(part) for part in parts]
    return {
        name: np.array(rows[0][name]) if name == "strongest" else np.concatenate([row[name] for row in rows])
        for name in rows[0]
    }


def _wires_down(found: Survey, plan: LayerPlan) -> Wires | None:
    if not found.origins[plan.name].layers:
        return None
    there = found.mined[plan.name].image[:, : plan.places].numpy() >= 0
    return map_wires(_array(found, plan, "wiring"), there)


def _wired(found: Survey) -> tuple[dict[str, Arrays], dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]]]:
    """What each layer's pages say of the layers below, and the maps above in whose sum its maps have the largest parts.

    The latter (M, D, 2) layer and map, and (M, D). Memory holds the wires of one layer: theirs grow with its maps times
    those below.
    """
    maps = {plan.name: plan.maps for plan in found.plans}
    driven: dict[str, Arrays] = {}
    candidates = {name: [np.full((count, 1, 2), -1)] for name, count in maps.items()}
    parts = {name: [np.zeros((count, 1))] for name, count in maps.items()}
    for plan in found.plans:
        one, origin = _wires_down(found, plan), found.origins[plan.name]
        driven[plan.name] = _driven(found, plan, one)
        for own, below in enumerate(origin.layers if one is not None else ()):
            assert one is not None
            source = np.array([number if layer == own else -1 for layer, number in origin.source])
            above, share = fed(one.part, source, maps[below])
            candidates[below].append(np.stack([np.where(above >= 0, plan.number, -1), above], -1))
            parts[below].append(share)
    up = {}
    for name in maps:
        every, share = np.concatenate(candidates[name], 1), np.concatenate(parts[name], 1)
        first = np.argsort(-share, axis=1, kind="stable")[:, :DRIVING]
        up[name] = np.take_along_axis(every, first[..., None], 1), np.take_along_axis(share, first, 1)
    return driven, up


def _driven(found: Survey, plan: LayerPlan, one: Wires | None) -> Arrays:
    """What a layer's pages say of the layers below."""
    shape = (plan.maps, DRIVING + HOLDING)
    bias = getattr(dict(found.network.model.named_modules()).get(plan.name), "bias", None)
    biases = np.zeros(plan.maps) if bias is None else bias.detach().double().cpu().numpy()
    if one is None:
        nothing = {"given": np.zeros(shape), "given_share": np.zeros(shape), "total": np.zeros(plan.maps)}
        return {"below": np.full((*shape, 2), -1), **nothing, "bias": biases}
    origin = found.origins[plan.name]
    numbers = {other.name: other.number for other in found.plans}
    source = np.array([(numbers[origin.layers[layer]], number) for layer, number in origin.source])
    there, rows = one.strongest >= 0, np.arange(plan.maps)[:, None]
    below = np.where(there[..., None], source[one.strongest], -1)
    given, share = (np.where(there, of[rows, one.strongest], 0) for of in (one.mean, one.part))
    return {"below": below, "given": given, "given_share": share, "total": one.total, "bias": biases}


def _parts(found: Survey, plan: LayerPlan, boxes: Boxes) -> Arrays:
    """On which parts, the smallest box that holds it, the middles of a map's projections lie."""
    names: dict[str, int] = {}
    part, count = np.full((plan.maps, PARTS), -1), np.zeros((plan.maps, PARTS), np.int64)
    images, focus = found.mined[plan.name].image[:, : plan.places].tolist(), _array(found, plan, "focus").tolist()
    for number, (own, middles) in enumerate(zip(images, focus, strict=True)):
        on = Counter(
            name
            for image, (row, column) in zip(own, middles, strict=True)
            if (name := _part_at(boxes.get(image, ()), row, column))
        )
        for at, (name, times) in enumerate(on.most_common(PARTS)):
            part[number, at], count[number, at] = names.setdefault(name, len(names)), times
    return {"part": part, "part_count": count, "part_names": np.array(list(names) or [""], np.str_)}


def _part_at(boxes: Sequence[tuple[str, Box]], row: int, column: int) -> str:
    for name, (left, top, right, bottom) in boxes:
        if left <= column < right and top <= row < bottom:
            return name.replace("_", " ").removeprefix("left ").removeprefix("right ")
    return ""
