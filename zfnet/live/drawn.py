"""A drawn object whose parts a page moves, recolours and takes away."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

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
    kept = {
        part: {key: value for key, value in asdict(change).items() if value or (key == "hue" and value is not None)}
        for part, change in sorted(changes.items())
    }  # fmt: skip
    said = json.dumps({"class": class_index, "seed": seed, "changes": kept}, separators=(",", ":"))
    recipe = json.dumps({"class": CLASSES[class_index].name, "seed": seed, "changes": kept})
    return pictures.of_squares(squares, f"{CLASSES[class_index].name}-{seed}.png", recipe=recipe, key=key_of(said))


def key_of(said: str) -> str:
    """What a drawn picture is called: a digest, and the question that it answers."""
    return f"{hashlib.sha256(said.encode()).hexdigest()[:12]}.{base64.urlsafe_b64encode(said.encode()).decode()}"


def question_of(key: str) -> dict[str, Any] | None:
    """What was asked for a drawn picture; None where the key is of another. The question is not checked."""
    try:
        said = json.loads(base64.urlsafe_b64decode(key.partition(".")[2]))
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None
