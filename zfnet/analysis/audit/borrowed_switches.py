"""How much of a deconvnet's picture is the switches' doing. Mahendran and Vedaldi 2016, 10.1007/978-3-319-46466-4_8."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from zfnet.analysis.audit.findings import Finding, findings
from zfnet.analysis.audit.methods import Pictures
from zfnet.analysis.audit.picture_likeness import MEASURES, likeness
from zfnet.analysis.audit.random_weights import drawn_anew, layers_below
from zfnet.analysis.audit.targets import LAYER, UNIT, Targets, map_count
from zfnet.deconv import Deconvnet
from zfnet.forward import Record

AT_ONCE = 16  # images
Make = Callable[[Deconvnet, Record, slice], Tensor]  # pictures (n, 3, H, W) of some images


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A layer on images (B, 3, H, W), a unit of it on each, and a neighbour (B,) whose switches and seeds are lent."""

    model: nn.Module
    images: Tensor
    targets: Targets
    seed: int

    def parts(self) -> list[slice]:
        """Slices of the images; each image borrows from the next of its slice."""
        edges = list(range(0, len(self.images), AT_ONCE))
        if len(edges) > 1 and len(self.images) - edges[-1] == 1:  # nobody to borrow from
            edges.pop()
        return [slice(first, last) for first, last in zip(edges, [*edges[1:], len(self.images)], strict=True)]

    def draw(self, make: Make, model: nn.Module | None = None) -> Pictures:
        """Pictures of all images, or why there are none."""
        deconvnet, made = Deconvnet(self.model if model is None else model), list[Tensor]()
        for part in self.parts():
            try:
                record = deconvnet.record(self.images[part], [self.targets.layer])
                made.append(make(deconvnet, record, part).float())
            except ValueError as error:
                nothing = torch.zeros(len(self.images), 3, *self.images.shape[2:])
                return Pictures(values=nothing, signed=False, refused=str(error))
        return Pictures(values=torch.cat(made), signed=False)

    def generator(self) -> torch.Generator:
        return torch.Generator().manual_seed(self.seed)


def switch_question(
    model: nn.Module, images: Tensor, targets: Targets, *, seed: int, kinds: Sequence[str] = (UNIT, LAYER)
) -> list[Finding]:
    """A unit and its whole layer, projected with other switches or other seeds: how alike to the true picture each is.

    kinds: UNIT, LAYER or both; their findings do not depend on each other. Raises ValueError for others, and for a
    single image.

    Conditions, of both: "another image's switches", "random switches", "random weights" (the image's own switches in a
    network drawn anew) and, as the floor, "another image". Of a unit: "another map". Of a layer: "another image's
    seeds", "maps shuffled", "constant seed". "due to switches" is the share that `share_of_switches` tells.
    """
    if unknown := set(kinds) - {UNIT, LAYER}:
        raise ValueError(f"kinds={sorted(unknown)}: expected {UNIT}, {LAYER} or both")
    if len(images) < 2:
        raise ValueError(f"{len(images)} image: expected two or more, to lend each other their switches")
    asked = Asked(model=model, images=images, targets=targets, seed=seed)
    fresh = drawn_anew(model, layers_below(model, images, targets.layer), seed)
    return [*(_of_unit(asked, fresh) if UNIT in kinds else ()), *(_of_layer(asked, fresh) if LAYER in kinds else ())]


def next_ones(count: int) -> list[int]:
    """The image after each, and the first after the last."""
    return [(number + 1) % count for number in range(count)]


def _unit(exchange: Callable[[Record], Record], targets: Targets) -> Make:
    def make(deconvnet: Deconvnet, record: Record, part: slice) -> Tensor:
        return deconvnet.project(exchange(record), targets.layer, targets.part(part).units, scale=1.0)

    return make


def _layer(exchange: Callable[[Record], Record], layer: str, seeds: Callable[[Tensor], Tensor]) -> Make:
    def make(deconvnet: Deconvnet, record: Record, part: slice) -> Tensor:
        return deconvnet.project_maps(exchange(record), layer, seeds=seeds(record.maps[layer]))

    return make


