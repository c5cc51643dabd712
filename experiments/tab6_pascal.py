"""Table 6, VOC 2012 classification: python experiments/tab6_pascal.py checkpoint=... data.root=...

Images of other data, such as the parts world, have one label each and are ranked in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig

from experiments.common.config import as_list, build
from experiments.common.images import open_images
from experiments.common.job import Run, start
from experiments.tables.extraction import extraction_of, features_of, open_trained
from zfnet.analysis.probing import average_precision, softmax_probe
from zfnet.data import ImageData
from zfnet.data.datasets import ABSENT, CLASSES, PRESENT, list_voc2012
from zfnet.files import save_arrays
from zfnet.network import Network
from zfnet.runs import write_csv

VOC = "voc2012"
PAPER_MEAN = 79.0  # %, of the test set, trained on train and val


@dataclass(frozen=True)
class Seen:
    """N images: features (N, d), what is in them (N, C) as zfnet.data.datasets.voc says it, files; the C classes."""

    features: NDArray[np.floating]
    presence: NDArray[np.int8]
    paths: list[str]
    classes: tuple[str, ...]


def table_6(config: DictConfig, run: Run) -> None:
    """Train the softmax on train, rank val by each class's probability, print and save each class's precision."""
    if not run.world.first:
        return
    splits = build(ImageData, config.data).splits
    if not {"train", "val"} <= set(splits):
        raise ValueError(f"data={config.data.kind} has the splits {', '.join(splits)}, expected train and val")
    network = open_trained(config, run)
    train, val = (look(config, run, network, split) for split in ("train", "val"))
    image, label = np.nonzero(train.presence == PRESENT)
    probe = softmax_probe(
        train.features[image], label, val.features, as_list(config.costs), config.splits, config.seed, groups=image
    )
    assert probe.scores is not None
    scores = np.full(val.presence.shape, np.nan)
    scores[:, probe.classes] = probe.scores
    rows = table_rows(scores, train.presence, val.presence, val.classes)
    if config.data.kind == VOC:
        rows[-1]["paper"] = PAPER_MEAN
    print(f"{len(train.paths)} images to train on, each once for each of its classes ({len(image)} times in all; "
          f"C {probe.cost:g}); {len(val.paths)} of val ranked")  # fmt: skip
    show(rows, config.data.kind)
    write_csv(run.folder / "tab6.csv", rows)
    arrays = {
        "scores": scores,
        "presence": val.presence,
        "paths": np.array(val.paths),
        "classes": np.array(val.classes),
    }
    save_arrays(run.folder / "tab6.npz", "tab6", arrays)
    run.note(checkpoint=str(config.checkpoint), cost=probe.cost)
    print(f"table, scores and truth of every image: {run.folder}")


def look(config: DictConfig, run: Run, network: Network, split: str) -> Seen:
    """The images of a split that can be read."""
    source = open_images(config.data, split, config.exclude[split])
    folder = Path(config.kept or run.folder / "kept")
    features = features_of(extraction_of(config, run, network, source), config.layer, folder)
    readable = np.flatnonzero(~np.isnan(features[:, 0]))
    paths = [source.path(index) for index in readable.tolist()]
    if config.data.kind == VOC:
        return Seen(features[readable], list_voc2012(config.data.root, split).presence_of(paths), paths, CLASSES)
    classes = tuple(name or wnid for name, wnid in zip(source.names, source.wnids, strict=True))
    presence = np.full((len(paths), len(classes)), ABSENT, np.int8)
    presence[np.arange(len(paths)), source.labels[readable]] = PRESENT
    return Seen(features[readable], presence, paths, classes)


def table_rows(
    scores: NDArray[np.float64], train: NDArray[np.int8], val: NDArray[np.int8], classes: Sequence[str]
) -> list[dict[str, Any]]:
    """A row a class: how many images have it, and its average precision in % (nan: none to train on or to find)."""
    rows: list[dict[str, Any]] = []
    for place, name in enumerate(classes):
        known = not np.isnan(scores[:, place]).any()
        precision = average_precision(scores[:, place], val[:, place]) if known else float("nan")
        counts = {"train": int((train[:, place] > 0).sum()), "val": int((val[:, place] > 0).sum())}
        rows.append({"class": name, **counts, "average_precision": 100 * precision, "paper": ""})
    mean = float(np.mean([row["average_precision"] for row in rows]))
    totals = {"train": len(train), "val": len(val)}
    return [*rows, {"class": "mean", **totals, "average_precision": mean, "paper": ""}]


def show(rows: list[dict[str, Any]], data: str) -> None:
    width = max(len(row["class"]) for row in rows)
    print(f"\n{'':{width}}  {'train':>6} {'val':>6}  average precision % on val of {data}")
    for row in rows:
        paper = f"   the paper's, on the test set: {row['paper']}" if row["paper"] else ""
        print(f"{row['class']:{width}}  {row['train']:6} {row['val']:6}  {row['average_precision']:6.1f}{paper}")


if __name__ == "__main__":
    start(table_6, "tab6_pascal")
