"""A drawn object whose parts a page moves, recolours and takes away."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict

import numpy as np

from zfnet.data.parts_world import CLASSES, Change, draw, part_names
from zfnet.live.pictures import Picture, Pictures

MOST_SEED = 9999
FARTHEST = 0.6  # of the object's longer side


def drawing_names() -> list[str]:
    return [kind.name for kind in CLASSES]


def parts_of(class_index: int, seed: int) -> list[str]:
    """The names of an object's parts, those that are hidden too."""
    return part_names(class_index, np.random.default_rng(seed))


def draw_picture(pictures: Pictures, class_index: int, seed: int, changes: Mapping[str, Change]) -> Picture:
    """The object of a class and a seed with its parts changed. Raises ValueError as `draw` does."""
    squares = [
        draw(class_index, np.random.default_rng(seed), frame.side_px, changes=changes).pixels
        for frame in pictures.frames
    ]
    recipe = json.dumps({"class": CLASSES[class_index].name, "seed": seed, "changes": {
        part: {key: value for key, value in asdict(change).items() if value not in (None, 0.0, False)}
        for part, change in sorted(changes.items())
    }})  # fmt: skip
    return pictures.of_squares(squares, f"{CLASSES[class_index].name}-{seed}.png", recipe)
