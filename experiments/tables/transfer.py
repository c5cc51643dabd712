"""The protocol of Tables 4 and 5 on any labelled images: a pretrained network with a new softmax, and one from scratch.

n training images a class, up to 50 others to test on, the mean of the classes' accuracies, over random folds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.common.config import as_list, check_least
from experiments.common.images import check_one_label, open_without, reading_processes
from experiments.common.job import Run
from experiments.common.network import NetworkChoice, open_trained
from experiments.common.run_folder import PIECES
from experiments.observers.epoch_line import EpochLine
from experiments.tables.extraction import extraction_of, stored_features
from experiments.tables.kept_folds import FoldResult, fold_path, load_fold, save_fold
from zfnet.analysis.probing import Extraction, Features, softmax_probe
from zfnet.data import Fold, ImageData, ImageSource, fingerprints, sample_folds
from zfnet.figures.curves.fig9 import Curves
from zfnet.network import Network
from zfnet.training import Recipe, StuckLoss, Turns, train_from_scratch

METHODS = ("pretrained", "scratch")
Task = tuple[str, int, Fold]  # the method, training images a class, the fold
NAMES = {"caltech101": "Caltech-101", "caltech256": "Caltech-256", "parts_world": "the parts world"}


@dataclass(frozen=True, kw_only=True)
class TransferSettings:
    """What conf/transfer.yaml says of the images, the methods and the folds."""

    data: ImageData
    split: str | None
    exclude: str | None
    methods: str | list[str]
    per_class: int | list[int]
    test_per_class: int
    folds: int
    seed: int
    kept: str | None
    layer: int | str
    costs: float | list[float]
    splits: int
    views: int
    batch_size: int

    def __post_init__(self) -> None:
        check_least(self, batch_size=1)
        methods = as_list(self.methods)
        if not methods or set(methods) - set(METHODS):
            raise ValueError(f"methods={methods}, expected one or more of {', '.join(METHODS)}")
        if not as_list(self.per_class):
            raise ValueError("per_class=[]: expected one or more numbers of training images a class, such as [15,30]")
        check_one_label(self.data)


def transfer(choice: NetworkChoice, settings: TransferSettings, recipe: Recipe, run: Run) -> Curves | None:
    """Every fold that is not kept yet, each saved as it finishes; None where Ctrl-C stopped it before the last.

    recipe: of the networks that are trained from scratch. Several processes share the pass over the images, and each
    takes the next fold that nobody has.
    """
    methods, data = as_list(settings.methods), settings.data
    protocol = TransferProtocol(
        settings=settings, recipe=recipe, run=run, network=open_trained(choice, run),
        source=open_without(data, settings.split, settings.exclude, run),
        kept=Path(settings.kept or run.folder / "kept"),
    )  # fmt: skip
    run.note(checkpoint=choice.source, data=protocol.source.fingerprint, exclude=settings.exclude)
    folds_of = {count: protocol.folds(count) for count in as_list(settings.per_class)}
    tasks = [(method, count, fold) for count, folds in folds_of.items() for method in methods for fold in folds]
    with run.stop as stop:
        turns = Turns(run.folder / PIECES / "folds", run.world, stop)
        for task in turns.of(tasks if run.world.size == 1 else sorted(tasks, key=_shorter)):
            if not protocol.result(*task, turns.stopped):
                break
        run.world.wait()
        stopped = run.world.any(turns.stopped())
    found, missing = run.world.from_first(protocol.known(tasks) if run.world.first else ([], []))
    if missing and (stopped or run.world.size == 1):
        if run.world.first:
            print(f"stopped; finished folds lie in {protocol.kept}: the same command with kept={protocol.kept} does "
                  "the rest")  # fmt: skip
        return None
    if missing:
        raise ValueError(f"{protocol.kept}: no {', '.join(missing)}: all processes must see the same folder")
    if run.world.first:  # by which others know them among the folds of other settings
        paths = [protocol.path(*task) for task in tasks]
        here = [one.relative_to(run.folder) if one.is_relative_to(run.folder) else one.absolute() for one in paths]
        run.note(folds=list(map(str, here)))
    by_method = np.array(found).reshape(len(folds_of), len(methods), settings.folds).swapaxes(0, 1)
    accuracy = dict(zip(methods, by_method, strict=True))
    classes = len(np.unique(protocol.labels[protocol.labels >= 0]))
    title = f"{NAMES.get(data.kind, Path(data.root).name)}: {classes} classes, {settings.folds} folds"
    return Curves(title=title, per_class=np.array(list(folds_of), np.int64), accuracy=accuracy, chance=1 / classes)


def _shorter(task: Task) -> tuple[bool, int]:
    """Less work than others: a network from scratch is most, and the more images the more."""
    method, count, _ = task
    return method != "scratch", -count


@dataclass(frozen=True, kw_only=True)
class TransferProtocol:
    """Two ways to classify the images of a fold, and where finished folds and features are kept."""

    settings: TransferSettings
    recipe: Recipe
    run: Run
    network: Network
    source: ImageSource
    kept: Path

    @cached_property
    def extraction(self) -> Extraction:
        settings = self.settings
        return extraction_of(
            self.network, self.source, self.run, views=settings.views, batch_size=settings.batch_size,
            world=self.run.world,
        )  # fmt: skip

    @cached_property
    def stored(self) -> Features:
        return stored_features(self.extraction, self.settings.layer, self.kept / "features")

    @cached_property
    def features(self) -> NDArray[np.floating]:
        return self.stored.array()

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """The images' classes, -1 where an image cannot be read."""
        return np.where(self.stored.readable(), self.source.labels, -1)

    def folds(self, count: int) -> list[Fold]:
        """With so many training images a class."""
        settings = self.settings
        return sample_folds(
            self.labels, train_per_class=count, test_per_class=settings.test_per_class, folds=settings.folds,
            seed=settings.seed, names=self.source.names,
        )  # fmt: skip

    def result(self, method: str, count: int, fold: Fold, stop: Callable[[], bool]) -> bool:
        """Tell the kept result, or a new one, which is kept; False where it was stopped."""
        path, name = self.path(method, count, fold), f"{method}-{count}-{fold.seed}"
        result, origin = load_fold(path), "kept"
        if result is None:
            begun_s = time.monotonic()
            result = self._pretrained(fold) if method == "pretrained" else self._scratch(name, fold, stop)
            if result is None:
                return False
            save_fold(path, result)
            origin = f"{time.monotonic() - begun_s:.0f} s"
        facts = "".join(f", {fact} {value:.3g}" for fact, value in result.facts.items())
        accuracy = f"{100 * result.accuracy:.1f} %"
        print(f"{method}, {count} a class, fold {fold.seed}: {accuracy}{facts}, {origin}", flush=True)
        return True

    def known(self, tasks: Sequence[Task]) -> tuple[list[float], list[str]]:
        """The kept results' accuracies, whichever process made them, and the names of those that are not there."""
        results = [(path.name, load_fold(path)) for path in (self.path(*task) for task in tasks)]
        missing = [name for name, result in results if result is None]
        return [result.accuracy for _, result in results if result is not None], missing

    def path(self, method: str, count: int, fold: Fold) -> Path:
        """Where it is kept, or would be: by what an earlier version called the images, where only that is there."""
        paths = [
            fold_path(self.kept, f"{method}-{count}-{fold.seed}", {"images": fold_identity(data, fold), **identity})
            for data, identity in zip(fingerprints(self.source), self._identities(method), strict=True)
        ]
        return next((path for path in paths if path.is_file()), paths[0])

    def _identities(self, method: str) -> list[dict[str, Any]]:
        """What a method's results depend on besides the images: one for each fingerprint of theirs, today's first."""
        settings = self.settings
        if method == "pretrained":
            chosen_by = {"costs": as_list(settings.costs), "splits": settings.splits}
            return [{**identity, **chosen_by} for identity in self.extraction.identities(settings.layer)]
        trained = {**self.network.arguments, **self.recipe.identity(), "views of tests": settings.views}
        identity = {**trained, "in": str(self.run.hardware.dtype(self.run.world.device))}
        return [identity for _ in fingerprints(self.source)]

    def _pretrained(self, fold: Fold) -> FoldResult:
        truth = self.source.labels
        probe = softmax_probe(
            self.features[fold.train], truth[fold.train], self.features[fold.test],
            costs=as_list(self.settings.costs), splits=self.settings.splits, seed=fold.seed,
        )  # fmt: skip
        facts = {"C": probe.cost}
        return FoldResult(test=fold.test, truth=truth[fold.test], predicted=probe.predicted, facts=facts)

    def _scratch(self, name: str, fold: Fold, stop: Callable[[], bool]) -> FoldResult | None:
        attempt = train_from_scratch(
            self.network.arguments, self.recipe, self.source, fold, views=self.settings.views,
            hardware=replace(self.run.hardware, workers=reading_processes(self.source, self.run)),
            device=self.run.world.device,
            observers=[EpochLine(name), StuckLoss()], stop=stop,
        )  # fmt: skip
        if attempt is None:
            return None
        truth, facts = self.source.labels[fold.test], {"training error": attempt.train_error}
        return FoldResult(test=fold.test, truth=truth, predicted=attempt.predicted, facts=facts)


def fold_identity(data: str, fold: Fold) -> str:
    """The images of a fold, in numbers that change when they do. data: the fingerprint of those it is drawn from."""
    return f"{data} {fold.train.tolist()} {fold.test.tolist()} {fold.seed}"
