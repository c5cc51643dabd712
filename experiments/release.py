"""A training as a folder with a model card: python experiments/release.py run=FOLDER"""

from __future__ import annotations

from experiments.common.job import Run, start

if __name__ == "__main__":
    start("experiments.release:release")

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from experiments.common.config import pick
from experiments.common.run_folder import configuration_of
from zfnet.network import open_network
from zfnet.runs import read_manifest

FOLDER = "release"
REFUSED = ("ValueError", "FileNotFoundError", "DamagedCheckpoint", "NoReverseRule")  # before a first step


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What conf/release.yaml says."""

    run: str
    checkpoint: str
    title: str | None
    push: str | None


def release(config: DictConfig, run: Run) -> None:
    """Write the folder, and put it on the Hub where that was asked for."""
    if not run.world.first:
        return
    try:
        from zfnet.hub import HubNetwork, model_card, save_released  # an extra: --help does without
    except ModuleNotFoundError as error:
        raise ValueError(f"{error.name} is not installed: pip install 'zfnet[hub]'") from error
    settings = pick(Settings, config)
    trained = Path(settings.run)
    if not (trained / "manifest.json").is_file():
        raise ValueError(f"{trained} has no manifest.json: expected run=FOLDER, the run folder of a training")
    network = open_network(trained / "checkpoints" / settings.checkpoint)
    chosen = configuration(trained)
    card = model_card(
        network,
        title=settings.title or f"{network.arguments['name']} on {Path(str(chosen.get('root', 'images'))).name}",
        repository=settings.push or FOLDER,
        manifest=last_try(read_manifest(trained / "manifest.json")),
        recipe=chosen.get("training", {}),
        epochs=read_epochs(trained / "metrics.csv"),
    )
    folder = save_released(network, run.folder / FOLDER, card)
    print(f"saved: {folder}: {', '.join(sorted(path.name for path in folder.iterdir()))}")
    if settings.push is not None:
        print(f"pushed: {HubNetwork(network, card).push_to_hub(settings.push)}")


def last_try(facts: dict[str, Any]) -> dict[str, Any]:
    """Of a manifest the last try that began to train, with the time that all took together.

    One whose options were refused says nothing of the network, and one that was killed not how long it went on; other
    jobs may have put their results beside a training's.
    """
    every = [facts, *reversed(facts.get("earlier", []))]
    tries = [one for one in every if one.get("job", "train") == "train"] or every
    last = next((one for one in tries if not str(one.get("outcome")).startswith(REFUSED)), tries[0])
    return {**last, "wall_s": round(sum(one.get("wall_s") or 0.0 for one in tries), 1)}


def configuration(trained: Path) -> dict[str, Any]:
    """The training's recipe and the folder of its data, as its own configuration has them; what it kept of it."""
    path = configuration_of(trained, "train")
    if not path.is_file():
        return {}
    config: Any = OmegaConf.to_container(OmegaConf.load(path))
    return {"training": config.get("training") or {}, "root": (config.get("data") or {}).get("root", "images")}


def read_epochs(path: Path) -> list[dict[str, str]]:
    """The lines of a metrics.csv; none where there is no such file."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
