"""How a job is run for a report: the words that its command needs beside network, images and hardware."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from experiments.common.config import quote_override
from experiments.common.network import NetworkChoice
from experiments.report_parts.inner_job import LeftOut
from experiments.report_parts.kept_runs import Shelf
from experiments.report_parts.trainings import Training, trainings
from zfnet.analysis.evolution import FOLDER
from zfnet.data import classes_of
from zfnet.mining import CentreViews
from zfnet.network import Network

FEW = 3  # images of Fig. 7
BOXES = ("parts.json", "boxes.json")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a report is of."""

    network: Network
    choice: NetworkChoice
    views: CentreViews
    shelf: Shelf
    root: str | None
    maps: int
    pointing_images: int

    @property
    def square_px(self) -> int:
        return max(1, self.network.frame.size_px * 3 // 14)  # 48 of 224

    def trainings(self) -> list[Training]:
        return trainings(self.shelf.runs, self.network)

    def known_classes(self) -> list[int]:
        """The network's classes that the images' folders name."""
        labels = self.views.source.labels
        named = classes_of(self.views.source, self.network)
        there = {named[label] for label in np.unique(labels[labels >= 0]).tolist()}
        return sorted(one for one in there if one is not None)

    def has(self, names: Sequence[str]) -> bool:
        return self.root is not None and any((Path(self.root) / name).is_file() for name in names)


Words = Callable[[Wanted], list[str]]


def errors(wanted: Wanted) -> list[str]:
    if tuple(wanted.network.wnids) != tuple(wanted.views.source.wnids) and len(wanted.known_classes()) < len(
        wanted.network.names
    ):
        raise LeftOut("the images have other classes than the network, or no labels")
    return ["views=1"]


def features(wanted: Wanted) -> list[str]:
    return [f"maps={wanted.maps}"]


def evolution(wanted: Wanted) -> list[str]:
    trained = wanted.shelf.trained
    if trained is None or not any((trained / FOLDER).glob("epoch-*.npz")):
        raise LeftOut("nothing was kept of the network's epochs: it takes a training with evolution")
    return [f"run={quote_override(str(trained))}", "film=null"]


def _classes(wanted: Wanted, count: int) -> str:
    known = wanted.known_classes()
    if not known:
        return "classes=predicted"
    chosen = np.linspace(0, len(known) - 1, min(count, len(known))).round().astype(int)
    return f"classes=[{','.join(str(known[at]) for at in chosen)}]"


def invariance(wanted: Wanted) -> list[str]:
    return ["more=[]", _classes(wanted, 5)]


def filters(wanted: Wanted) -> list[str]:
    name = str(wanted.network.arguments.get("name", ""))
    if not name.startswith("zfnet"):
        raise LeftOut(f"it compares trainings of ZFNet from here, this network is {name or 'none of ours'}")
    words = [f"zfnet={quote_override(wanted.choice.source)}"]
    for option, of_kind in (
        ("alexnet", lambda one: one.model == "alexnet" and one.limit is not None),
        ("unlimited", lambda one: one.model == name and one.limit is None),
    ):
        found = next((one for one in wanted.trainings() if of_kind(one)), None)
        if found is not None:
            words.append(f"{option}={quote_override(str(found.checkpoint))}")
    return words


def occlusion(wanted: Wanted) -> list[str]:
    stride = max(1, wanted.network.frame.size_px // 28)
    return [_classes(wanted, FEW), f"square_px={wanted.square_px}", f"stride_px={stride}"]


def pointing(wanted: Wanted) -> list[str]:
    if not wanted.has(BOXES):
        raise LeftOut("no boxes of objects: it takes a parts.json or boxes.json beside the images")
    stride = max(1, wanted.network.frame.size_px // 14)
    return [f"images={wanted.pointing_images}", f"square_px={wanted.square_px}", f"stride_px={stride}"]


def parts(wanted: Wanted) -> list[str]:
    if not wanted.has(BOXES[:1]):
        raise LeftOut("no boxes of parts: it takes a parts.json beside the images")
    return [f"root={quote_override(str(wanted.root))}"]


def depth(wanted: Wanted) -> list[str]:
    raise LeftOut("sentence 11 was not asked for: its probes are those of this table")
