"""Table 2, single networks and ensembles: python experiments/tab2_imagenet.py experiment=tab3_... rows=..."""

from __future__ import annotations

from experiments.common.job import Run, start

if __name__ == "__main__":
    start("experiments.tab2_imagenet:table_2")

from collections.abc import Mapping, Sequence
from typing import Any

from omegaconf import DictConfig

from experiments.common.config import as_list, pick
from experiments.tables.kept_predictions import predictions
from experiments.tables.runs import TableRun, TableSettings, open_row, open_table
from experiments.tables.text_table import mean_and_deviation, print_columns
from experiments.tables.train_missing import find_or_train, print_unfinished, save_rows
from zfnet.training import Predictions, averaged

SMALL, WIDE, BASELINE = "zfnet", "zfnet_512_1024_512", "alexnet"
PAPER = {  # error %: validation top-1, validation top-5, test top-5 where it was asked of the test server
    "Krizhevsky et al. 2012, 1 convnet": (40.7, 18.2, None),
    "Krizhevsky et al. 2012, 5 convnets": (38.1, 16.4, 16.4),
    "its replication, 1 convnet": (40.5, 18.1, None),
    "ZFNet, 1 convnet": (38.4, 16.5, None),
    "ZFNet, 5 convnets (a)": (36.7, 15.3, 15.3),
    "ZFNet, 1 convnet, layers 3,4,5 = 512,1024,512 maps (b)": (37.5, 16.0, 16.1),
    "ZFNet, 6 convnets, (a) and (b)": (36.0, 14.7, 14.8),
}
REPLICATION, ONE, A, B, BOTH = list(PAPER)[2:]
Rows = list[dict[str, Any]]


def table_2(config: DictConfig, run: Run) -> None:
    """Find or train the networks, average them, print the table and what is missing of it, and save it.

    An ensemble's probability is the mean of its networks' softmax probabilities, as Krizhevsky et al. 2012 average
    predictions; the paper only says that it combines networks. The last checkpoint of each is taken, not the best:
    choosing by the validation error would flatter it. There are no labels of the test images; that column is the
    paper's alone.
    """
    settings = pick(TableSettings, config)
    views, processes = settings.views, settings.processes
    seeds = list(dict.fromkeys(as_list(settings.seeds)))
    if not seeds:
        raise ValueError("seeds=[]: expected one or more, such as seeds=[0,1,2,3,4]")
    table = open_table(settings, run)
    networks = [*((SMALL, seed) for seed in seeds), (WIDE, seeds[0]), (BASELINE, seeds[0])]
    rows_asked_for = [table.row(model, seed) for model, seed in networks]
    found = find_or_train(table, rows_asked_for, train_missing=settings.train_missing, processes=processes)
    known = {
        one.row: predictions(
            one.row, open_row(one.checkpoint, run), table.val, run, views=views, batch_size=settings.batch_size
        )
        for one in found if one.checkpoint is not None
    }  # fmt: skip
    rows = table_rows(known, seeds=len(seeds), views=views)
    show(rows, images=len(table.val), classes=len(table.val.wnids), views=views)
    print_unfinished(found, processes=processes)
    save_rows(run, "tab2", rows, found)


def table_rows(known: Mapping[TableRun, Predictions], *, seeds: int, views: int) -> Rows:
    """The rows of tab2.csv: errors (0..1) of those networks that are there, and the paper's (%).

    seeds: how many networks (a) should have. Single ZFNets are a row each.
    """
    small, wide, baseline = (
        [(row, own) for row, own in known.items() if row.model == model] for model in (SMALL, WIDE, BASELINE)
    )
    rows = [_row(REPLICATION, [own], networks=row.name, views=views) for row, own in baseline]
    rows += [_row(ONE, [own], networks=row.name, views=views) for row, own in small]
    members = [own for _, own in small]
    if len(members) > 1:
        rows.append(_row(A, members, networks=f"{len(members)} of {seeds} networks", views=views))
    rows += [_row(B, [own], networks=row.name, views=views) for row, own in wide]
    if members and wide:
        networks = f"{len(members) + 1} of {seeds + 1} networks"
        rows.append(_row(BOTH, [*members, *(own for _, own in wide)], networks=networks, views=views))
    return rows


def _row(name: str, members: Sequence[Predictions], *, networks: str, views: int) -> dict[str, Any]:
    scores, paper = averaged(members).scores(), PAPER[name]
    return {
        "row": name, "networks": networks, "views": views, "val_images": scores.count, "val_loss": scores.loss,
        "val_top1_error": scores.top1_error, "val_top5_error": scores.top5_error,
        **dict(zip(("paper_val_top1_error", "paper_val_top5_error", "paper_test_top5_error"), paper, strict=True)),
    }  # fmt: skip


def show(rows: Rows, *, images: int, classes: int, views: int) -> None:
    """The paper's rows with ours beside them."""
    print(f"\nTable 2: error % on {images} validation images of {classes} classes, {views} view(s); "
          "the paper's is of ImageNet;\n"
          "of seeds their mean ± sample deviation, of three or more [its 95 % interval]")  # fmt: skip
    lines = [["", "val top-1", "paper", "val top-5", "paper", "test top-5 (paper)", "networks"]]
    for name, (top1, top5, test) in PAPER.items():
        own = [row for row in rows if row["row"] == name]
        ours = [mean_and_deviation([100 * row[f"val_top{k}_error"] for row in own]) for k in (1, 5)]
        networks = own[0]["networks"] if len(own) == 1 else f"mean of {len(own)}" if own else ""
        lines.append([name, ours[0], f"{top1}", ours[1], f"{top5}", "" if test is None else f"{test}", networks])
    print_columns(lines)
