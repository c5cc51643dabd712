"""The tables of the pointing game: by class, and by part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.tables.text_table import print_columns
from zfnet.figures.pointing import Points, mean

SHARES = ("hit", "chance", "middle", "deciding_hit", "deciding_chance", "deciding_middle")
Rows = list[dict[str, Any]]


def class_rows(points: Points) -> Rows:
    """A row a class, and one of all images."""
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


def class_row(points: Points, name: str, images: NDArray[np.bool_]) -> dict[str, Any]:
    """Shares of images, and mean drops over their parts."""
    row: dict[str, Any] = {"class": name, "images": int(images.sum())}
    row["correct"] = float((points.clean_label == points.target)[images].mean())
    for field in SHARES:
        row[field] = mean(getattr(points, field)[images])
    own = images[points.part_image]
    for kind, which in (("deciding", own & points.part_deciding), ("other", own & ~points.part_deciding)):
        row |= {f"{kind}_{name}": value for name, value in part_means(points, which).items()}
    return row


def part_means(points: Points, which: NDArray[np.bool_]) -> dict[str, float]:
    return {
        "drop": mean(points.part_drop[which]),
        "on_object": mean(points.on_object[which]),
        "in_image": mean(points.in_image[which]),
    }


def show(points: Points, rows: Rows) -> None:
    """Print both tables, with the mean of all images below the classes."""
    print(
        f"\nShares of images whose greatest drop, by a square of {points.size_px} px, lies on the object and on a "
        "deciding\npart; beside them the share of all places that do (chance) and whether the image's middle does;\n"
        "and the share that the network gets right."
    )
    shares = ("object", "chance", "middle", "deciding", "chance", "middle", "correct")
    print_columns(lines_of(rows, shares, (*SHARES, "correct"), ".1%"))
    print(
        "\nMean drop with a deciding or another part hidden; with random boxes of its size on the object, in the image."
    )
    fields = [f"{kind}_{name}" for kind in ("deciding", "other") for name in ("drop", "on_object", "in_image")]
    drops = ("deciding", "on object", "in image", "other", "on object", "in image")
    print_columns(lines_of(rows, drops, fields, ".3f"))


def lines_of(rows: Rows, heads: Sequence[str], fields: Sequence[str], form: str) -> list[list[str]]:
    """A heading and a line a row, in words: its class, how many images, and its fields in that form."""
    lines = [[row["class"], str(row["images"]), *(f"{row[field]:{form}}" for field in fields)] for row in rows]
    return [["class", "images", *heads], *lines]
