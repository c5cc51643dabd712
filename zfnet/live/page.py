"""Every question that the page can ask, answered with what JSON knows."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zfnet.data import decode_square
from zfnet.live.answers import (
    at_place,
    guesses,
    guesses_of,
    place_of,
    strongest,
    strongest_place,
    tiles_of,
)
from zfnet.live.asked import Asked
from zfnet.live.drawn import draw_picture, drawing_names, parts_of
from zfnet.live.hiding import Told, heat_of, hide_everywhere, hide_square, lines_of
from zfnet.live.lens import RULES, Lens
from zfnet.live.patches import AtlasPatches, MinedPatches
from zfnet.live.pictures import Picture, Pictures
from zfnet.live.saved import heat_figure, units_figure
from zfnet.live.wire import address, png, told_guesses, told_hidden, told_tiles, told_units
from zfnet.live.words import heat_words, words_of_all

TILES, MOST_TILES = 48, 512
THUMB_PX = 112
STRONGEST = 6  # units of a column in a comparison
FINEST = 40  # steps of a square along a side

Answer = dict[str, Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Page:
    """What a page is about. examples: image files of the gallery. drawn: whether it begins with a drawn object."""

    lenses: Sequence[Lens]
    pictures: Pictures
    examples: Sequence[Path] = ()
    atlas: AtlasPatches | None = None
    mined: MinedPatches | None = None
    drawn: bool = False
    _answers: dict[str, Callable[[Asked], Answer]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        answers = {
            "example": self.example, "draw": self.draw, "guess": self.guess, "maps": self.maps, "unit": self.unit,
            "place": self.place, "hide": self.hide, "strongest": self.strongest, "patches": self.patches,
            "words": self.words,
        }  # fmt: skip
        object.__setattr__(self, "_answers", answers)

    def answer(self, name: str, said: Mapping[str, Any]) -> Answer:
        """Raises KeyError for what nobody asks, and for a picture no longer kept; ValueError for what is not there."""
        answer = self._answers[name](self.asked(said))
        return answer if "picture" in answer else {**answer, "picture": said.get("picture")}

    def asked(self, said: Mapping[str, Any]) -> Asked:
        return Asked(said, self.lenses, self.pictures)

    def about(self) -> Answer:
        """What the page needs to know before the first picture."""
        return {
            "networks": [
                {
                    "title": lens.title, "size": lens.size_px, "classes": len(lens.network.names),
                    "drawings": [lens.network.names.index(name) if name in lens.network.names else None
                                 for name in drawing_names()],
                    "layers": [
                        {
                            "name": one.name, "shape": one.shape, "scores": one.scores,
                            "field": None if one.field is None else
                            {"size": one.field.size_px, "step": one.field.step_px, "start": one.field.offset_px},
                        }
                        for one in lens.layers.values()
                    ],
                }
                for lens in self.lenses
            ],
            "rules": RULES, "examples": [path.name for path in self.examples], "drawn": self.drawn,
            "drawings": drawing_names(), "patches": self.atlas is not None or self.mined is not None,
        }  # fmt: skip

    def thumbnail(self, number: int) -> bytes:
        """An image of the gallery, small. Raises UnreadableImage, a ValueError, for a bad one."""
        return png(decode_square(str(self.examples[number]), THUMB_PX))

    def upload(self, content: bytes, name: str) -> Answer:
        return self.told(self.pictures.of_bytes(content, name))

    def told(self, picture: Picture) -> Answer:
        pixels = [address(one) for one in picture.pixels]
        return {"picture": picture.key, "name": picture.name, "pixels": pixels}

    def example(self, asked: Asked) -> Answer:
        number = asked.number("number", 0, len(self.examples) - 1)
        return self.told(self.pictures.of_file(self.examples[number]))

    def draw(self, asked: Asked) -> Answer:
        kind, seed, changes = asked.drawing()
        return {**self.told(draw_picture(self.pictures, kind, seed, changes)), "parts": parts_of(kind, seed)}

    def guess(self, asked: Asked) -> Answer:
        watched = asked.said.get("watch")
        also = [asked.number("watch", 0, len(asked.lens.network.names) - 1)] if watched is not None else []
        return {"guesses": told_guesses(guesses(asked.lens, asked.picture, asked.before, also))}

    def maps(self, asked: Asked) -> Answer:
        count = asked.number("count", 1, MOST_TILES, TILES)
        name = asked.layer.name
        return {**told_tiles(asked.lens, name, tiles_of(asked.lens, asked.picture, name, count, asked.before)),
                "layer": name}  # fmt: skip

    def unit(self, asked: Asked) -> Answer:
        """A map at a place, or at its strongest."""
        lens, picture, layer, number = asked.lens, asked.picture, asked.layer.name, asked.map()
        place = asked.place() if "row" in asked.said else strongest_place(lens, picture, layer, number)
        found = lens.project(picture, layer, [(number, *place)], asked.rule)
        return {"layer": layer, "rule": asked.rule, "units": told_units(lens, layer, found)}

    def place(self, asked: Asked) -> Answer:
        """The strongest units at a place of the maps (row, column), or at a pixel (y, x) of the picture."""
        lens, layer = asked.lens, asked.layer
        if "row" in asked.said:
            place = asked.place()
        else:
            row, column = (asked.number(name, 0, lens.size_px - 1) for name in ("y", "x"))
            place = place_of(layer, lens.size_px, row, column)
        found = at_place(lens, asked.picture, layer.name, place, asked.rule)
        units = told_units(lens, layer.name, found)
        return {"layer": layer.name, "row": place[0], "column": place[1], "units": units}

    def hide(self, asked: Asked) -> Answer:
        lens, number, square = asked.lens, asked.map(), asked.square()
        hidden = hide_square(lens, asked.picture, square, layer=asked.layer.name, number=number)
        before = lens.probabilities(asked.picture)
        labels = [*before.topk(min(5, len(before))).indices.tolist(), int(hidden.probability.argmax())]
        told = told_guesses(guesses_of(lens, hidden.probability, before, labels))
        return {"guesses": told, "map": told_hidden(hidden), "hidden": square}

    def strongest(self, asked: Asked) -> Answer:
        """A column of a comparison: what the network takes the picture for, and a layer's strongest units."""
        lens, layer = asked.lens, asked.layer.name
        units = told_units(lens, layer, strongest(lens, asked.picture, layer, STRONGEST, asked.rule))
        told = told_guesses(guesses(lens, asked.picture)[:3])
        return {"layer": layer, "rule": asked.rule, "units": units, "guesses": told}

    def patches(self, asked: Asked) -> Answer:
        """The strongest training patches of a map of the first network."""
        if asked.lens.number != 0:
            return {"patches": [], "atlas": None}
        layer, number = asked.layer.name, asked.map()
        mined = [] if self.mined is None else self.mined.of(asked.lens, layer, number)
        return {
            "patches": [address(one) for one in mined],
            "atlas": None if self.atlas is None else self.atlas.of(layer, number),
        }

    def words(self, asked: Asked) -> Answer:
        return words_of_all(asked.columns()).told()

    def figure(self, said: Mapping[str, Any]) -> bytes:
        """What `words` says, as a PNG file."""
        return units_figure(self.asked(said).columns())

    def occlusion(self, said: Mapping[str, Any]) -> Iterator[str]:
        """Lines of JSON: how far it is, and at last the map, its figure and its words. Checked before the first."""
        asked = self.asked(said)
        lens, picture, layer = asked.lens, asked.picture, asked.layer.name
        size = asked.number("size", 1, lens.size_px)
        stride = asked.number("stride", max(1, lens.size_px // FINEST), lens.size_px)
        target = asked.number("target", 0, len(lens.network.names) - 1)

        def work(tell: Told, cancelled: threading.Event) -> None:
            heat = hide_everywhere(
                lens, picture, layer=layer, target=target, size_px=size, stride_px=stride, cancelled=cancelled,
                told=lambda count, total: tell({"done": count, "total": total}),
            )  # fmt: skip
            figure = base64.b64encode(heat_figure(lens, picture, heat, stride)).decode()
            tell({"heat": heat_of(heat), "figure": figure, **heat_words(lens, picture, heat, stride).told()})

        return lines_of(work)
