"""The ten classes: how each is drawn, and which of its parts no other class has in that form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from zfnet.data.parts_world.sideways import sideways
from zfnet.data.parts_world.sitting import sitting
from zfnet.data.parts_world.sketch import Sketch
from zfnet.data.parts_world.vehicles import vehicle

Builder = Callable[[str, np.random.Generator, tuple[float, float]], Sketch]


@dataclass(frozen=True)
class PartsClass:
    """deciding: the parts that tell this class from every other; the rest is shared with at least one of them."""

    wnid: str
    name: str
    build: Builder
    deciding: frozenset[str]


def _class(number: int, name: str, build: Builder, *, deciding: str) -> PartsClass:
    """deciding: the parts' names with spaces between."""
    wnid = f"n{90_000_000 + number}"
    return PartsClass(wnid=wnid, name=name, build=build, deciding=frozenset(deciding.split()))


CLASSES = (
    _class(1, "cat", sitting, deciding="left_eye right_eye nose left_whiskers right_whiskers"),
    _class(2, "dog", sitting, deciding="left_ear right_ear muzzle nose tongue"),
    _class(3, "rabbit", sitting, deciding="left_ear right_ear nose teeth"),
    _class(4, "owl", sitting, deciding="left_eye right_eye beak left_wing right_wing"),
    _class(5, "bird", sideways, deciding="beak wing tail front_leg rear_leg"),
    _class(6, "fish", sideways, deciding="tail dorsal_fin belly_fin side_fin gill mouth"),
    _class(7, "car", vehicle, deciding="rear_window front_window"),
    _class(8, "bus", vehicle, deciding="windows door"),
    _class(9, "truck", vehicle, deciding="cargo middle_wheel"),
    _class(10, "tractor", vehicle, deciding="rear_wheel chimney"),
)
