"""Is a projection to be believed? python experiments/audit.py checkpoint=... data=..."""

from __future__ import annotations

from experiments.common.job import Run, start

if __name__ == "__main__":
    start("experiments.audit:audit")

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from omegaconf import DictConfig
from torch import nn

from experiments.audit_parts.questions import ask
from experiments.audit_parts.sample import Sample, open_sample
from experiments.audit_parts.settings import Settings
from experiments.audit_parts.tasks import Asked
from experiments.audit_parts.told import print_summary, scalars_of
from experiments.common.config import as_list, pick
from experiments.common.images import ImagesChoice
from experiments.common.network import NetworkChoice, open_chosen
from experiments.common.pieces import dealt, digest_of_pictures
from experiments.common.publish import publish
from zfnet.analysis.audit import Finding, class_targets, drawn_anew, from_plain, layers_below, make_pictures, pooled
from zfnet.analysis.occlusion import last_convolution
from zfnet.figures.audit.draw import draw_question, questions_of
from zfnet.figures.audit.shown import Shown, draw_shown, load_shown, save_shown
from zfnet.files import write_text
from zfnet.forward.graph import trace
from zfnet.models import undisturbed, weights_fingerprint
from zfnet.network import Network, open_network
from zfnet.runs import read_manifest, write_csv
from zfnet.training import Piece

FOUND, SHOWN = "audit.json", "shown.npz"


def audit(config: DictConfig, run: Run) -> None:
    """Ask, save what was found, tell and draw; or tell and draw again from a saved audit.json."""
    paths = [Path(one) for one in as_list(config.redraw or run.folder / FOUND)]
    if config.redraw is None:
        made, pictures = compute(pick(NetworkChoice, config), pick(ImagesChoice, config), pick(Settings, config), run)
        if run.world.first:
            write_text(run.folder / FOUND, json.dumps([one.plain() for one in made]))
            (run.folder / SHOWN).unlink(missing_ok=True)  # of an earlier run
            save_shown(run.folder / SHOWN, pictures)
        run.world.wait()
    else:
        run.note(**what_was_audited(paths))
    found = pooled([read_found(path) for path in paths])
    beside = [path.with_name(SHOWN) for path in paths if path.with_name(SHOWN).is_file()]
    report(found, load_shown(beside[0]) if beside else None, run)


def read_found(path: Path) -> list[Finding]:
    """What an audit saved. Raises ValueError, naming the file, where it is none of an audit."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return from_plain(rows if isinstance(rows, list) else [rows])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        why = f"{type(error).__name__}: {error}"
        raise ValueError(
            f"{path} is not what an audit saved ({why}), expected its list of findings: give redraw=FOLDER/{FOUND}"
        ) from error


def what_was_audited(paths: list[Path]) -> dict[str, Any]:
    """The network and images of saved parts, as their manifests tell it: by it a report finds what was drawn again."""
    beside = [path.with_name("manifest.json") for path in paths]
    told = [read_manifest(path) for path in beside if path.is_file()]
    keys = ("checkpoint", "layer", "networks", "frames", "data", "root")
    found: dict[str, Any] = {key: one[key] for key in keys for one in told if key in one}
    return found | {"images": sum(one.get("images", 0) for one in told)}


def compute(
    choice: NetworkChoice, images: ImagesChoice, settings: Settings, run: Run
) -> tuple[list[Finding], Shown | None]:
    """What was found, by all processes together, and the pictures of a few images, by the first."""
    network = open_chosen(choice, run)
    sample = open_sample(images, network, run, count=settings.count, part=settings.part)
    layer = settings.layer or last_layer(network.model, sample)
    others = other_trainings(settings, network)
    if run.world.first:
        print(f"{len(sample.paths)} images; the strongest unit of {layer}, and the most probable class, on each")
    others_known = [(title, weights_fingerprint(other)) for title, other in others.items()]
    of = (replace(settings, shown=0), layer, sample.paths, digest_of_pictures(sample.pixels), others_known)

    def by_all(name: str, tasks: Sequence[Any], work: Callable[[Any], Piece]) -> list[Piece]:
        return dealt(name, tasks, work, of=of, network=network, run=run, for_all=True)

    asked = Asked(model=network.model, sample=sample, layer=layer, settings=settings, others=others)
    found = ask(asked, by_all, join=run.world.first)
    run.note(checkpoint=choice.source, layer=layer, images=len(sample.paths))
    if not run.world.first:
        return found, None
    return found, pictures_shown(network, sample.first(settings.shown), layer, settings)


def last_layer(model: nn.Module, sample: Sample) -> str:
    """The last convolution on every path to the scores."""
    with undisturbed(model):
        return last_convolution(trace(model, sample.inputs[:1]), type(model).__name__)


def other_trainings(settings: Settings, network: Network) -> dict[str, nn.Module]:
    """The networks that were given to compare with. Raises ValueError where they do not see such images."""
    given = {"another seed": settings.twin, "shuffled labels": settings.shuffled}
    found: dict[str, nn.Module] = {}
    for title, path in given.items():
        if path is None:
            continue
        other = open_network(path)
        if other.frame.size_px != network.frame.size_px or len(other.names) != len(network.names):
            raise ValueError(
                f"{path} sees {other.frame.size_px} px and tells {len(other.names)} classes, the network "
                f"{network.frame.size_px} px and {len(network.names)}: give one of the same images"
            )
        found[title] = other.model
    return found


def pictures_shown(network: Network, few: Sample, layer: str, settings: Settings) -> Shown | None:
    """Each method's picture of the class, and what it shows when every weight is random."""
    if not few.paths:
        return None
    model, targets = network.model, class_targets(network.model, few.inputs, layer)
    fresh = drawn_anew(model, layers_below(model, few.inputs, targets.layer), settings.seed)
    pictures = np.stack(
        [
            np.stack([make_pictures(method, one, few.inputs, targets).importance().numpy() for one in (model, fresh)])
            for method in settings.methods
        ]
    )  # (M, 2, N, H, W)
    return Shown(
        methods=np.array(settings.methods, np.str_), pixels=few.pixels.permute(0, 2, 3, 1).cpu().numpy(),
        pictures=pictures.astype(np.float32),
        titles=np.array([network.names[number] for number in targets.units[:, 1].tolist()], np.str_),
    )  # fmt: skip


def report(found: list[Finding], shown: Shown | None, run: Run) -> None:
    """The table, a summary on the console, and a figure a question, drawn by all processes."""
    rows = [one.row() for one in found]
    if run.world.first:
        write_csv(run.folder / "audit.csv", rows)
        print_summary(rows)
    figures: dict[str, Figure | Callable[[], Figure]] = {
        question: partial(draw_question, question, rows) for question in questions_of(rows)
    }
    if shown is not None:
        figures["pictures"] = partial(draw_shown, shown)
    publish(figures, run.folder, scalars_of(rows), world=run.world)
