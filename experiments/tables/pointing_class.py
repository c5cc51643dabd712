"""One class of the pointing game: what hiding a square does to its images, and what else points at their objects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from experiments.common.config import check_least
from experiments.common.job import Run
from experiments.tables.compared_read_outs import Ways, as_arrays, read_out
from zfnet.analysis.occlusion import Occlusion, occlude, part_drops, pointing_game
from zfnet.data import ImageData, draw_boxes
from zfnet.data.parts_world import Box, ImageParts, InView, Part, parts_in_view
from zfnet.figures.pointing import mean
from zfnet.network import Network
from zfnet.training import Piece

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

    def __post_init__(self) -> None:
        check_least(self, images=1, square_px=1, stride_px=1, draws=1)


@dataclass(frozen=True)
class Asked:
    """A class: its folder, its number in the network, and the images of it that are listed."""

    wnid: str
    target: int
    listed: Sequence[ImageParts]


def one_class(network: Network, settings: Settings, run: Run, asked: Asked) -> Piece:
    """What is told of a class; nothing where no object of it is in view."""
    assert settings.data is not None
    images = list(islice(parts_in_view(settings.data.root, asked.listed, network.frame), settings.images))
    if not images:
        return {}
    played = play(network, images, asked.target, settings, run)
    if not settings.sizes_px:
        return played
    ways = Ways(settings.sizes_px, settings.fills, settings.stride_px, settings.seed)
    return played | as_arrays(read_out(network, images, asked.target, ways, run))


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
