"""Make the parts world from the command line (scripts/make_parts_world)."""

from __future__ import annotations

import argparse
import sys

from zfnet.data.parts_world.classes import CLASSES
from zfnet.data.parts_world.decoys import DIFFICULTIES
from zfnet.data.parts_world.write import make_parts_world


def main() -> None:
    """Make what the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="make_parts_world",
        description="Draw the parts world: ten classes told apart by their parts, as JPEGs in ImageNet format.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--root", default="data/parts_world", help="folder to make")
    parser.add_argument("--train", type=int, default=300, help="training images a class")
    parser.add_argument("--val", type=int, default=50, help="validation images a class")
    parser.add_argument("--side", type=int, default=256, help="pixels along a side")
    parser.add_argument("--seed", type=int, default=0, help="another seed draws other images")
    parser.add_argument("--difficulty", default="easy", choices=DIFFICULTIES, help="hard: smaller, with decoys")
    parser.add_argument("--workers", type=int, default=None, help="processes; one for each core if not given")
    given = parser.parse_args()
    try:
        root = make_parts_world(
            given.root,
            train_per_class=given.train,
            val_per_class=given.val,
            side_px=given.side,
            seed=given.seed,
            workers=given.workers,
            difficulty=given.difficulty,
        )
    except ValueError as error:
        sys.exit(f"make_parts_world: {error}")
    except KeyboardInterrupt:
        sys.exit("make_parts_world: interrupted, nothing is kept; the same command begins anew")
    train, val = given.train * len(CLASSES), given.val * len(CLASSES)
    print(f"parts world in {root.absolute()}: {train} training and {val} validation images of {len(CLASSES)} classes")


if __name__ == "__main__":
    main()
