"""What an audit's questions are made of: tasks that any process can take, each with a piece of arrays as its answer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from experiments.audit_parts.sample import Sample
from experiments.audit_parts.settings import Settings
from zfnet.analysis.audit import (
    CLASS,
    COSTLY,
    Finding,
    Intact,
    Pictures,
    Targets,
    cascade,
    class_targets,
    faithfulness,
    floors,
    from_plain,
    make_pictures,
    sensitivity,
    strongest_units,
    switch_question,
    training_matters,
    whole_network,
)
from zfnet.training import Piece

FLOORS, CASCADE, SENSITIVITY, TRAINING = "floors", "cascade", "sensitivity", "training"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What an audit is about. others: networks of other trainings, by what is told of them."""

    model: nn.Module
    sample: Sample
    layer: str
    settings: Settings
    others: Mapping[str, nn.Module]

    @cached_property
    def targets(self) -> tuple[Targets, ...]:
        """What the pictures are of: the class, or the strongest unit of the layer, of every image; as was asked."""
        makes = [class_targets if kind == CLASS else strongest_units for kind in self.settings.targets]
        return tuple(make(self.model, self.sample.inputs, self.layer) for make in makes)


@dataclass(frozen=True)
class Drawing:
    """A method's pictures of the targets of number `at`; with COSTLY methods of fewer images."""

    at: int
    method: str

    def pictures(self, asked: Asked) -> Pictures:
        some = self.sample(asked)
        return make_pictures(self.method, asked.model, some.inputs, asked.targets[self.at].part(slice(len(some.paths))))

    def sample(self, asked: Asked) -> Sample:
        """The images that it is of."""
        return asked.sample.first(asked.settings.costly_count) if self.method in COSTLY else asked.sample


Made = Mapping[Drawing, Pictures]


@dataclass(frozen=True)
class Likeness:
    """What changes a method's pictures: one question of them."""

    drawing: Drawing
    question: str

    def __call__(self, asked: Asked, made: Made) -> Iterable[Finding]:
        some, method, seed = self.drawing.sample(asked), self.drawing.method, asked.settings.seed
        own = Intact(
            model=asked.model, images=some.inputs, targets=asked.targets[self.drawing.at].part(slice(len(some.paths))),
            method=method, pictures=made[self.drawing],
        )  # fmt: skip
        if self.question == FLOORS:
            return floors(own)
        if self.question == CASCADE:
            return cascade(own, stages=1 if method in COSTLY else asked.settings.stages, seed=seed)
        if self.question == SENSITIVITY:
            return sensitivity(own, seed=seed)
        return self._of_trainings(own, asked)

    def _of_trainings(self, own: Intact, asked: Asked) -> Iterator[Finding]:
        yield from training_matters(own, whole_network(own, [asked.settings.seed + 1]))
        if own.targets.kind == CLASS:  # a unit's number means nothing in a network that was trained apart
            yield from training_matters(own, asked.others)


@dataclass(frozen=True)
class Removal:
    """Taking away the pixels of the first `count` images, one way, in one order.

    at: the number of the kind of targets. order: a method, whose pictures say which pixels go first, or one of
    PLAIN_ORDERS.
    """

    at: int
    order: str
    count: int
    way: str

    def __call__(self, asked: Asked, made: Made) -> Iterable[Finding]:
        drawing = Drawing(self.at, self.order)
        own = {self.order: made[drawing]} if drawing in made else {}
        return faithfulness(
            asked.model, asked.sample.inputs[: self.count], asked.targets[self.at].part(slice(self.count)), own,
            seed=asked.settings.seed, ways=(self.way,), floors=() if own else (self.order,),
        )  # fmt: skip


@dataclass(frozen=True)
class Switches:
    """What switches are worth, of a unit or of its whole layer."""

    kind: str

    def __call__(self, asked: Asked, made: Made) -> Iterable[Finding]:
        units = strongest_units(asked.model, asked.sample.inputs, asked.layer)
        return switch_question(asked.model, asked.sample.inputs, units, seed=asked.settings.seed, kinds=(self.kind,))


Task = Likeness | Removal | Switches


def drawn(asked: Asked, drawing: Drawing) -> Piece:
    """Pictures as a piece, which `pictures_of` reads."""
    pictures = drawing.pictures(asked)
    return {
        "values": pictures.values.numpy(), "signed": np.array(pictures.signed), "refused": np.array(pictures.refused)
    }  # fmt: skip


def pictures_of(piece: Piece) -> Pictures:
    """What `drawn` left."""
    return Pictures(
        values=torch.from_numpy(piece["values"]), signed=bool(piece["signed"]), refused=str(piece["refused"])
    )


def answered(asked: Asked, made: Made, task: Task) -> dict[str, NDArray[Any]]:
    """A task's findings as a piece, which `found_in` reads."""
    return {"found": np.array(json.dumps([one.plain() for one in task(asked, made)]))}


def found_in(piece: Piece) -> Sequence[Finding]:
    """What `answered` left."""
    return from_plain(json.loads(str(piece["found"])))
