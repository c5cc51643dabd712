"""The questions of an audit, asked one after the other, method by method."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

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
    intact,
    localisation,
    sensitivity,
    strongest_units,
    switch_question,
    training_matters,
    whole_network,
)
from zfnet.progress import Progress

LIKENESS = ("cascade", "sensitivity", "training")


def ask(model: nn.Module, sample: Sample, layer: str, settings: Settings, others: Mapping[str, nn.Module],
        progress: Progress) -> Iterator[Finding]:  # fmt: skip
    """Every finding of the questions that were asked.

    others: networks of other trainings, by what is told of them. progress counts a method and target each.
    """
    for kind in settings.targets:
        targets = (class_targets if kind == CLASS else strongest_units)(model, sample.inputs, layer)
        made: dict[str, Pictures] = {}
        for method in settings.methods if _needs_pictures(targets, sample, settings) else ():
            some = sample.first(settings.costly_count) if method in COSTLY else sample
            own = intact(model, some.inputs, targets.part(slice(0, len(some.paths))), method)
            made[method] = own.pictures
            yield from _likeness(own, settings, others)
            progress.advance(method=method, target=targets.kind)
        yield from _faithfulness(model, sample, targets, made, settings)
        if targets.kind == CLASS and "localisation" in settings.questions and sample.truths is not None:
            yield from _localisation(sample, targets, made)
    if "switches" in settings.questions:
        yield from switch_question(
            model, sample.inputs, strongest_units(model, sample.inputs, layer), seed=settings.seed
        )


def _needs_pictures(targets: Targets, sample: Sample, settings: Settings) -> bool:
    """Whether a question is asked that wants each method's pictures of these targets."""
    asked = set(settings.questions) - {"switches"}
    if targets.kind != CLASS or sample.truths is None:
        asked -= {"localisation"}
    return bool(asked)


def count_of(settings: Settings) -> int:
    """How much `ask` counts."""
    return len(settings.targets) * len(settings.methods)


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


def _groups(made: Mapping[str, Pictures]) -> Iterator[dict[str, Pictures]]:
    """Methods with pictures of as many images."""
    for costly in (False, True):
        group = {name: pictures for name, pictures in made.items() if (name in COSTLY) == costly}
        if group:
            yield group


def _faithfulness(
    model: nn.Module, sample: Sample, targets: Targets, made: Mapping[str, Pictures], settings: Settings
) -> Iterator[Finding]:
    if "faithfulness" not in settings.questions:
        return
    for number, group in enumerate(_groups(made)):
        count = len(next(iter(group.values())).values)
        floors = ("random", "centre") if number == 0 else ()  # of most images
        yield from faithfulness(
            model, sample.inputs[:count], targets.part(slice(0, count)), group,
            seed=settings.seed, ways=settings.ways, floors=floors,
        )  # fmt: skip


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
