"""The protocol of Tables 4 and 5 on any labelled images: a pretrained network with a new softmax, and one from scratch.

n training images a class, up to 50 others to test on, the mean of the classes' accuracies, over random folds.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig

from experiments.common.features import extraction_of, features_of, open_images, open_trained, reading_processes
from experiments.common.job import Run, StopSignal, build
from experiments.common.kept_folds import FoldResult, fold_path, load_fold, save_fold
from experiments.common.values import several
from zfnet.analysis.probing import Extraction, softmax_probe
from zfnet.analysis.scratch import train_from_scratch
from zfnet.data.folds import Fold, sample_folds
from zfnet.data.source import ImageSource, fingerprints
from zfnet.figures.fig9 import Curves
from zfnet.progress import Progress
from zfnet.training import EpochReport, Network, Observer, Recipe, StuckLoss, Trainer

METHODS = ("pretrained", "scratch")
NAMES = {"caltech101": "Caltech-101", "caltech256": "Caltech-256", "parts_world": "the parts world"}


def transfer(config: DictConfig, run: Run) -> Curves | None:
    """Every fold that is not kept yet, each saved as it finishes; None where Ctrl-C stopped it before the last."""
    methods, per_class = several(config.methods), several(config.per_class)
    if not methods or set(methods) - set(METHODS):
        raise ValueError(f"methods={methods}, expected one or more of {', '.join(METHODS)}")
    if not per_class:
        raise ValueError("per_class=[]: expected one or more numbers of training images a class, such as [15,30]")
    contest = open_contest(config, run)
    run.note(checkpoint=str(config.checkpoint), data=contest.source.fingerprint, exclude=config.exclude)
    every = {count: contest.folds(count) for count in per_class}
    accuracy = {method: np.full((len(every), config.folds), np.nan) for method in methods}
    with run.stop as stop:
        for place, (count, folds) in enumerate(every.items()):
            for method in methods:
                for number, fold in enumerate(folds):
                    result = None if stop() else contest.result(method, count, fold, stop)
                    if result is None:
                        print(f"stopped; finished folds lie in {contest.kept}: the same command with "
                              f"kept={contest.kept} does the rest")  # fmt: skip
                        return None
                    accuracy[method][place, number] = result.accuracy
    classes = len(np.unique(contest.labels[contest.labels >= 0]))
    name = NAMES.get(config.data.kind, Path(config.data.root).name)
    title = f"{name}: {classes} classes, {config.folds} folds"
    return Curves(title, np.array(list(every), np.int64), accuracy, 1 / classes)


def open_contest(config: DictConfig, run: Run) -> Contest:
    """The network and the images that a transfer job was given."""
    if config.data.kind == "voc2012":
        raise ValueError("data=voc2012 has several labels an image, expected one: tab6_pascal.py is for it")
    network, source = open_trained(config, run), open_images(config.data, config.split, config.exclude)
    return Contest(config, run, network, source, Path(config.kept or run.folder / "kept"))


@dataclass(frozen=True)
class Contest:
    """Two ways to classify the images of a fold, and where finished folds and features are kept."""

    config: DictConfig
    run: Run
    network: Network
    source: ImageSource
    kept: Path

    @cached_property
    def extraction(self) -> Extraction:
        return extraction_of(self.config, self.run, self.network, self.source)

    @cached_property
    def features(self) -> NDArray[np.floating]:
        return features_of(self.extraction, self.config.layer, self.kept / "features")

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """The images' classes, -1 where an image cannot be read."""
        return np.where(np.isnan(self.features[:, 0]), -1, self.source.labels)

    @cached_property
    def recipe(self) -> Recipe:
        return build(Recipe, self.config.training)

    def folds(self, count: int) -> list[Fold]:
        config = self.config
        return sample_folds(
            self.labels, count, config.test_per_class, config.folds, config.seed, names=self.source.names
        )

    def result(self, method: str, count: int, fold: Fold, stop: StopSignal) -> FoldResult | None:
        """The kept result, or a new one, which is kept; None where it was stopped."""
        name = f"{method}-{count}-{fold.seed}"
        places = [
            fold_path(self.kept, name, {"images": fold_identity(data, fold), **settings})
            for data, settings in zip(fingerprints(self.source), self._settings(method), strict=True)
        ]
        path = next((place for place in places if place.is_file()), places[0])
        result, told = load_fold(path), ", kept"
        if result is None:
            begun_s = time.monotonic()
            result = self._pretrained(fold) if method == "pretrained" else self._scratch(name, fold, stop)
            if result is None:
                return None
            save_fold(path, result)
            told = f", {time.monotonic() - begun_s:.0f} s"
        facts = "".join(f", {fact} {value:.3g}" for fact, value in result.facts.items())
        print(f"{method}, {count} a class, fold {fold.seed}: {100 * result.accuracy:.1f} %{facts}{told}", flush=True)
        return result

    def _settings(self, method: str) -> list[dict[str, Any]]:
        """What a method's results depend on besides the images: one for each fingerprint of theirs, today's first."""
        if method == "pretrained":
            chosen_by = {"costs": several(self.config.costs), "splits": self.config.splits}
            return [{**identity, **chosen_by} for identity in self.extraction.identities(self.config.layer)]
        trained = {**self.network.arguments, **asdict(self.recipe), "views of tests": self.config.views}
        own = {**trained, "in": str(self.run.hardware.dtype(self.run.world.device))}
        return [own for _ in fingerprints(self.source)]

    def _pretrained(self, fold: Fold) -> FoldResult:
        truth, config = self.source.labels, self.config
        own, others = self.features[fold.train], self.features[fold.test]
        probe = softmax_probe(own, truth[fold.train], others, several(config.costs), config.splits, fold.seed)
        return FoldResult(fold.test, truth[fold.test], probe.predicted, {"C": probe.cost})

    def _scratch(self, name: str, fold: Fold, stop: StopSignal) -> FoldResult | None:
        attempt = train_from_scratch(
            self.network.arguments, self.recipe, self.source, fold, views=self.config.views,
            hardware=replace(self.run.hardware, workers=reading_processes(self.source, self.run)),
            device=self.run.world.device,
            observers=[EpochLine(name), StuckLoss()], stop=stop,
        )  # fmt: skip
        if attempt is None:
            return None
        facts = {"training error": attempt.train_error}
        return FoldResult(fold.test, self.source.labels[fold.test], attempt.predicted, facts)


class EpochLine(Observer):
    """Counts the epochs of a short training."""

    def __init__(self, title: str) -> None:
        self.title = title

    def on_start(self, trainer: Trainer) -> None:
        self._progress = Progress(self.title, trainer.recipe.epochs, "epoch")

    def on_epoch(self, trainer: Trainer, report: EpochReport) -> None:
        self._progress.advance(1, loss=f"{report.train_loss:.3f}")

    def on_end(self, trainer: Trainer, finished: bool) -> None:
        self._progress.close()


def fold_identity(data: str, fold: Fold) -> str:
    """The images of a fold, in numbers that change when they do. data: the fingerprint of those it is drawn from."""
    return f"{data} {fold.train.tolist()} {fold.test.tolist()} {fold.seed}"
