"""A job's CSV as a table of the report, the paper's numbers beside ours where it has any."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from experiments.tables.text_table import mean_and_deviation
from zfnet.figures.curves.depth import load_depth
from zfnet.pages.report import Table
from zfnet.runs import read_csv

MOST_ROWS = 40


def number(text: str, scale: float = 1.0, digits: int = 1) -> str:
    """A cell as it is shown: a dash where there is none."""
    try:
        value = float(text)
    except ValueError:
        return text or "–"
    return "–" if math.isnan(value) else f"{scale * value:.{digits}f}"


def spread(mean: str, deviation: str, digits: int = 1) -> str:
    own, more = number(mean, digits=digits), number(deviation, digits=digits)
    return own if more == "–" else f"{own} ± {more}"


def errors(folder: Path) -> list[Table]:
    """Of experiments/evaluate.py: beside Table 2's single network."""
    rows = [
        [
            f"this network, {row['views']} view(s)",
            f"{number(row['top1_error'], 100)} [{number(row['top1_low'], 100)}, {number(row['top1_high'], 100)}]",
            f"{number(row['top5_error'], 100)} [{number(row['top5_low'], 100)}, {number(row['top5_high'], 100)}]",
            row["images"],
        ]
        for row in read_csv(folder / "errors.csv")
    ]
    paper = [["paper's ZFNet, ten views, ImageNet", "38.4", "16.5", "50000"]]
    title = "Error % [95 % interval over images]; the paper's is of ImageNet's 1000 classes"
    return [Table(title=title, head=["", "top-1", "top-5", "images"], rows=[*rows, *paper], ours=(1, 2))]


def parts(folder: Path) -> list[Table]:
    """Table 1."""
    rows = [
        [
            row["class"], row["layer"], row["masked"].replace("_", " "), spread(row["mean"], row["deviation"], 3),
            spread(row["random_mean"], row["random_deviation"], 3), number(row["ratio"], digits=3),
            number(row["fresh_ratio"], digits=3), number(row["p_value"], digits=4),
            spread(row["paper_mean"], row["paper_deviation"], 3),
        ]
        for row in read_csv(folder / "tab1.csv")
    ]  # fmt: skip
    head = ["class", "layer", "hidden", "part", "random squares", "ratio", "ratio, fresh weights", "p", "paper"]
    return [Table(title="Hamming distance of the signs of change, mean ± deviation over pairs of images", head=head,
                  rows=rows, ours=(3, 4))]  # fmt: skip


def ensembles(folder: Path) -> list[Table]:
    """Table 2."""
    rows = [
        [
            row["row"], row["networks"], number(row["val_top1_error"], 100), row["paper_val_top1_error"],
            number(row["val_top5_error"], 100), row["paper_val_top5_error"],
        ]
        for row in read_csv(folder / "tab2.csv")
    ]  # fmt: skip
    head = ["", "networks", "top-1", "paper", "top-5", "paper"]
    return [Table(title="Error %; the paper's is of ImageNet", head=head, rows=rows, ours=(2, 4))]


def ablation(folder: Path) -> list[Table]:
    """Table 3."""
    columns = ("train_top1_error", "val_top1_error", "val_top5_error")
    found: dict[str, list[dict[str, str]]] = {}
    for row in read_csv(folder / "tab3.csv"):
        found.setdefault(row["model"], []).append(row)
    rows = [
        [model, *(cell for column in columns for cell in (
            mean_and_deviation([100 * float(row[column]) for row in own]), own[0][f"paper_{column}"],
        ))]
        for model, own in found.items()
    ]  # fmt: skip
    head = ["", "train top-1", "paper", "val top-1", "paper", "val top-5", "paper"]
    return [Table(title="Error %, of several seeds mean ± deviation [95 % interval]; the paper's is of ImageNet",
                  head=head, rows=rows, ours=(1, 3, 5))]  # fmt: skip


def transfers(name: str, folder: Path) -> list[Table]:
    """Tables 4 and 5."""
    rows = [
        [
            f"{row['method']}, {row['per_class']} a class",
            f"{spread(row['mean'], row['deviation'])} [{number(row['low'])}, {number(row['high'])}]",
            spread(row["paper_mean"], row["paper_deviation"]), row["folds"],
        ]
        for row in read_csv(folder / f"{name}.csv")
    ]  # fmt: skip
    return [Table(title="Accuracy %, mean over folds ± deviation [95 % interval]", head=["", "here", "paper", "folds"],
                  rows=rows, ours=(1,))]  # fmt: skip


def depth(folder: Path) -> list[Table]:
    """Table 7, of which the saved lines hold the paper's numbers too."""
    lines, chance = load_depth(folder / "tab7.npz")
    networks = list(dict.fromkeys(line.network for line in lines))
    own = {line.network for line in lines if not line.quoted}
    asked = dict.fromkeys(
        (line.probe, layer) for line in lines if not line.quoted for layer in line.layers.tolist()
    )  # fmt: skip
    rows = []
    for probe, layer in asked:
        cells = []
        for network in networks:
            line = next((one for one in lines if (one.network, one.probe) == (network, probe)), None)
            cells.append("–" if line is None else mean_and_deviation(line.of_layer(layer), none="–"))
        rows.append([f"{probe}, layer {layer}", *cells])
    ours = [1 + at for at, network in enumerate(networks) if network in own]
    title = f"Accuracy % of a linear probe, mean over folds ± deviation; guessing gives {100 * chance:.1f}"
    return [Table(title=title, head=["", *networks], rows=rows, ours=ours)]


def plain(title: str, file: str, columns: Sequence[str], folder: Path) -> list[Table]:
    """Some columns of a job's CSV as they are; none where it is not there."""
    if not (folder / file).is_file():
        return []
    found = read_csv(folder / file)[:MOST_ROWS]
    known = [name for name in columns if found and name in found[0]] or list(found[0])[:8] if found else []
    rows = [[number(row[name], digits=3) if _is_fraction(row[name]) else row[name] for name in known] for row in found]
    return [Table(title=title, head=[name.replace("_", " ") for name in known], rows=rows)] if rows else []


def _is_fraction(text: str) -> bool:
    try:
        return not float(text).is_integer()
    except (ValueError, OverflowError):
        return False
