"""Table 6, VOC 2012 classification: python experiments/tab6_pascal.py checkpoint=... data.root=...

Images of other data, such as the parts world, have one label each and are ranked in the same way.
"""

from __future__ import annotations

from experiments.common.job import Run, start

if __name__ == "__main__":
    start("experiments.tab6_pascal:table_6")

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig

from experiments.common.config import as_list, check_least, pick
from experiments.common.images import open_without
from experiments.common.network import NetworkChoice, open_trained
from experiments.tables.extraction import extraction_of, stored_features
from zfnet.analysis import folds_interval
from zfnet.analysis.probing import Features, average_precision, softmax_probe
from zfnet.data import ImageData, ImageSource
from zfnet.data.datasets import ABSENT, CLASSES, PRESENT, list_voc2012
from zfnet.files import save_arrays
from zfnet.network import Network
from zfnet.runs import write_csv

VOC = "voc2012"
PAPER_MEAN = 79.0  # %, of the test set, trained on train and val


@dataclass(frozen=True, kw_only=True)
class Excluded:
    """Files that list the images of each split to leave out."""

    train: str | None
    val: str | None


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What conf/tab6_pascal.yaml says of the images, the features and the softmax."""

    data: ImageData
    exclude: Excluded
    layer: int | str
    costs: float | list[float]
    splits: int
    views: int
    batch_size: int
    kept: str | None
    seed: int

    def __post_init__(self) -> None:
        check_least(self, batch_size=1)


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """N images: features (N, d), what is in them (N, C) as zfnet.data.datasets.voc says it, files; the C classes."""

    features: NDArray[np.floating]
    presence: NDArray[np.int8]
    paths: list[str]
    classes: tuple[str, ...]


def table_6(config: DictConfig, run: Run) -> None:
    """Train the softmax on train, rank val by each class's probability, print and save each class's precision."""
    choice, settings = pick(NetworkChoice, config), pick(Settings, config)
    kind, splits = settings.data.kind, settings.data.splits
    if not {"train", "val"} <= set(splits):
        raise ValueError(f"data={kind} has the splits {', '.join(splits)}, expected train and val")
    network = open_trained(choice, run)
    stored = {split: features_of_split(network, settings, split, run) for split in ("train", "val")}
    if not run.world.first:
        return
    train, val = (labelled(*stored[split], settings, split) for split in ("train", "val"))
    image, label = np.nonzero(train.presence == PRESENT)
    probe = softmax_probe(
        train.features[image], label, val.features,
        costs=as_list(settings.costs), splits=settings.splits, seed=settings.seed, groups=image,
    )  # fmt: skip
    assert probe.scores is not None
    scores = np.full(val.presence.shape, np.nan)
    scores[:, probe.classes] = probe.scores
    rows = table_rows(scores, train=train.presence, val=val.presence, classes=val.classes)
    if kind == VOC:
        rows[-1]["paper"] = PAPER_MEAN
    print(f"{len(train.paths)} images to train on, each once for each of its classes ({len(image)} times in all; "
          f"C {probe.cost:g}); {len(val.paths)} of val ranked")  # fmt: skip
    show(rows, kind)
    write_csv(run.folder / "tab6.csv", rows)
    arrays = {
        "scores": scores,
        "presence": val.presence,
        "paths": np.array(val.paths),
        "classes": np.array(val.classes),
    }
    save_arrays(run.folder / "tab6.npz", "tab6", arrays)
    run.note(checkpoint=choice.source, cost=probe.cost)
    print(f"table, scores and truth of every image: {run.folder}")


def features_of_split(network: Network, settings: Settings, split: str, run: Run) -> tuple[ImageSource, Features]:
    """The images of a split and their features, by all processes."""
    source = open_without(settings.data, split, getattr(settings.exclude, split), run)
    extraction = extraction_of(
        network, source, run, views=settings.views, batch_size=settings.batch_size, world=run.world
    )  # fmt: skip
    return source, stored_features(extraction, settings.layer, Path(settings.kept or run.folder / "kept"))


def labelled(source: ImageSource, stored: Features, settings: Settings, split: str) -> Labelled:
    """The images of a split that can be read."""
    data, features, readable = settings.data, stored.array(), np.flatnonzero(stored.readable())
    paths = [source.path(index) for index in readable.tolist()]
    classes: tuple[str, ...] = CLASSES
    if data.kind == VOC:
        presence = list_voc2012(data.root, split).presence_of(paths)
    else:
        classes = tuple(name or wnid for name, wnid in zip(source.names, source.wnids, strict=True))
        presence = np.full((len(paths), len(classes)), ABSENT, np.int8)
        presence[np.arange(len(paths)), source.labels[readable]] = PRESENT
    return Labelled(features=features[readable], presence=presence, paths=paths, classes=classes)


def table_rows(
    scores: NDArray[np.float64], *, train: NDArray[np.int8], val: NDArray[np.int8], classes: Sequence[str]
) -> list[dict[str, Any]]:
    """A row a class: how many images have it, and its average precision in % (nan: none to train on or to find).

    The last is the mean, with its 95 % interval over classes: images of one class are not drawn again.
    """
    rows: list[dict[str, Any]] = []
    for place, name in enumerate(classes):
        known = not np.isnan(scores[:, place]).any()
        precision = average_precision(scores[:, place], val[:, place]) if known else float("nan")
        counts = {"train": int((train[:, place] > 0).sum()), "val": int((val[:, place] > 0).sum())}
        rows.append({
            "class": name, **counts, "average_precision": 100 * precision, "low": "", "high": "", "paper": ""
        })  # fmt: skip
    every = np.array([row["average_precision"] for row in rows])
    low, high = folds_interval(every)
    return [*rows, {
        "class": "mean", "train": len(train), "val": len(val), "average_precision": float(every.mean()),
        "low": low, "high": high, "paper": "",
    }]  # fmt: skip


def show(rows: list[dict[str, Any]], data: str) -> None:
    width = max(len(row["class"]) for row in rows)
    print(f"\n{'':{width}}  {'train':>6} {'val':>6}  average precision % on val of {data}")
    for row in rows:
        paper = f"   the paper's, on the test set: {row['paper']}" if row["paper"] else ""
        if row["low"] != "" and np.isfinite(row["low"]):
            paper = f" [{row['low']:.1f}, {row['high']:.1f}] over classes{paper}"
        print(f"{row['class']:{width}}  {row['train']:6} {row['val']:6}  {row['average_precision']:6.1f}{paper}")
