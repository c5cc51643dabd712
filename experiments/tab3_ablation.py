"""Table 3, architectures compared: python experiments/tab3_ablation.py experiment=tab3_... [train_missing=true]."""

from __future__ import annotations

from experiments.common.job import Run, start

if __name__ == "__main__":
    start("experiments.tab3_ablation:table_3")

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from omegaconf import DictConfig

from experiments.common.config import as_list, pick
from experiments.tables.kept_predictions import predictions, training_scores
from experiments.tables.runs import TableRun, TableSettings, open_row, open_table
from experiments.tables.text_table import mean_and_deviation, print_columns
from experiments.tables.train_missing import find_or_train, print_unfinished, save_rows
from zfnet.data import ImageSource, Subset
from zfnet.network import Network

VARIANTS = {  # the paper's rows: AlexNet's and ZFNet's network
    "as is": ("alexnet", "zfnet"),
    "without layers 3,4": ("alexnet_no_34", None),
    "without layer 7": ("alexnet_no_7", None),
    "without layers 6,7": ("alexnet_no_67", None),
    "without layers 3,4,6,7": ("alexnet_no_3467", None),
    "layers 6,7: 2048 units": ("alexnet_fc2048", "zfnet_fc2048"),
    "layers 6,7: 8192 units": ("alexnet_fc8192", "zfnet_fc8192"),
    "layers 3,4,5: 512,1024,512 maps": (None, "zfnet_512_1024_512"),
    "both of the last two": (None, "zfnet_512_1024_512_fc8192"),
}
PAPER = {  # error %: training top-1, validation top-1, validation top-5
    "alexnet": (35.1, 40.5, 18.1), "alexnet_no_34": (41.8, 45.4, 22.1), "alexnet_no_7": (27.4, 40.0, 18.4),
    "alexnet_no_67": (27.4, 44.8, 22.4), "alexnet_no_3467": (71.1, 71.3, 50.1), "alexnet_fc2048": (40.3, 41.7, 18.8),
    "alexnet_fc8192": (26.8, 40.0, 18.1), "zfnet": (33.1, 38.4, 16.5), "zfnet_fc2048": (38.2, 40.2, 17.6),
    "zfnet_fc8192": (22.0, 38.8, 17.0), "zfnet_512_1024_512": (18.8, 37.5, 16.0),
    "zfnet_512_1024_512_fc8192": (10.0, 38.3, 16.9),
}  # fmt: skip
ERRORS = ("train_top1_error", "val_top1_error", "val_top5_error")
Rows = list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Settings(TableSettings):
    """What conf/tab3_ablation.yaml says besides: the rows, and how many images the training error is measured on."""

    models: str | list[str] | None
    train_images: int | None


def table_3(config: DictConfig, run: Run) -> None:
    """Find or train the rows, measure their errors, print the table and what is missing of it, and save it.

    The last checkpoint is measured, not the best: choosing by the validation error would flatter it. The paper does not
    say how it measured the training error; here it is that of the trained network, without dropout, on the same views
    as the validation error.
    """
    settings = pick(Settings, config)
    models = list(dict.fromkeys(PAPER if settings.models is None else as_list(settings.models)))
    seeds = list(dict.fromkeys(as_list(settings.seeds)))
    odd = [name for name in models if name not in PAPER]
    if odd or not models or not seeds:
        raise ValueError(f"models={models}, seeds={seeds}: expected one or more of {', '.join(PAPER)}")
    table, processes = open_table(settings, run), settings.processes
    rows_asked_for = [table.row(model, seed) for seed in seeds for model in models]
    found = find_or_train(table, rows_asked_for, train_missing=settings.train_missing, processes=processes)
    train, val = evenly_spaced(table.train, settings.train_images), table.val
    rows = [measure(one.row, open_row(one.checkpoint, run), run, train=train, val=val, settings=settings)
            for one in found if one.checkpoint is not None]  # fmt: skip
    show(rows, train=train, val=val, views=settings.views)
    print_unfinished(found, processes=processes)
    save_rows(run, "tab3", rows, found)


def evenly_spaced(images: ImageSource, count: int | None) -> ImageSource:
    """All images, or `count` evenly spaced ones: they lie class by class, so that each class has its share."""
    if count is None or count >= len(images):
        return images
    if count < 1:
        raise ValueError(f"train_images={count}, expected 1 or more, or null for all")
    return Subset(images, np.linspace(0, len(images) - 1, count).round().astype(np.int64))


def measure(
    row: TableRun, network: Network, run: Run, *, train: ImageSource, val: ImageSource, settings: Settings
) -> dict[str, Any]:
    """A row of tab3.csv: a network's errors (0..1) and the paper's (%)."""
    how = {"views": settings.views, "batch_size": settings.batch_size}
    trained = training_scores(row, network, train, run, **how)
    validated = predictions(row, network, val, run, **how).scores()
    return {
        "model": row.model, "seed": row.seed,
        "parameters": sum(parameter.numel() for parameter in network.model.parameters()),
        "train_top1_error": trained.top1_error, "val_top1_error": validated.top1_error,
        "val_top5_error": validated.top5_error, "train_loss": trained.loss, "val_loss": validated.loss,
        "train_images": trained.count, "val_images": validated.count, "views": settings.views,
        **{f"paper_{name}": number for name, number in zip(ERRORS, PAPER[row.model], strict=True)},
    }  # fmt: skip


def show(rows: Rows, *, train: ImageSource, val: ImageSource, views: int) -> None:
    """The table as the paper has it: ours, and the paper's in brackets."""
    print(f"\nTable 3: error % on {len(train)} training and {len(val)} validation images of {len(val.wnids)} "
          f"classes, {views} view(s); in (brackets) the paper's on ImageNet;\n"
          "of seeds their mean ± sample deviation, of three or more [its 95 % interval]")  # fmt: skip
    by_model: dict[str, Rows] = {}
    for row in rows:
        by_model.setdefault(row["model"], []).append(row)
    head = ["train top-1", "val top-1", "val top-5"]
    lines = [["", "AlexNet", "", "", "ZFNet", "", ""], ["variant", *head, *head]]
    for variant, models in VARIANTS.items():
        lines.append([variant, *(cell for model in models for cell in cells(model, by_model))])
    print_columns(lines)


def cells(model: str | None, by_model: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    """Training top-1, validation top-1 and top-5 of a network: the mean over seeds, and how sure it is."""
    if model is None:
        return ["", "", ""]
    found = []
    for name, paper in zip(ERRORS, PAPER[model], strict=True):
        errors = [100 * row[name] for row in by_model.get(model, [])]
        found.append(f"{mean_and_deviation(errors)} ({paper})")
    return found
