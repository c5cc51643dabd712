"""The paper's sentences as measurements: python experiments/claims.py checkpoint=... data=... [run=FOLDER]."""

from __future__ import annotations

from experiments.common.job import Run, start

if __name__ == "__main__":
    start("experiments.claims:claims")

import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from omegaconf import DictConfig

from experiments.common.config import pick
from experiments.common.images import ImagesChoice, open_views
from experiments.common.network import NetworkChoice, open_trained
from experiments.report_parts.claim_filters import FilterClaims
from experiments.report_parts.claim_images import ImageClaims
from experiments.report_parts.claim_settings import Asked, ClaimSettings, with_fresh_weights
from experiments.report_parts.claim_tables import TableClaims
from experiments.report_parts.claims_file import save_claims, show_claims
from experiments.report_parts.inner_job import LeftOut
from experiments.report_parts.shelf import shelf_of
from zfnet.analysis.claims import NOT_HERE, SENTENCES, Claim, Effect

HALF = {(7, 1): "its exception was not measured: symmetric=[...] names no two images of objects that look alike turned"}
Measures = Mapping[int, Callable[[], Sequence[Effect]]]


def claims(config: DictConfig, run: Run) -> None:
    """Measure each sentence that the network, its images and the runs that are there allow; print and save them."""
    if not run.world.first:
        return
    asked = asked_of(config, run)
    parts = (ImageClaims(asked), FilterClaims(asked), TableClaims(asked))
    measures: Measures = {number: measure for part in parts for number, measure in part.measures.items()}
    found, took_s = [], dict[int, float]()
    for number in sorted(asked.settings.asked):
        begun_s = time.monotonic()
        print(f"\n== {number}. {SENTENCES[number].statement}", flush=True)
        found.append(measured(number, measures, run.folder))
        show_claims(found[-1:])
        took_s[number] = round(time.monotonic() - begun_s, 1)
    save_claims(run.folder, found)
    run.note(checkpoint=asked.choice.source, data=asked.views.source.fingerprint,
             took_s=took_s, verdicts={one.sentence.number: one.verdict for one in found})  # fmt: skip
    told = sum(one.verdict != NOT_HERE for one in found)
    print(f"\n{told} of {len(found)} sentences measured: {run.folder / 'claims.json'}")


def asked_of(config: DictConfig, run: Run) -> Asked:
    """The network, its images, what is kept of it. Raises ValueError for a network without weights."""
    settings, choice, given = pick(ClaimSettings, config), pick(NetworkChoice, config), pick(ImagesChoice, config)
    network = open_trained(choice, run)
    views = open_views(given, run, network.frame)
    root = given.images if given.data is None else given.data.root
    return Asked(
        network=network, choice=choice, views=views, settings=settings, run=run, root=root,
        shelf=shelf_of(settings.runs, choice, network, views, root), fresh=with_fresh_weights(network, settings, run),
    )  # fmt: skip


def measured(number: int, measures: Measures, folder: Path) -> Claim:
    """One sentence: its effects, or why there are none; where a computation refused, error-NUMBER.txt says where."""
    traceback_file = folder / f"error-{number}.txt"
    traceback_file.unlink(missing_ok=True)  # of an earlier try
    try:
        effects = measures[number]()
    except LeftOut as reason:
        return Claim(sentence=SENTENCES[number], effects=[], why=str(reason))
    except ValueError as refusal:
        traceback_file.write_text(traceback.format_exc())
        return Claim(sentence=SENTENCES[number], effects=[], why=f"{refusal} ({traceback_file.name})")
    return Claim(sentence=SENTENCES[number], effects=effects, why=HALF.get((number, len(effects)), ""))
