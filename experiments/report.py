"""All of the paper on one page, for one network: python experiments/report.py checkpoint=... data=... [run=FOLDER]."""

from __future__ import annotations

from experiments.common.job import Run, start

if __name__ == "__main__":
    start("experiments.report:report")

from dataclasses import dataclass, field
from typing import Any

from omegaconf import DictConfig

from experiments.common.config import as_list, list_or_none, pick, quote_override
from experiments.common.images import ImagesChoice, open_views
from experiments.common.network import NetworkChoice, open_trained
from experiments.report_parts.collect import Collected, collect
from experiments.report_parts.inner_job import LeftOut, run_inner, shared_words
from experiments.report_parts.item_words import Wanted
from experiments.report_parts.items import ITEMS, Item
from experiments.report_parts.kept_runs import Shelf, runs_in
from experiments.report_parts.on_page import claims_of, facts_of, lead_of
from experiments.report_parts.shelf import shelf_of
from zfnet.pages.report import Report, write_report

CLAIMS = "claims"
MEASURED_ON = ("train", "tab4_caltech101", "tab5_caltech256")  # which sentences are of, and no report runs itself


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What conf/report.yaml says of the items, and the options of experiments/claims.py, by name."""

    run: str | list[str] | None
    items: str | list[str] | None
    maps: int
    pointing_images: int
    claims: dict[str, Any] = field(default_factory=dict)

    @property
    def folders(self) -> list[str]:
        return [] if self.run is None else as_list(self.run)

    @property
    def asked(self) -> list[Item]:
        """Raises ValueError for items that are not there."""
        names = [one.name for one in ITEMS]
        chosen = list_or_none(self.items)
        odd = [name for name in chosen or [] if name not in (CLAIMS, *names)]
        if odd:
            raise ValueError(f"items={self.items}, expected some of {', '.join((CLAIMS, *names))}")
        return [one for one in ITEMS if chosen is None or one.name in chosen]

    @property
    def wants_claims(self) -> bool:
        return self.items is None or CLAIMS in as_list(self.items)


def report(config: DictConfig, run: Run) -> None:
    """Take what fits from the run folders, run the rest, and write report.html."""
    if run.world.size > 1:
        raise ValueError("a report is put together by one process: leave out torchrun")
    settings, choice, given = pick(Settings, config), pick(NetworkChoice, config), pick(ImagesChoice, config)
    asked = settings.asked
    network = open_trained(choice, run)
    views = open_views(given, run, network.frame)
    root = given.images if given.data is None else given.data.root
    shelf = shelf_of([*settings.folders, str(run.folder)], choice, network, views, root)
    if not settings.folders and shelf.trained is not None:
        shelf = shelf_of([str(shelf.trained), str(run.folder)], choice, network, views, root)
    collected = Collected(left_out={})
    if settings.wants_claims:
        claim_sentences(settings, collected, run, shelf)
    wanted = Wanted(
        network=network, choice=choice, views=views, root=root, maps=settings.maps,
        pointing_images=settings.pointing_images,
        shelf=shelf_of([*map(str, {one.folder for one in shelf.runs}), str(run.folder)], choice, network, views, root),
    )  # fmt: skip
    for item in asked:
        collect(item, wanted, collected, run)
    run.note(checkpoint=choice.source, data=views.source.fingerprint, left_out=collected.left_out)
    page = Report(
        title=f"Report of {choice.title}", lead=lead_of(choice, network, views, root), entries=collected.entries,
        claims=claims_of(collected.claims), claims_command=collected.claims_command, left_out=collected.left_out,
        facts=facts_of(run, wanted),
    )  # fmt: skip
    path = run.folder / "report.html"
    size = write_report(path, page)
    run.note(report_mb=round(size / 1e6, 2))
    print(f"\nthe report: {path} ({size / 1e6:.1f} MB): open it in a browser, {path.absolute().as_uri()}")


def claim_sentences(settings: Settings, collected: Collected, run: Run, shelf: Shelf) -> None:
    """Measure the sentences beside the runs that are there, or take what was measured since the last they are of."""
    folder, kept = run.folder / CLAIMS, shelf.find(CLAIMS)
    last = max((one.finished for one in shelf.runs if one.job in MEASURED_ON), default="")
    words = [*shared_words(CLAIMS), *(f"{name}={_value(value)}" for name, value in settings.claims.items())]
    if kept is not None and kept.finished >= last and kept.serves(folder, lambda: words):
        print(f"{CLAIMS}: taken from {kept.folder}", flush=True)
        collected.take_claims(kept)
        return
    words.append(
        f"run=[{','.join(quote_override(one) for one in dict.fromkeys(str(one.folder) for one in shelf.runs))}]"
    )
    try:
        run_inner(CLAIMS, words, folder, run)
    except LeftOut as reason:
        collected.left_out["Claims"] = str(reason)
        return
    collected.take_claims(next(one for one in runs_in([folder]) if one.job == CLAIMS))


def _value(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, list):
        return f"[{','.join(quote_override(str(one)) for one in value)}]"
    return quote_override(str(value))
