"""An item on the page: taken from a run that fits, run here, or left out with the reason."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from experiments.common.job import Run
from experiments.report_parts.claims_file import read_claims
from experiments.report_parts.inner_job import LeftOut, run_inner, shared_words
from experiments.report_parts.item_words import Wanted
from experiments.report_parts.items import Item
from experiments.report_parts.kept_runs import KeptRun, runs_in
from zfnet.pages.report import Entry, Figure

MOST_FIGURES = 8  # of an item


@dataclass
class Collected:
    """What goes on the page, as it is gathered. claims: as `read_claims` gives them."""

    left_out: dict[str, str]
    entries: list[Entry] = field(default_factory=list)
    claims: list[dict[str, Any]] = field(default_factory=list)
    claims_command: str = ""

    def take_claims(self, kept: KeptRun) -> None:
        self.claims, self.claims_command = read_claims(kept.folder), command_of_run(kept)


def collect(item: Item, wanted: Wanted, collected: Collected, run: Run) -> None:
    """Add an item's entry, or the reason why there is none."""
    try:
        kept, source = found_or_run(item, wanted, run)
        collected.entries.append(entry_of(item, kept, source))
    except (LeftOut, OSError, ValueError, KeyError) as reason:
        collected.left_out[f"{item.title}{f' ({item.paper})' if item.paper else ''}"] = str(reason)
    elsewhere = wanted.shelf.find_on_others(item.job) if item.on_others_too else None
    if elsewhere is not None:
        others = replace(item, name=f"{item.name}-others", title=f"{item.title}: other images")
        print(f"{item.job}, other images: taken from {elsewhere.folder}", flush=True)
        collected.entries.append(entry_of(others, elsewhere, f"Taken from a finished run: {elsewhere.folder}."))


def found_or_run(item: Item, wanted: Wanted, run: Run) -> tuple[KeptRun, str]:
    """The run that the item is read from, and where it came from in words. Raises LeftOut."""
    kept, folder = wanted.shelf.find(item.job, of_these_images=item.of_these_images), run.folder / item.name
    if kept is not None and (item.words is None or kept.serves(folder, partial(words_of, item, wanted))):
        print(f"{item.job}: taken from {kept.folder}", flush=True)
        inside = run.folder.resolve() in kept.folder.resolve().parents
        return kept, "Computed for this report." if inside else f"Taken from a finished run: {kept.folder}."
    if item.words is None:
        raise LeftOut(item.missing)
    run_inner(item.job, words_of(item, wanted), folder, run)
    return next(one for one in runs_in([folder]) if one.job == item.job), "Computed for this report."


def words_of(item: Item, wanted: Wanted) -> list[str]:
    """The options of an item's job here. Raises LeftOut where it cannot be done."""
    words = [] if item.words is None else item.words(wanted)
    own = {word.split("=")[0] for word in words}
    return [*(word for word in shared_words(item.job) if word.split("=")[0] not in own), *words]


def entry_of(item: Item, kept: KeptRun, source: str) -> Entry:
    """Raises LeftOut where the run has nothing to show."""
    captions = {
        path: line for pattern, line in item.figures.items() for path in sorted(kept.folder.glob(pattern))
    }  # fmt: skip
    paths = list(captions)
    tables = [] if item.tables is None else item.tables(kept.folder)
    if not paths and not tables:
        raise LeftOut(f"{kept.folder} has neither figures nor tables")
    count = min(len(paths), MOST_FIGURES)
    figures = [figure_of(item, path, captions[path], number, count) for number, path in enumerate(paths[:count])]
    return Entry(
        anchor=item.name, title=item.title, paper=item.paper, caption=item.caption, command=command_of_run(kept),
        source=source, figures=figures, tables=tables,
    )  # fmt: skip


def figure_of(item: Item, path: Path, line: str, number: int, count: int) -> Figure:
    """A picture file and what to say of it: its line, its number where it is one of several pages of a figure."""
    part = f"{number + 1} of {count}" if count > 1 else ""
    alt = ", ".join(one for one in (item.alt or item.title, part, path.stem) if one)
    return Figure(path=path, alt=alt, caption=line or (f"{item.paper or item.title}, page {part}" if part else ""))


def command_of_run(kept: KeptRun) -> str:
    """The command as one types it: manifests of a job's file begin with its name."""
    words = [str(word) for word in kept.facts.get("command", [kept.job])]
    if words[0] == f"{kept.job}.py":
        words = ["python", f"experiments/{words[0]}", *words[1:]]
    return shlex.join(words)