def _exchanges(asked: Asked) -> dict[str, Callable[[Record], Record]]:
    generator = asked.generator()
    return {
        "another image's switches": lambda record: record.with_switches_of(record, next_ones(record.batch)),
        "random switches": lambda record: record.with_random_switches(generator),
    }


def _of_unit(asked: Asked, fresh: nn.Module) -> list[Finding]:
    targets, boxes = asked.targets, asked.targets.boxes(*asked.images.shape[2:])
    own = asked.draw(_unit(lambda record: record, targets))
    others = {name: asked.draw(_unit(how, targets)) for name, how in _exchanges(asked).items()}
    plain = _unit(lambda record: record, targets)
    others["random weights"] = asked.draw(plain, fresh)
    others["another map"] = asked.draw(_unit(lambda record: record, _other_map(targets, asked)))
    found: list[Finding] = []
    for name, pictures in others.items():
        found += findings(
            "switches",
            targets,
            "deconvnet",
            name,
            dict(likeness(own, pictures, boxes)),
            pictures=_first_refused(own, pictures),
        )
    return found


def _other_map(targets: Targets, asked: Asked) -> Targets:
    count = map_count(asked.model, asked.images, targets)
    step = torch.randint(1, max(count, 2), (len(targets),), generator=asked.generator())
    return targets.with_maps((targets.units[:, 1] + step) % count)


def _of_layer(asked: Asked, fresh: nn.Module) -> list[Finding]:
    layer, targets = asked.targets.layer, replace(asked.targets, kind=LAYER, field=None)
    boxes = targets.boxes(*asked.images.shape[2:])
    same, of_next = (lambda record: record), (lambda maps: maps.roll(-1, 0))
    exchanges, generator = _exchanges(asked), asked.generator()
    own = asked.draw(_layer(same, layer, lambda maps: maps))
    others = {name: asked.draw(_layer(how, layer, lambda maps: maps)) for name, how in exchanges.items()}
    others["another image's seeds"] = asked.draw(_layer(same, layer, of_next))
    others["maps shuffled"] = asked.draw(
        _layer(same, layer, lambda maps: maps[:, torch.randperm(maps.shape[1], generator=generator)])
    )
    others["constant seed"] = asked.draw(_layer(same, layer, torch.ones_like))
    others["random weights"] = asked.draw(_layer(same, layer, lambda maps: maps), fresh)
    others["another image"] = asked.draw(_layer(exchanges["another image's switches"], layer, of_next))
    alike = {name: likeness(own, pictures, boxes) for name, pictures in others.items()}
    found: list[Finding] = []
    for name, pictures in others.items():
        found += findings(
            "switches", targets, "deconvnet", name, dict(alike[name]), pictures=_first_refused(own, pictures)
        )
    names = ("another image's seeds", "another image's switches", "another image")
    shares = {measure: share_of_switches(*(alike[name][measure] for name in names)) for measure in MEASURES}
    return found + findings("switches", targets, "deconvnet", "due to switches", shares, pictures=own)


def share_of_switches(
    same_switches: NDArray[np.float64], same_seeds: NDArray[np.float64], neither: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The share of what ties a picture to its image that comes with the switches, of each image (n,): 0 to 1.

    same_switches: likeness of the true picture to one with its switches and another's seeds; same_seeds: with its seeds
    and another's switches; neither: to the other image's own. Each beyond the last counts; nan where nothing does.
    """
    by_switches, by_seeds = ((one - neither).clip(min=0) for one in (same_switches, same_seeds))
    both = by_switches + by_seeds
    share: NDArray[np.float64] = np.divide(by_switches, both, out=np.full_like(both, np.nan), where=both > 0)
    return share


def _first_refused(own: Pictures, other: Pictures) -> Pictures:
    return own if own.refused else other
