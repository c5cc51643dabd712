"""What a page asks, checked: every number in its range, every picture and layer there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zfnet.data.parts_world import CLASSES, Change
from zfnet.live.drawn import FARTHEST, MOST_SEED, draw_picture, parts_of, question_of
from zfnet.live.hiding import Square
from zfnet.live.lens import RULES, Lens, LiveLayer
from zfnet.live.pictures import Forgotten, Picture, Pictures
from zfnet.live.words import Seen

MOST_UNITS, MOST_COLUMNS = 12, 3


@dataclass(frozen=True)
class Asked:
    """A question: what the page sent, and what it may speak of. Every method raises ValueError in one line."""

    said: Mapping[str, Any]
    lenses: Sequence[Lens]
    pictures: Pictures

    def number(self, name: str, least: int, most: int, default: int | None = None) -> int:
        value = self.said.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ValueError(f"{name} is {str(value)[:40]!r}, expected a whole number from {least} to {most}")
        return value

    def share(self, name: str, values: Mapping[str, Any], least: float, most: float) -> float:
        value = values.get(name, 0.0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise ValueError(f"{name} is {str(value)[:40]!r}, expected a number from {least} to {most}")
        return float(value)

    @property
    def lens(self) -> Lens:
        return self.lenses[self.number("network", 0, len(self.lenses) - 1, 0)]

    @property
    def picture(self) -> Picture:
        return self.picture_of(str(self.said.get("picture")))

    def picture_of(self, key: str) -> Picture:
        """Raises Forgotten for one that is no longer kept; a drawn one is drawn again."""
        try:
            return self.pictures[key]
        except Forgotten:
            said = question_of(key)
            if said is None:
                raise
            return draw_picture(self.pictures, *Asked(said, self.lenses, self.pictures).drawing())

    @property
    def before(self) -> Picture | None:
        """The picture that was there before, if there was one and it is still kept."""
        key = self.said.get("before")
        try:
            return None if key is None else self.picture_of(str(key))
        except (KeyError, ValueError):
            return None

    @property
    def layer(self) -> LiveLayer:
        return self.lens.layer(str(self.said.get("layer")))

    @property
    def rule(self) -> str:
        rule = self.said.get("rule", RULES[0])
        if rule not in RULES:
            raise ValueError(f"rule is {str(rule)[:40]!r}, expected one of {', '.join(RULES)}")
        return str(rule)

    def map(self) -> int:
        return self.number("map", 0, self.layer.shape[0] - 1)

    def place(self) -> tuple[int, int]:
        """row and column in the layer's maps."""
        rows, columns = self.layer.shape[1:] or (1, 1)
        return self.number("row", 0, rows - 1), self.number("column", 0, columns - 1)

    def units(self) -> list[list[int]]:
        """units: [[map, row, column], ...]."""
        given, shape = self.said.get("units"), (*self.layer.shape, 1, 1)[:3]
        if not isinstance(given, list) or not 0 < len(given) <= MOST_UNITS:
            raise ValueError(f"units are expected as 1 to {MOST_UNITS} lists of map, row and column")
        for unit in given:
            whole = isinstance(unit, list) and len(unit) == 3 and all(type(one) is int for one in unit)
            if not whole or not all(0 <= one < most for one, most in zip(unit, shape, strict=True)):
                raise ValueError(f"no unit {str(unit)[:40]} in layer {self.layer.name}, whose shape is {shape}")
        return given

    def square(self, name: str = "hidden") -> Square:
        """[top, left, side] in pixels; it may reach beyond the picture."""
        given, most = self.said.get(name), self.lens.size_px
        least = (-most, -most, 1)
        if not (
            isinstance(given, list)
            and len(given) == 3
            and all(type(one) is int and low <= one <= most for one, low in zip(given, least, strict=True))
        ):
            raise ValueError(f"{name} is {str(given)[:40]}, expected [top, left, side] of a square, at most {most} px")
        return given[0], given[1], given[2]

    def columns(self) -> list[Seen]:
        """What is to be saved: one, or several side by side as columns: [...]."""
        given = self.said.get("columns", [self.said])
        if (
            not isinstance(given, list)
            or not 0 < len(given) <= MOST_COLUMNS
            or not all(type(one) is dict for one in given)
        ):
            raise ValueError(f"columns are expected as 1 to {MOST_COLUMNS} objects")
        return [Asked(one, self.lenses, self.pictures).seen() for one in given]

    def seen(self) -> Seen:
        hidden = None if self.said.get("hidden") is None else self.square()
        return Seen(
            lens=self.lens, picture=self.picture, layer=self.layer.name, units=self.units(), rule=self.rule,
            hidden=hidden,
        )  # fmt: skip

    def drawing(self) -> tuple[int, int, dict[str, Change]]:
        """The class, the seed, and the changes by part."""
        kind, seed = self.number("class", 0, len(CLASSES) - 1), self.number("seed", 0, MOST_SEED)
        given, known = self.said.get("changes", {}), parts_of(kind, seed)
        if not isinstance(given, dict) or not set(given) <= set(known):
            raise ValueError(f"changes are expected of parts of a {CLASSES[kind].name}: {', '.join(known)}")
        changes = {}
        for part, values in given.items():
            if not isinstance(values, dict):
                raise ValueError(f"the change of {part} is {str(values)[:40]!r}, expected right, down, hue or gone")
            hue = None if values.get("hue") is None else self.share("hue", values, 0, 1)
            right, down = (self.share(name, values, -FARTHEST, FARTHEST) for name in ("right", "down"))
            changes[part] = Change(right=right, down=down, hue=hue, gone=values.get("gone") is True)
        return kind, seed, changes
