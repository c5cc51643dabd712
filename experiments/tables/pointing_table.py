"""The tables of the pointing game: by class, and by part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.tables.text_table import print_columns
from zfnet.analysis import mean_interval
from zfnet.figures.pointing import Points

SHARES = ("hit", "chance", "middle", "deciding_hit", "deciding_chance", "deciding_middle")
DROPS = {"drop": "part_drop", "on_object": "on_object", "in_image": "in_image"}  # by their names in Points
Rows = list[dict[str, Any]]
Mask = NDArray[np.bool_]


def class_rows(points: Points) -> Rows:
    """A row a class, and one of all images; None where there is no value or no interval."""
    rows = [class_row(points, str(points.names[target]), points.target == target) for target in points.classes()]
    return [*rows, class_row(points, "all", np.ones(len(points.path), bool))]


def part_rows(points: Points) -> Rows:
    """A row a part of each class, those first whose hiding takes most."""
    return [
        {
            "class": str(points.names[target]), "part": name, "deciding": bool(points.part_deciding[which].any()),
            "seen": int(which.sum()), **part_means(points, which),
        }
        for target in points.classes() for name, which in points.parts_of(target)
    ]  # fmt: skip


def class_row(points: Points, name: str, images: Mask) -> dict[str, Any]:
    """Shares of images, and mean drops over their parts, with their intervals."""
    correct = points.clean_label == points.target
    row: dict[str, Any] = {"class": name, "images": int(images.sum()), "correct": float(correct[images].mean())}
    numbers = np.arange(len(images))
    for field in SHARES:
        row |= estimate(field, getattr(points, field)[images], numbers[images])
    own = images[points.part_image]
    for kind, which in (("deciding", own & points.part_deciding), ("other", own & ~points.part_deciding)):
        row |= {f"{kind}_{name}": value for name, value in part_means(points, which).items()}
    return row


def part_means(points: Points, which: Mask) -> dict[str, float | None]:
    """Of those of the P parts: what hiding them takes, and random boxes."""
    found: dict[str, float | None] = {}
    for name, field in DROPS.items():
        found |= estimate(name, getattr(points, field)[which], points.part_image[which])
    return found


def estimate(name: str, values: NDArray[np.floating], image: NDArray[np.int64]) -> dict[str, float | None]:
    """The mean of values (n,), of those that are numbers, with its 95 % interval over the images (n,) they are of."""
    there = np.isfinite(values)
    numbers, at = np.unique(image[there], return_inverse=True)
    sums, counts = np.bincount(at, values[there], len(numbers)), np.bincount(at, minlength=len(numbers))
    mean = float(values[there].mean()) if there.any() else None
    low, high = (None if np.isnan(edge) else edge for edge in mean_interval(sums, counts))
    return {name: mean, f"{name}_low": low, f"{name}_high": high}


def show(points: Points, rows: Rows) -> None:
    """Print both tables, with the mean of all images below the classes."""
    print(
        f"\nShares in % of images whose greatest drop, by a square of {points.size_px} px, lies on the object and on a "
        "deciding part;\nbeside them the share of all places that do (chance) and whether the image's middle does; in "
        "brackets the 95 %\nbootstrap interval over images; a dash where no image has such a part."
    )
    shares = ("object", "chance", "middle", "deciding", "chance", "middle")
    print_columns(lines_of(rows, shares, SHARES, percent=True))
    print(
        "\nMean drop of the class's probability with a deciding or another part hidden; with random boxes of its size\n"
        "on the object, in the image."
    )
    fields = [f"{kind}_{name}" for kind in ("deciding", "other") for name in DROPS]
    drops = ("deciding", "on object", "in image", "other", "on object", "in image")
    print_columns(lines_of(rows, drops, fields))


def lines_of(rows: Rows, heads: Sequence[str], fields: Sequence[str], *, percent: bool = False) -> list[list[str]]:
    """A heading and a line a row, in words: its class, how many images, and its fields with their intervals."""
    lines = [[row["class"], str(row["images"]), *(in_words(row, field, percent) for field in fields)] for row in rows]
    return [["class", "images", *heads], *lines]


def in_words(row: dict[str, Any], field: str, percent: bool) -> str:
    """A mean with its interval."""
    mean, low, high = (row[name] for name in (field, f"{field}_low", f"{field}_high"))
    if mean is None:
        return "-"
    own, *edges = (
        f"{100 * value:.0f}" if percent else f"{round(value, 2) + 0.0:.2f}"  # -0.0 is 0.0
        for value in (mean, low, high)
        if value is not None
    )
    return f"{own} [{', '.join(edges)}]" if edges else own
