"""An atlas of any network, every map a page: python experiments/atlas.py checkpoint=... data=... (or images=...)."""

from __future__ import annotations

from experiments.common.job import Run, start

if __name__ == "__main__":
    start("experiments.atlas:atlas")

import shutil
from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig

from experiments.atlas_parts.compared import OTHER, other_of, write_compared
from experiments.atlas_parts.epochs import write_epochs
from experiments.atlas_parts.numbers import numbers_of, parts_boxes, peaks_told
from experiments.atlas_parts.optimised import write_optimised
from experiments.atlas_parts.pages import (
    about_of,
    manifest_facts,
    pictures_of,
    search_of,
    shown_images,
    strips_of,
    training_curves,
    write_images,
    write_pictures,
)
from experiments.atlas_parts.settings import Settings
from experiments.atlas_parts.shown import write_shown
from experiments.atlas_parts.survey import Survey, survey
from experiments.common.config import pick
from experiments.common.images import ImagesChoice, open_views
from experiments.common.network import NetworkChoice, open_chosen
from zfnet.figures.drawing.gains import check_gain
from zfnet.pages.atlas import Front, Site, save_numbers

WORK = "atlas.work"  # what is computed, until the site is whole


def atlas(config: DictConfig, run: Run) -> None:
    """Survey the network, or two of them; save the numbers, write the site, and say where it is."""
    settings, choice, given = pick(Settings, config), pick(NetworkChoice, config), pick(ImagesChoice, config)
    check_gain(settings.gain)
    network = open_chosen(choice, run)
    views = open_views(given, run, network.frame)
    if run.world.first and not (run.folder / WORK).exists():
        shutil.rmtree(run.folder / "atlas.partial", ignore_errors=True)  # pictures of a work that is gone
    found = survey(network, views, settings, run.folder / WORK, run)
    root = Path(given.data.root) if given.data is not None else Path(str(given.images))
    site = Site(run.folder / "atlas")
    compared = ("", "") if settings.compare is None else (other_of(choice, settings).title, f"{OTHER}/")
    write_site(found, site, root, choice, settings, run, compared)
    if settings.compare is not None:
        write_compared(found, site, root, choice, given, settings, run, write_site)
    run.world.wait()
    if run.world.first:
        site.commit()
        shutil.rmtree(run.folder / WORK)
        pages = site.folder / "index.html"
        size = sum(path.stat().st_size for path in site.folder.rglob("*") if path.is_file())
        run.note(atlas_mb=round(size / 1e6, 1))
        print(f"the atlas: {pages} ({size / 1e6:.1f} MB): open it in a browser, {pages.absolute().as_uri()}")


def write_site(
    found: Survey, site: Site, root: Path, choice: NetworkChoice, settings: Settings, run: Run,
    compared: Sequence[str],
) -> None:  # fmt: skip
    """All of a survey's pages. compared: the title and the address of the network that it is compared with."""
    shown = shown_images(found, settings.shown)
    write_pictures(found, site, run)
    write_images(found, site, shown, run, photographs=settings.photographs)
    write_shown(found, site, shown, settings, run)
    write_optimised(found, site, settings, run)
    epochs = write_epochs(found, site, choice.checkpoint, settings, run)
    run.world.wait()
    told = peaks_told(found, run)
    if not run.world.first:
        return
    numbers = numbers_of(found, told, parts_boxes(found, root))
    for plan, one in zip(found.plans, numbers, strict=True):
        save_numbers(run.folder / "numbers" / f"{site.folder.name}-{plan.number:03d}.npz", one)
        site.layer(about_of(found, plan), one)
    searched = search_of(found, numbers)
    site.data("search", searched)
    site.data("strips", strips_of(found, numbers, searched))
    run.note(checkpoint=choice.source, data=found.views.source.fingerprint, images=found.mined.images)
    write_front(found, site, shown, epochs, choice, root, settings, run, compared)


def write_front(
    found: Survey, site: Site, shown: Sequence[int], epochs: Sequence[int], choice: NetworkChoice, root: Path,
    settings: Settings, run: Run, compared: Sequence[str],
) -> None:  # fmt: skip
    source, frame = found.views.source, found.network.frame
    labels = [int((source.labels == number).sum()) for number in range(len(source.names))]
    site.front(
        Front(
            title=choice.title, data=root.name, images=found.mined.images, size_px=frame.size_px, rule=settings.rule,
            top=settings.top, photographs=settings.photographs, classes=list(source.names), class_images=labels,
            curves=training_curves(choice.checkpoint), 
            facts=manifest_facts(run, found, {"seen": f"{frame.size_px} px crops of {frame.side_px} px squares"}),
            sample=shown[len(shown) // 2] if shown and settings.photographs else None, notes=found.notes, shown=shown,
            epochs=epochs, compared=compared[0], compared_at=compared[1],
        ),
        [about_of(found, plan) for plan in found.plans], [pictures_of(found, plan) for plan in found.plans],
    )  # fmt: skip
