"""The questions of an audit: which tasks they are made of, and what was found, method by method."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from experiments.audit_parts.sample import Sample
from experiments.audit_parts.settings import Settings
from experiments.audit_parts.tasks import (
    CASCADE,
    FLOORS,
    SENSITIVITY,
    TRAINING,
    Asked,
    Drawing,
    Likeness,
    Made,
    Removal,
    Switches,
    Task,
    answered,
    drawn,
    found_in,
    pictures_of,
)
from zfnet.analysis.audit import (
    CLASS,
    COSTLY,
    LAYER,
    PLAIN_ORDERS,
    UNIT,
    Finding,
    Pictures,
    Targets,
    localisation,
)
from zfnet.training import Piece

LIKENESS = (CASCADE, SENSITIVITY, TRAINING)  # of which any wants FLOORS

Dealt = Callable[[str, Sequence[Any], Callable[[Any], Piece]], list[Piece]]


def ask(asked: Asked, dealt: Dealt, *, join: bool) -> list[Finding]:
    """Every finding of the questions that were asked; none in a process that is not the one to join them.

    dealt: has tasks done, by all processes together, under a name: each method's pictures of each kind of targets; then
    what is asked of them and of switches. The longest come first.
    """
    drawings = [
        Drawing(at, method)
        for at, targets in enumerate(asked.targets) if _needs_pictures(targets, asked.sample, asked.settings)
        for method in asked.settings.methods
    ]  # fmt: skip
    first = sorted(drawings, key=lambda one: one.method not in COSTLY)
    pieces = dict(zip(first, dealt("drawing pictures", first, partial(drawn, asked)), strict=True))
    made = {drawing: pictures_of(pieces[drawing]) for drawing in drawings}
    tasks = sorted(_tasks(asked, made), key=_shorter)
    found = dict(zip(tasks, dealt("auditing", tasks, partial(answered, asked, made)), strict=True))
    if not join:
        return []
    return list(_in_order(asked, made, found))


def _tasks(asked: Asked, made: Made) -> Iterator[Task]:
    wanted = asked.settings.questions
    if "switches" in wanted:
        yield from (Switches(kind) for kind in (UNIT, LAYER))
    of_pictures = [question for question in LIKENESS if question in wanted]
    for drawing in made:
        yield from (Likeness(drawing, question) for question in (FLOORS, *of_pictures) if of_pictures)
    for at in range(len(asked.targets)):
        yield from _removals(at, _of_targets(at, made), asked.settings)


def _shorter(task: Task) -> int:
    """The more, the less work: of switches most, then of costly methods; of the others' single questions least."""
    if isinstance(task, Switches):
        return 0
    if isinstance(task, Removal):
        return 3
    return 1 if task.drawing.method in COSTLY else 2 if task.question == CASCADE else 4


def _in_order(asked: Asked, made: Made, found: Mapping[Task, Piece]) -> Iterator[Finding]:
    """By targets and method, then by what took pixels away, where pictures should lie, and switches."""
    for at, targets in enumerate(asked.targets):
        own = _of_targets(at, made)
        tasks: list[Task] = [
            Likeness(Drawing(at, method), question) for method in own for question in (FLOORS, *LIKENESS)
        ]
        for task in (*tasks, *_removals(at, own, asked.settings)):
            yield from found_in(found[task]) if task in found else ()
        if targets.kind == CLASS and "localisation" in asked.settings.questions and asked.sample.truths is not None:
            yield from _localisation(asked.sample, targets, own)
    for task in found:
        yield from found_in(found[task]) if isinstance(task, Switches) else ()


def _of_targets(at: int, made: Made) -> dict[str, Pictures]:
    """Each method's pictures of the targets of this number."""
    return {drawing.method: pictures for drawing, pictures in made.items() if drawing.at == at}


def _removals(at: int, made: Mapping[str, Pictures], settings: Settings) -> list[Removal]:
    """Every method and way; the plain orders with the methods that are not costly, if there are any: of most images."""
    found: list[Removal] = []
    for number, group in enumerate(_groups(made) if "faithfulness" in settings.questions else []):
        count = len(next(iter(group.values())).values)
        orders = [*group, *(PLAIN_ORDERS if number == 0 else ())]
        found += [Removal(at, order, count, way) for order in orders for way in settings.ways]
    return found


def _needs_pictures(targets: Targets, sample: Sample, settings: Settings) -> bool:
    """Whether a question is asked that wants each method's pictures of these targets."""
    asked = set(settings.questions) - {"switches"}
    if targets.kind != CLASS or sample.truths is None:
        asked -= {"localisation"}
    return bool(asked)


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
