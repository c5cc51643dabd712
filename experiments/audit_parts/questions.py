"""The questions of an audit, asked one after the other, method by method."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
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
    LAYER,
    PLAIN_ORDERS,
    UNIT,
    Finding,
    Intact,
    Pictures,
    Targets,
    cascade,
    class_targets,
    faithfulness,
    floors,
    from_plain,
    intact,
    localisation,
    sensitivity,
    strongest_units,
    switch_question,
    training_matters,
    whole_network,
)
from zfnet.training import Piece

LIKENESS = ("cascade", "sensitivity", "training")
SWITCHES = "switches"


Dealt = Callable[[str, Sequence[Any], Callable[[Any], Piece]], list[Piece]]


@dataclass(frozen=True)
class Removal:
    """A task of taking away the pixels of the first `count` images, one way, in one order.

    at: the number of the kind of targets. order: a method, whose pictures say which pixels go first, or one of
    PLAIN_ORDERS.
    """

    at: int
    order: str
    count: int
    way: str


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


def ask(asked: Asked, dealt: Dealt, *, join: bool) -> list[Finding]:
    """Every finding of the questions that were asked; none in a process that is not the one to join them.

    dealt: has tasks done, by all processes together, under a name: a picture task for each method and target, and what
    switches are worth, the longest first; then the removals of pixels, which want the pictures.
    """
    settings = asked.settings
    switches = [(SWITCHES, kind) for kind in (UNIT, LAYER) if "switches" in settings.questions]
    drawn = [
        (at, method)
        for at, targets in enumerate(asked.targets) if _needs_pictures(targets, asked.sample, settings)
        for method in settings.methods
    ]  # fmt: skip
    first = [*switches, *sorted(drawn, key=lambda task: task[1] not in COSTLY)]
    pieces = dict(zip(first, dealt("auditing", first, partial(_first, asked)), strict=True))
    made: list[dict[str, Pictures]] = [{} for _ in asked.targets]
    for at, method in drawn:
        made[at][method] = _pictures_of(pieces[at, method])
    removals = [task for at, own in enumerate(made) for task in _removals(at, own, settings)]
    taken = dealt("taking pixels away", removals, partial(_taken_away, asked, made))
    found: list[Finding] = []
    if not join:
        return found
    for at, targets in enumerate(asked.targets):
        for task in drawn:
            found += _found(pieces[task]) if task[0] == at else []
        for removal, piece in zip(removals, taken, strict=True):
            found += _found(piece) if removal.at == at else []
        if targets.kind == CLASS and "localisation" in settings.questions and asked.sample.truths is not None:
            found += _localisation(asked.sample, targets, made[at])
    return found + [one for task in switches for one in _found(pieces[task])]


def _first(asked: Asked, task: tuple[int | str, str]) -> Piece:
    """A task that wants nobody's pictures: of targets number `at` and a method, or of switches and what they are of."""
    at, what = task
    return _switches(asked, what) if isinstance(at, str) else _one_method(asked, at, what)


def _one_method(asked: Asked, at: int, method: str) -> Piece:
    """A method's pictures of one kind of targets, and what changes them."""
    some = asked.sample.first(asked.settings.costly_count) if method in COSTLY else asked.sample
    own = intact(asked.model, some.inputs, asked.targets[at].part(slice(0, len(some.paths))), method)
    pictures, found = own.pictures, list(_likeness(own, asked.settings, asked.others))
    return {
        **_told(found), "values": pictures.values.numpy(), "signed": np.array(pictures.signed),
        "refused": np.array(pictures.refused),
    }  # fmt: skip


def _pictures_of(piece: Piece) -> Pictures:
    return Pictures(
        values=torch.from_numpy(piece["values"]), signed=bool(piece["signed"]), refused=str(piece["refused"])
    )


def _removals(at: int, made: Mapping[str, Pictures], settings: Settings) -> list[Removal]:
    """Every method and way; the plain orders with the methods that are not costly, if there are any: of most images."""
    found: list[Removal] = []
    for number, group in enumerate(_groups(made) if "faithfulness" in settings.questions else []):
        count = len(next(iter(group.values())).values)
        orders = [*group, *(PLAIN_ORDERS if number == 0 else ())]
        found += [Removal(at, order, count, way) for order in orders for way in settings.ways]
    return found


def _taken_away(asked: Asked, made: Sequence[Mapping[str, Pictures]], task: Removal) -> Piece:
    """Whether the pixels that a method's pictures call important are."""
    targets = asked.targets[task.at].part(slice(0, task.count))
    own = {name: picture for name, picture in made[task.at].items() if name == task.order}
    return _told(faithfulness(
        asked.model, asked.sample.inputs[:task.count], targets, own, seed=asked.settings.seed, ways=(task.way,),
        floors=() if own else (task.order,),
    ))  # fmt: skip


def _switches(asked: Asked, kind: str) -> Piece:
    """What switches are worth, of a unit or of its whole layer."""
    units = strongest_units(asked.model, asked.sample.inputs, asked.layer)
    return _told(switch_question(asked.model, asked.sample.inputs, units, seed=asked.settings.seed, kinds=(kind,)))


def _told(found: Iterable[Finding]) -> dict[str, NDArray[Any]]:
    return {"found": np.array(json.dumps([one.plain() for one in found]))}


def _found(piece: Piece) -> list[Finding]:
    return from_plain(json.loads(str(piece["found"])))


def _needs_pictures(targets: Targets, sample: Sample, settings: Settings) -> bool:
    """Whether a question is asked that wants each method's pictures of these targets."""
    asked = set(settings.questions) - {"switches"}
    if targets.kind != CLASS or sample.truths is None:
        asked -= {"localisation"}
    return bool(asked)


def _likeness(own: Intact, settings: Settings, others: Mapping[str, nn.Module]) -> Iterator[Finding]:
    if set(LIKENESS) & set(settings.questions):
        yield from floors(own)
    if "cascade" in settings.questions:
        stages = 1 if own.method in COSTLY else settings.stages
        yield from cascade(own, stages=stages, seed=settings.seed)
    if "sensitivity" in settings.questions:
        yield from sensitivity(own, seed=settings.seed)
    if "training" in settings.questions:
        yield from training_matters(own, whole_network(own, [settings.seed + 1]))
        if own.targets.kind == CLASS:  # a unit's number means nothing in a network that was trained apart
            yield from training_matters(own, others)


def _groups(made: Mapping[str, Pictures]) -> list[dict[str, Pictures]]:
    """Methods with pictures of as many images."""
    by_cost = ({name: one for name, one in made.items() if (name in COSTLY) == costly} for costly in (False, True))
    return [group for group in by_cost if group]


def _localisation(sample: Sample, targets: Targets, made: Mapping[str, Pictures]) -> Iterator[Finding]:
    """Of the images that the network takes for what they are."""
    assert sample.truths is not None
    correct = [at for at, own in enumerate(sample.classes) if own == int(targets.units[at, 1])]
    print(f"localisation: {len(correct)} of {len(sample.paths)} images are taken for what they are, and counted")
    size = (sample.inputs.shape[2], sample.inputs.shape[3])
    for number, group in enumerate(_groups(made)):
        count = len(next(iter(group.values())).values)
        chosen = [at for at in correct if at < count]
        if not chosen:
            continue
        pictures = {
            name: Pictures(values=one.values[chosen], signed=one.signed, refused=one.refused)
            for name, one in group.items()
        }
        found = localisation(targets, pictures, [sample.truths[at] for at in chosen], size)
        yield from (one for one in found if number == 0 or one.method in group)
