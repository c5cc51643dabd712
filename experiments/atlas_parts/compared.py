"""A second network beside the first: an atlas of its own, and which of their maps answer to the same images."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from experiments.atlas_parts.settings import LayerPlan, Settings
from experiments.atlas_parts.survey import Survey, survey
from experiments.common.images import ImagesChoice, check_side, views_of
from experiments.common.job import Run
from experiments.common.network import NetworkChoice, open_chosen
from zfnet.analysis.atlas import match
from zfnet.pages.atlas import Site

OTHER = "other"


def write_compared(
    found: Survey, site: Site, root: Path, choice: NetworkChoice, given: ImagesChoice, settings: Settings, run: Run,
    write_site: Callable[..., None],
) -> None:  # fmt: skip
    """Survey the other network over the same images, write its atlas into the first one's, and match their maps."""
    other_choice = other_of(choice, settings)
    network = open_chosen(other_choice, run)
    check_side(found.views.source, network.frame)
    views = views_of(found.views.source, run, network.frame, given.batch_size)
    folder = found.arrays.folder.parent / OTHER
    if run.world.first and not folder.exists():
        shutil.rmtree(site.partial / f"{OTHER}.partial", ignore_errors=True)  # pictures of a work that is gone
    other = survey(network, views, settings, folder, run)
    there = Site(site.partial / OTHER)
    write_site(other, there, root, other_choice, settings, run, (choice.title, "../"))
    run.world.wait()
    if not run.world.first:
        return
    pairs = pair_layers(found.plans, other.plans)
    forth, back = [], []
    for one, two in pairs:
        partner, correlation = match(found.peaks.of(one.name), other.peaks.of(two.name))
        forth.append({"here": one.number, "there": two.number, "partner": partner, "alike": correlation})
        partner, correlation = match(other.peaks.of(two.name), found.peaks.of(one.name))
        back.append({"here": two.number, "there": one.number, "partner": partner, "alike": correlation})
    here, elsewhere = choice.title, other_choice.title
    site.data("compared", {"title": here, "other": elsewhere, "at": f"{OTHER}/", "pairs": forth})
    there.data("compared", {"title": elsewhere, "other": here, "at": "../", "pairs": back})
    there.commit()


def other_of(choice: NetworkChoice, settings: Settings) -> NetworkChoice:
    return choice.other(str(settings.compare), settings.compare_weights)


def pair_layers(first: Sequence[LayerPlan], second: Sequence[LayerPlan]) -> list[tuple[LayerPlan, LayerPlan]]:
    """Layers of one name; where no name is shared, those that come at the same place, as far as both go."""
    by_name = {plan.name: plan for plan in second}
    named = [(plan, by_name[plan.name]) for plan in first if plan.name in by_name]
    return named or list(zip(first, second, strict=False))
