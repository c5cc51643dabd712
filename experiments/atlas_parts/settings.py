"""What conf/atlas.yaml says of the layers, the pictures and the pages, and which layers are shown how."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

import torch
from torch import nn

from experiments.common.config import check_least, list_or_none
from experiments.common.network import check_compared
from zfnet.data import frame_fingerprint
from zfnet.deconv import Deconvnet
from zfnet.files import write_text
from zfnet.forward import Field, fields_of, network_table
from zfnet.mining import CentreViews
from zfnet.models import channels_of, weights_fingerprint
from zfnet.network import Network
from zfnet.pages.atlas import tile_size

FORMAT = 3
FEW_UNITS = 128
MAPS_BYTES = 256 * 2**20  # of all layers' maps at once, so that memory does not grow with their number


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The options of the job. draw_hidden: whether fully connected layers below the scores are drawn at all.

    Raises ValueError for numbers that are too small.
    """

    layers: str | list[str] | None
    top: int
    whole_top: int
    rule: str
    rules: list[str]
    gain: str
    tile_px: int
    photographs: bool
    shown: int
    shown_maps: int
    square_px: int | None
    stride_px: int | None
    time: str
    compare: str | None
    compare_weights: str | None
    optimised: int
    optimised_steps: int
    draw_hidden: bool = True

    def __post_init__(self) -> None:
        check_least(self, top=1, whole_top=1, tile_px=1, shown=0, shown_maps=1, square_px=1, stride_px=1)
        check_least(self, optimised=0, optimised_steps=1)
        check_compared(self.compare, self.compare_weights)
        if self.time not in TIMES:
            raise ValueError(f"time={self.time} is not one of {', '.join(TIMES)}")


DRAWN = (  # what files that are there already were made with
    "top", "rule", "gain", "tile_px", "photographs", "shown", "shown_maps", "square_px", "stride_px", "time",
    "optimised", "optimised_steps",
)  # fmt: skip
TIMES = ("auto", "checkpoints", "evolution", "none")


@dataclass(frozen=True, kw_only=True)
class LayerPlan:
    """A layer as the atlas shows it: field None where units see the whole image; places: drawn of each map.

    rules: those beside the first under which each map's strongest place is drawn.
    """

    number: int
    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    field: Field | None
    places: int
    tile: tuple[int, int]
    rules: tuple[str, ...]

    @property
    def maps(self) -> int:
        return self.shape[0]


def plan_layers(deconvnet: Deconvnet, network: Network, settings: Settings) -> list[LayerPlan]:
    """Every layer with filters, or those asked for, from the pixels up. Raises ValueError for one that is not there."""
    size_px = network.frame.size_px
    asked = list_or_none(settings.layers)
    names = list(deconvnet.layers if asked is None else asked)
    blank = torch.zeros(1, channels_of(network.model), size_px, size_px)
    sizes = deconvnet.record(blank, None if asked is None else names).sizes
    names = [name for name in names if name in sizes and len(sizes[name]) in (1, 3)]
    rows = {row.name: row for row in network_table(network.model, size_px)}
    modules = dict(network.model.named_modules(remove_duplicate=False))
    plans, fields = [], fields_of(deconvnet.model, names)
    for number, name in enumerate(names):
        field = fields[name]
        whole = field is None or max(field.size_px) > size_px
        hidden = isinstance(modules.get(name), nn.Linear) and number < len(names) - 1
        plans.append(LayerPlan(
            number=number, name=name, kind=type(modules[name]).__name__ if name in modules else "", shape=sizes[name],
            parameters=rows[name].parameters if name in rows else 0, field=None if whole else field,
            places=_places(sizes[name], settings) if settings.draw_hidden or not hidden else 0,
            tile=tile_size(*((size_px, size_px) if whole or field is None else field.size_px), settings.tile_px),
            rules=() if hidden else tuple(rule for rule in settings.rules if rule != settings.rule),
        ))  # fmt: skip
    return plans


def _places(shape: tuple[int, ...], settings: Settings) -> int:
    """How many places of each map are drawn: a fully connected unit costs a whole pass down, and they are many."""
    return settings.top if len(shape) == 3 or shape[0] <= FEW_UNITS else min(settings.whole_top, settings.top)


def images_at_once(plans: Sequence[LayerPlan], most: int, *, copies: int) -> int:
    """How many images, `most` at most, whose maps of all layers, so many times over, fit in MAPS_BYTES."""
    image_bytes = 4 * copies * sum(prod(plan.shape) for plan in plans)
    return max(1, min(most, MAPS_BYTES // max(image_bytes, 1)))


def fingerprint_of(plans: Sequence[LayerPlan], network: Network, views: CentreViews, settings: Settings) -> str:
    """What identifies the pictures and numbers of an atlas."""
    about = [
        FORMAT, weights_fingerprint(network.model), views.source.fingerprint, frame_fingerprint(network.frame),
        {name: getattr(settings, name) for name in DRAWN},
        [(plan.name, plan.shape, plan.places, plan.tile, plan.rules) for plan in plans],
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(about, default=str).encode()).hexdigest()[:16]


def check_same(folder: Path, fingerprint: str) -> None:
    """Note what a folder's work is of. Raises ValueError where it was begun for something else."""
    path, own = folder / "plan.json", {"fingerprint": fingerprint, "format": FORMAT}
    held = json.loads(path.read_text()) if path.is_file() else own
    if held != own:
        by = (
            f"for another network, data or options (its plan is {held.get('fingerprint')}, this one's {fingerprint})"
            if held.get("format") == FORMAT
            else "by an earlier version"
        )
        raise ValueError(f"{folder} was begun {by}: give another run_dir, or remove it to begin anew")
    write_text(path, json.dumps(own) + "\n")
