"""Trainings that are there: what was trained, on which classes, and its last checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from experiments.common.job import Run
from experiments.common.network import NetworkChoice, open_chosen
from experiments.report_parts.kept_runs import KeptRun
from zfnet.network import Network
from zfnet.training import newest_checkpoint


@dataclass(frozen=True, kw_only=True)
class Training:
    """A training's last checkpoint, the network's name, its seed, and the limit on filters; None for none.

    The last, not the best: choosing by the validation error would flatter it.
    """

    checkpoint: Path
    model: str
    seed: int
    limit: float | None

    @property
    def name(self) -> str:
        return self.checkpoint.parent.parent.name


def trainings(runs: Sequence[KeptRun], network: Network) -> list[Training]:
    """The finished trainings over a network's classes, its own included, the newest first."""
    found = []
    for one in sorted((one for one in runs if one.job == "train"), key=lambda one: one.finished, reverse=True):
        newest = newest_checkpoint(one.folder / "checkpoints")
        if newest is None or tuple(newest[1]["network"]["wnids"]) != tuple(network.wnids):
            continue
        path, content = newest
        settings = content["trainer"]["settings"]
        found.append(
            Training(
                checkpoint=path.absolute(),
                model=str(content["network"]["arguments"]["name"]),
                seed=int(settings["seed"]),
                limit=settings["filter_rms_limit"],
            )
        )
    return found


def open_training(training: Training, run: Run) -> Network:
    """Its network, on the run's device."""
    return open_chosen(NetworkChoice(checkpoint=str(training.checkpoint)), run)
