"""What mining found: the strongest places of every map, as a value that merges, and is saved and loaded."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zfnet.display import html_table
from zfnet.files import read_arrays, whole_file

log = logging.getLogger(__name__)

FIELDS = ("value", "image", "row", "column")
FORMAT = 1
COLUMNS = ("layer", "maps", "places of each", "dead maps", "strongest")  # of what a notebook shows


@dataclass(frozen=True)
class TopUnits:
    """The k strongest places of each map of a layer, one a map an image, strongest first.

    value (maps, k) float; image, row, column (maps, k) int64: the position in the data set and the place in the map,
    0 and 0 in fully connected layers. Equal values: the lower image, then the earlier place. Where there were fewer
    than k images the value is -inf and the rest -1. scores: whether the values are class scores, which may be negative.
    """

    value: Tensor
    image: Tensor
    row: Tensor
    column: Tensor
    scores: bool = False

    @property
    def dead(self) -> Tensor:
        """The maps (D,) that are positive nowhere in the data; a class score is never called dead."""
        silent = self.value[:, 0] <= 0
        return (silent & (not self.scores)).nonzero()[:, 0]

    def units(self, number: int) -> Tensor:
        """The places of one map as units (n, 4), n <= k: image, map, row, column, strongest first.

        Raises IndexError for a map that is not there.
        """
        if isinstance(number, bool) or number not in range(len(self.value)):
            raise IndexError(f"map {number} is not there: expected one of 0 to {len(self.value) - 1}")
        found = self.image[number] >= 0
        image, row, column = self.image[number], self.row[number], self.column[number]  # (k,) each
        return torch.stack([image, torch.full_like(image, number), row, column], dim=1)[found]  # (n, 4)

    def batch_of(
        self, maps: int | Sequence[int] | Tensor | NDArray[np.integer[Any]], k: int | None = None
    ) -> BatchUnits:
        """The places of some maps as units of a batch of the images they lie in: load those, record, project.

        k: so many of each map, the strongest; None for all that were kept. Raises IndexError for a map that is not
        there, and ValueError for k < 1.
        """
        if k is not None and k < 1:
            raise ValueError(f"k={k} places of each map, expected 1 or more, or None for all {self.value.shape[1]}")
        numbers = torch.as_tensor(list(maps) if isinstance(maps, Set) else maps).reshape(-1).tolist()
        units = torch.cat([self.units(number)[:k] for number in numbers] or [torch.empty((0, 4), dtype=torch.int64)])
        images, place = units[:, 0].unique(return_inverse=True)  # (B,) and (n,)
        return BatchUnits(images.tolist(), torch.cat([place[:, None], units[:, 1:]], dim=1))

    def _repr_html_(self) -> str:
        return html_table("TopUnits", COLUMNS, [self.glance("")])

    def glance(self, layer: str) -> tuple[object, ...]:
        """A line on a layer, for people."""
        strongest_map = int(self.value[:, 0].argmax())
        value = self.value[strongest_map, 0]
        where = f"map {strongest_map}, image {int(self.image[strongest_map, 0])}"
        count, k = self.value.shape
        return layer, count, k, len(self.dead), f"{float(value):.4g} ({where})"


class BatchUnits(NamedTuple):
    """Units (n, 4) of a batch, image, map, row and column, and the numbers in the data set of its images, ascending.

    images, units = top["conv5"].batch_of([3, 7])
    record = deconvnet.record(torch.stack([data[number] for number in images]))
    pixels = deconvnet.project(record, "conv5", units)
    """

    images: list[int]
    units: Tensor


class Mined(dict[str, TopUnits]):
    """The result of mining: layer -> TopUnits. images: how many were looked at."""

    def __init__(self, layers: Mapping[str, TopUnits], images: int) -> None:
        super().__init__(layers)
        self.images = images

    def _repr_html_(self) -> str:
        title = f"the strongest places of every map in {self.images:,} images"
        return html_table(title, COLUMNS, [top.glance(layer) for layer, top in self.items()])

    def log_dead(self) -> None:
        """A line in the log for every layer with maps that answered to nothing."""
        for layer, top in self.items():
            dead = top.dead.tolist()
            if dead:
                shown = ", ".join(map(str, dead[:20])) + (" ..." if len(dead) > 20 else "")
                log.warning("%s: %d of %d maps are dead on these %d images, never above 0: %s",
                            layer, len(dead), len(top.value), self.images, shown)  # fmt: skip

    def save(self, path: str | Path, fingerprint: Mapping[str, str]) -> None:
        """Write an .npz file; a crash leaves the old file or the new one.

        fingerprint: what the result holds for, such as {"data": ..., "weights": weights_fingerprint(model)}.
        """
        about = {"format": FORMAT, "images": self.images, "fingerprint": dict(fingerprint), "layers": list(self)}
        arrays = {f"{layer}/{name}": getattr(top, name).numpy() for layer, top in self.items() for name in FIELDS}
        scores = [layer for layer, top in self.items() if top.scores]
        with whole_file(path) as file:
            np.savez(file, about=json.dumps({**about, "scores": scores}), **arrays)

    @staticmethod
    def load(path: str | Path, fingerprint: Mapping[str, str | Sequence[str]]) -> Mined:
        """What `save` wrote. Raises ValueError if it holds for something else, naming both fingerprints.

        fingerprint: as for `save`; of several for a name any will do, and the first is named.
        """
        path = Path(path)
        try:
            arrays = read_arrays(path)
            about = json.loads(str(arrays["about"]))
            held, version = dict(about["fingerprint"]), about["format"]
        except (ValueError, KeyError, TypeError) as error:
            reason = str(error).removeprefix(f"{path} ")
            raise ValueError(f"{path} is no file of mined units ({reason}): delete it and mine again") from error
        _check(path, version, held, fingerprint)
        try:
            return Mined({name: _top_units(arrays, name, about["scores"]) for name in about["layers"]}, about["images"])
        except (ValueError, KeyError, TypeError) as error:
            reason = str(error).removeprefix(f"{path} ")
            raise ValueError(f"{path} is damaged ({reason}): delete it and mine again") from error


def _top_units(arrays: Mapping[str, NDArray[Any]], layer: str, scores: Sequence[str]) -> TopUnits:
    value, *places = (arrays[f"{layer}/{name}"] for name in FIELDS)
    kinds = [value.dtype.kind, *(place.dtype.kind for place in places)]
    if value.ndim != 2 or kinds != ["f", "i", "i", "i"] or any(place.shape != value.shape for place in places):
        raise ValueError(f"{layer} holds shapes {[value.shape, *(p.shape for p in places)]} of kinds {kinds}")
    image, row, column = map(torch.from_numpy, places)
    return TopUnits(value=torch.from_numpy(value), image=image, row=row, column=column, scores=layer in scores)


def _check(
    path: Path, version: object, held: Mapping[str, object], fingerprint: Mapping[str, str | Sequence[str]]
) -> None:
    if version != FORMAT:
        raise ValueError(f"{path} is of format {version}, expected {FORMAT}: delete it and mine again")
    for name in sorted({*held, *fingerprint}):
        asked = fingerprint.get(name)
        choices = [asked] if asked is None or isinstance(asked, str) else list(asked)
        if held.get(name) not in choices:
            raise ValueError(
                f"{path} was mined with {name} {held.get(name)}, but the {name} asked for is {choices[0]}: "
                "delete it to mine again, or give another file"
            )


def merge(results: Sequence[Mined]) -> Mined:
    """The result over all the images of several, such as those of several processes: the same as one would find.

    Those of no images count for nothing. Dead maps go to the log. Raises ValueError as `joined`.
    """
    merged = joined(results)
    merged.log_dead()
    return merged


def joined(results: Sequence[Mined]) -> Mined:
    """The same of a part of the images, of which nothing is told yet.

    Raises ValueError where they are of different layers or k, or of no images.
    """
    results = [result for result in results if result.images]
    if not results:
        raise ValueError("no results of any image to merge, expected at least one")
    kinds = [{layer: tuple(top.value.shape) for layer, top in result.items()} for result in results]
    if any(kind != kinds[0] for kind in kinds):
        raise ValueError(f"results of different layers, maps or k do not merge: {kinds}")
    return Mined(
        {layer: _merged([result[layer] for result in results]) for layer in results[0]},
        sum(result.images for result in results),
    )


def _merged(tops: Sequence[TopUnits]) -> TopUnits:
    joined = {name: torch.cat([getattr(top, name) for top in tops], dim=1) for name in FIELDS}  # (maps, k * results)
    pick = strongest(joined["value"], joined["image"], tops[0].value.shape[1])  # (maps, k)
    return TopUnits(**{name: values.gather(1, pick) for name, values in joined.items()}, scores=tops[0].scores)


def strongest(value: Tensor, image: Tensor, k: int) -> Tensor:
    """Columns (maps, k) of the k largest of value (maps, n), n >= k, in order; equal ones by image (maps, n)."""
    by_image = image.argsort(dim=1, stable=True)  # (maps, n)
    by_value = value.gather(1, by_image).argsort(dim=1, descending=True, stable=True)  # (maps, n)
    return by_image.gather(1, by_value[:, :k])  # (maps, k)
