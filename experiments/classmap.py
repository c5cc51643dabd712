"""What a network says at every place of larger images: python experiments/classmap.py checkpoint=... images=..."""

from __future__ import annotations

from experiments.common.job import Run, start

if __name__ == "__main__":
    start("experiments.classmap:classmap")

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig
from PIL import Image
from torch import Tensor

from experiments.common.config import as_list, list_or_none, pick
from experiments.common.network import NetworkChoice, open_chosen
from experiments.common.publish import publish
from zfnet.analysis import class_map
from zfnet.data import FILTERS, InputFrame, class_number, photograph_paths, read_rgb
from zfnet.figures.class_map import ClassMaps, draw_classmaps, load_maps, save_maps
from zfnet.models import FullyConvolutional, convolutionalize
from zfnet.network import Network
from zfnet.progress import track
from zfnet.runs import write_csv

ENLARGED = 2  # by default, the shortest side over what the network was made for
MOST, ROWS = 8, 12  # classes and images of a figure


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What conf/classmap.yaml says of the images, their sizes, the mean over places and the classes to draw."""

    images: str | list[str] | None
    sides: int | list[int] | None
    average: int | None
    classes: str | int | list[str | int] | None
    top: int


class Classes(NamedTuple):
    """The classes of a network, or of saved arrays."""

    wnids: tuple[str, ...]
    names: tuple[str, ...]

    @staticmethod
    def of(one: ClassMaps) -> Classes:
        return Classes(tuple(one.wnids.tolist()), tuple(one.names.tolist()))

    @staticmethod
    def of_network(network: Network) -> Classes:
        return Classes(network.wnids, network.names)


def classmap(config: DictConfig, run: Run) -> None:
    """Slide, save the arrays, draw and tell; or draw again from saved arrays."""
    if not run.world.first:
        return
    settings = pick(Settings, config)
    if config.redraw is None:
        maps = compute(pick(NetworkChoice, config), settings, run)
        save_maps(run.folder / "classmap.npz", maps)
    else:
        maps = load_maps(config.redraw)
        if settings.classes is not None:
            maps = [replace(one, chosen=chosen_classes(settings, Classes.of(one), one.probability)) for one in maps]
    report(maps, run.folder)


def compute(choice: NetworkChoice, settings: Settings, run: Run) -> list[ClassMaps]:
    """The arrays of each image at each size."""
    network = open_chosen(choice, run, relayout=False)
    frame = network.frame
    fully = convolutionalize(network.model, 1 if settings.average is None else settings.average)
    if fully.own_px is None and settings.average is None:
        fully = convolutionalize(network.model, own_places(fully, frame))
    paths = photograph_paths(settings.images)
    own_px = fully.own_px or frame.size_px
    sides = [ENLARGED * own_px] if settings.sides is None else as_list(settings.sides)
    if not sides or not all(isinstance(side, int) and side > 0 for side in sides):
        raise ValueError(f"sides={settings.sides}, expected one or more positive numbers of pixels")
    run.note(checkpoint=choice.source, images=paths, sides=sides)
    maps = []
    for path, side_px in track([(path, side) for path in paths for side in sides], "sliding", unit="image"):
        picture = enlarged(path, side_px, frame.interpolation)
        found = class_map(fully, normalised(picture, frame))
        probability = found.probability[0].cpu().numpy()
        classes = Classes.of_network(network)
        (size, _), (step, _), (first, _) = found.field.size_px, found.field.step_px, found.field.offset_px
        maps.append(ClassMaps(
            picture=picture, path=np.array(path), names=np.array(classes.names, np.str_),
            wnids=np.array(classes.wnids, np.str_), probability=probability, rows=found.centres(0).numpy(),
            columns=found.centres(1).numpy(), window=np.array([size, step, first]),
            chosen=chosen_classes(settings, classes, probability), network=np.array(choice.title),
        ))  # fmt: skip
    return maps


def own_places(fully: FullyConvolutional, frame: InputFrame) -> int:
    """How many places a side there are at the network's own size."""
    blank = torch.zeros(1, frame.channels, frame.size_px, frame.size_px, device=frame.mean.device)
    return class_map(fully, blank).scores.shape[2]


def enlarged(path: str, side_px: int, interpolation: str) -> NDArray[np.uint8]:
    """The whole picture (H, W, 3), its shortest side brought to side_px by a filter of FILTERS."""
    image = read_rgb(path)
    scale = side_px / min(image.size)
    size = tuple(max(side_px, round(scale * length)) for length in image.size)
    return np.asarray(image.resize((size[0], size[1]), FILTERS[interpolation]))


def normalised(picture: NDArray[np.uint8], frame: InputFrame) -> Tensor:
    """As the network takes it (1, C, H, W): a mean image cannot lie under every place, so its mean colour is taken."""
    pixels = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].to(frame.mean)
    if frame.channels == 1:
        grey = Image.fromarray(picture).convert("L")
        pixels = torch.from_numpy(np.array(grey))[None, None].to(frame.mean)
    return (pixels - frame.mean.mean((1, 2), keepdim=True)) / frame.scale


def chosen_classes(settings: Settings, classes: Classes, probability: NDArray[np.floating]) -> NDArray[np.int64]:
    """The classes asked for, or those most probable on the mean over all places.

    Raises ValueError for unknown classes, for none, and for more than fit beside each other.
    """
    words = list_or_none(settings.classes)
    count = settings.top if words is None else len(words)
    if not 1 <= count <= MOST:
        given = f"top={count}" if words is None else f"classes={words}"
        raise ValueError(f"{given}: expected 1 to {MOST} classes, which fit beside each other")
    if words is not None:
        return np.array([class_number(word, classes) for word in words], np.int64)
    return np.argsort(-probability.mean((1, 2)), kind="stable")[: settings.top]


def report(maps: Sequence[ClassMaps], folder: Path) -> None:
    """The figures, of ROWS images each, in files and TensorBoard, and where each class drawn is most probable."""
    rows: list[dict[str, object]] = []
    for one in maps:
        height, width = one.picture.shape[:2]
        size, step, first = one.window.tolist()
        print(
            f"{one.path}, {height} x {width} px: {len(one.rows)} x {len(one.columns)} places; place (r, c) sees {size} "
            f"px from ({first} + {step} r, {first} + {step} c)"
        )
        for number in one.chosen.tolist():
            values = one.probability[number]
            row, column = divmod(int(values.argmax()), values.shape[1])
            share = float((one.label == number).mean())
            rows.append({
                "path": str(one.path), "height_px": height, "width_px": width, "class": number,
                "name": str(one.names[number]), "highest": float(values.max()), "row_px": float(one.rows[row]),
                "column_px": float(one.columns[column]), "mean": float(values.mean()), "places_most_probable": share,
            })  # fmt: skip
            print(
                f"  {one.names[number]}: highest {values.max():.3f} around row {one.rows[row]:g}, column "
                f"{one.columns[column]:g}; most probable at {share:.0%} of the places"
            )
    write_csv(folder / "classmap.csv", rows)
    publish({
        "classmap" if len(maps) <= ROWS else f"classmap_{page}": partial(draw_classmaps, maps[at : at + ROWS])
        for page, at in enumerate(range(0, len(maps), ROWS), start=1)
    }, folder)  # fmt: skip
