"""The pointing game of any network: python experiments/pointing.py checkpoint=... data=... (with a parts.json)."""

from __future__ import annotations

from experiments.common.job import Run, start

if __name__ == "__main__":
    start("experiments.pointing:pointing")

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig

from experiments.common.config import list_or_none, pick
from experiments.common.network import NetworkChoice, open_chosen
from experiments.common.publish import publish
from experiments.tables.compared_read_outs import ReadOuts, Ways, compare, read_out
from experiments.tables.pointing_table import class_rows, part_rows, show
from zfnet.analysis.occlusion import Occlusion, occlude, part_drops, pointing_game
from zfnet.data import ImageData, class_number, draw_boxes
from zfnet.data.parts_world import Box, InView, Part, images_with, parts_in_view, read_parts, wnids_of
from zfnet.figures.pointing import Points, draw_pointing, load_points, mean, save_points
from zfnet.network import Network
from zfnet.runs import write_csv

Arrays = dict[str, NDArray[Any]]
Drops = tuple[float, float, float]  # with the part hidden, with random boxes on the object, with them anywhere


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What conf/pointing.yaml says of the images, the square and the random boxes."""

    data: ImageData | None = None
    split: str | None
    classes: str | list[str] | None
    images: int
    square_px: int
    stride_px: int
    fill: Any
    sizes_px: list[int] | None
    fills: list[Any]
    draws: int
    seed: int


def pointing(config: DictConfig, run: Run) -> None:
    """Hide, count, save the arrays, tell and draw; or tell and draw again from saved arrays."""
    if not run.world.first:
        return
    if config.redraw is None:
        points = compute(pick(NetworkChoice, config), pick(Settings, config), run)
        save_points(run.folder / "pointing.npz", points)
    else:
        points = load_points(config.redraw)
    report(chosen(points, only_correct=config.only_correct), run.folder)


def chosen(points: Points, *, only_correct: bool) -> Points:
    """The images that are counted, and what is told of the others. Raises ValueError if there are none."""
    if not only_correct:
        return points
    correct = points.of_correct()
    print(f"{len(correct.path)} of {len(points.path)} images are taken for what they are, and counted")
    for target in points.classes():
        if target not in correct.target:
            own = int((points.target == target).sum())
            print(f"{points.names[target]}: none of {own} is taken for it: left out")
    if not len(correct.path):
        raise ValueError("the network takes none of the images for what it is: only_correct=false counts them all")
    return correct


def compute(choice: NetworkChoice, settings: Settings, run: Run) -> Points:
    """Everything that is told, class by class."""
    data = settings.data
    if data is None:
        raise ValueError("give data=... and checkpoint=FILE or checkpoint=torchvision:NAME, or redraw=FILE.npz")
    network = open_chosen(choice, run)
    data.prepare()
    content = read_parts(data.root)
    each_class: list[Arrays] = []
    read: list[dict[str, ReadOuts]] = []
    ways = Ways(settings.sizes_px or [], settings.fills, settings.stride_px, settings.seed)
    for wnid in wnids_of(content, list_or_none(settings.classes)):
        name = content.names.get(wnid, wnid)
        try:
            target = class_number(wnid if wnid in network.wnids else name, network)
        except ValueError as unknown:
            if settings.classes is not None:
                raise
            print(f"{name}: left out: {unknown}")
            continue
        listed = images_with(content, settings.split, wnid, ())
        images = list(islice(parts_in_view(data.root, listed, network.frame), settings.images))
        if images:
            each_class.append(play(network, images, target, settings, run))
            if ways.sizes_px:
                read.append(read_out(network, images, target, ways, run))
        else:
            print(f"{name}: no image whose object is in view: left out")
    if not each_class:
        raise ValueError(
            f"no image of split={settings.split} in {data.root} shows an object of a class that the network knows"
        )
    run.note(checkpoint=choice.source, root=data.root)
    if read:
        compare(read, run.folder, seed=settings.seed)
    return joined(each_class, network.names, settings.square_px)


def play(network: Network, images: Sequence[InView], target: int, settings: Settings, run: Run) -> Arrays:
    """One class: what Points holds of its images and, counted from 0, of their parts."""
    noise, generator = torch.Generator().manual_seed(settings.seed), np.random.default_rng([settings.seed, target])
    batch = torch.stack([image.seen.image for image in images]).to(run.world.device)
    heat = occlude(
        network.model, batch, [target] * len(images), size_px=settings.square_px, stride_px=settings.stride_px,
        fill=settings.fill, generator=noise,
    )  # fmt: skip
    random = {"size_px": network.frame.size_px, "draws": settings.draws}
    parts = [
        (number, part, drops)
        for number, image in enumerate(images)
        for part, drops in drops_beside_random(heat.of(number), image, generator, **random)
    ]
    deciding = [[part.box for part in image.parts if part.deciding] for image in images]
    games = {
        "": pointing_game(heat, [[image.object] for image in images]),
        "deciding_": pointing_game(heat, deciding),
    }
    shown = int((heat.clean_label == heat.target).int().argmax())  # the first that is taken for what it is, if any
    there = {"": np.ones(len(images), bool), "deciding_": np.array([bool(own) for own in deciding])}
    return {
        "path": np.array([image.seen.path for image in images]), "target": heat.target.numpy(),
        "clean_probability": heat.clean_probability.numpy(), "clean_label": heat.clean_label.numpy(),
        "object": np.array([image.object for image in images]), "probability": heat.probability.numpy(),
        **{
            f"{name}{field}": np.where(there[name], values.numpy(), np.nan)
            for name, game in games.items() for field, values in game._asdict().items()
        },
        **part_arrays(parts),
        "rows": heat.rows.numpy(), "columns": heat.columns.numpy(), "shown": np.array([shown]),
        "picture": images[shown].seen.pixels.permute(1, 2, 0).numpy()[None],
    }  # fmt: skip


def part_arrays(parts: Sequence[tuple[int, Part, Drops]]) -> Arrays:
    """What Points holds of the parts of numbered images."""
    return {
        "part_image": np.array([number for number, _, _ in parts], np.int64),
        "part_name": np.array([part.name for _, part, _ in parts], np.str_),
        "part_deciding": np.array([part.deciding for _, part, _ in parts], bool),
        "part_box": np.array([part.box for _, part, _ in parts], np.int64).reshape(-1, 4),
        **{
            field: np.array([drops[at] for _, _, drops in parts], np.float64)
            for at, field in enumerate(("part_drop", "on_object", "in_image"))
        },
    }


def drops_beside_random(
    heat: Occlusion, image: InView, generator: np.random.Generator, *, size_px: int, draws: int
) -> Iterator[tuple[Part, Drops]]:
    """Each part and what hiding it takes; the mean of random boxes of its size on the object, and of those anywhere."""
    own = part_drops(heat, image.parts)
    for part in image.parts:
        random = []
        for within in (image.object, (0, 0, size_px, size_px)):
            boxes = draw_boxes(part.box, avoid=[], within=within, draws=draws, generator=generator).tolist()
            drops = part_drops(heat, [unnamed_part(number, tuple(box)) for number, box in enumerate(boxes)])
            random.append(mean(np.array(list(drops.values()))))
        yield part, (own.get(part.name, float("nan")), random[0], random[1])


def unnamed_part(number: int, box: Box) -> Part:
    """A random box, to be hidden as a part is."""
    return Part(name=str(number), box=box, deciding=False)


def joined(classes: Sequence[Arrays], names: Sequence[str], square_px: int) -> Points:
    """All classes: images and parts counted on from one to the next."""
    before = np.cumsum([0, *(len(one["path"]) for one in classes)])
    counted = [
        one | {name: one[name] + first for name in ("part_image", "shown")}
        for one, first in zip(classes, before, strict=False)
    ]
    same = {name: classes[0][name] for name in ("rows", "columns")}
    arrays = {name: np.concatenate([one[name] for one in counted]) for name in classes[0] if name not in same}
    return Points(**arrays, **same, size_px=np.array(square_px), names=np.array(names, np.str_))


def report(points: Points, folder: Path) -> None:
    """The table by class, the table of parts, the figure in files and TensorBoard."""
    rows = class_rows(points)
    write_csv(folder / "pointing.csv", rows)
    write_csv(folder / "parts.csv", part_rows(points))
    show(points, rows)
    scalars = {f"pointing/{name}": value for name, value in rows[-1].items() if isinstance(value, int | float)}
    publish({"pointing": draw_pointing(points)}, folder, scalars)
