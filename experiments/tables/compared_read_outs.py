"""The pointing game by several read-outs: which points at the object most often, chosen on half of the images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from experiments.common.job import Run
from experiments.tables.text_table import print_columns
from zfnet.analysis import Judged, Pointed, chances, halves, hits, judge, pointed_by_energy, pointed_by_squares
from zfnet.analysis.audit import scores_layer
from zfnet.analysis.occlusion import Occlusion, occlude
from zfnet.data.parts_world import Box, InView
from zfnet.deconv import Deconvnet
from zfnet.files import save_arrays
from zfnet.network import Network
from zfnet.runs import write_csv
from zfnet.training import Piece

SMALL = 0.5  # a small object's box is less than this share of the view
ARRAYS = ("hit", "chance", "middle", "target")
READ, FIELDS = "read", ("names", *ARRAYS)
Arrays = dict[str, NDArray[Any]]
Floats = NDArray[np.float64]
SHOWN = 8  # read-outs on the console


@dataclass(frozen=True)
class Ways:
    """Squares of these sides, each with these fills, at steps of stride_px; the seed is the noise's."""

    sizes_px: Sequence[int]
    fills: Sequence[Any]
    stride_px: int
    seed: int


@dataclass(frozen=True, kw_only=True)
class ReadOuts:
    """K read-outs of N images that the network takes for what they are, and what they were to point at.

    hit, chance (K, N): whether each points at it, and the share of its places that do; middle (N,): whether the middle
    of the view does; target (N,): the class.
    """

    names: tuple[str, ...]
    hit: Floats
    chance: Floats
    middle: Floats
    target: NDArray[np.int64]

    @staticmethod
    def joined(several: Sequence[ReadOuts]) -> ReadOuts:
        """Those of several classes as one."""
        whole = {name: np.concatenate([getattr(one, name) for one in several], axis=-1) for name in ARRAYS}
        return ReadOuts(names=several[0].names, **whole)


def read_out(network: Network, images: Sequence[InView], target: int, ways: Ways, run: Run) -> dict[str, ReadOuts]:
    """Sweep one class's images with every square, project, and note what each read-out points at.

    By what was to be pointed at: the object, small objects, the parts that decide; without those no image has.
    """
    batch = torch.stack([image.seen.image for image in images]).to(run.world.device)
    with torch.inference_mode():
        correct = network.model(batch).argmax(1).cpu() == target
    images = [image for image, own in zip(images, correct.tolist(), strict=True) if own]
    if not images:
        return {}
    heats = {
        (str(fill), side_px): occlude(
            network.model, batch[correct], [target] * len(images), size_px=side_px, stride_px=ways.stride_px,
            fill=fill, generator=torch.Generator().manual_seed(ways.seed),
        )
        for fill in ways.fills for side_px in ways.sizes_px
    }  # fmt: skip
    pointed = {**dict(pointed_by_squares(heats)), **projected(network, batch[correct], next(iter(heats.values())))}
    return {
        kind: judged_by(pointed, boxes, target, network.frame.size_px)
        for kind, boxes in aims(images, network.frame.size_px).items()
        if any(boxes)
    }


def as_arrays(found: Mapping[str, ReadOuts]) -> Arrays:
    """What `read_outs_in` reads: arrays by READ/aim/field."""
    return {f"{READ}/{aim}/{field}": np.array(getattr(one, field)) for aim, one in found.items() for field in FIELDS}


def read_outs_in(piece: Piece) -> dict[str, ReadOuts]:
    """By what was to be pointed at."""
    found: dict[str, dict[str, Any]] = {}
    for name, values in piece.items():
        if name.startswith(f"{READ}/"):
            _, aim, field = name.split("/")
            found.setdefault(aim, {})[field] = tuple(values.tolist()) if field == "names" else values
    return {aim: ReadOuts(**fields) for aim, fields in found.items()}


def without_read_outs(piece: Piece) -> Arrays:
    """The other arrays."""
    return {name: values for name, values in piece.items() if not name.startswith(f"{READ}/")}


def judged_by(pointed: dict[str, Pointed], boxes: Sequence[Sequence[Box]], target: int, size_px: int) -> ReadOuts:
    """What each read-out points at, of those images of a class that have boxes."""
    some = np.array([bool(own) for own in boxes])
    centre = torch.full((1,), (size_px - 1) / 2)
    middle = Pointed(centre.expand(len(boxes), 2), centre, centre)
    return ReadOuts(
        names=tuple(pointed),
        hit=np.array([hits(own, boxes)[some] for own in pointed.values()], np.float64),
        chance=np.array([chances(own, boxes)[some] for own in pointed.values()], np.float64),
        middle=hits(middle, boxes)[some].astype(np.float64),
        target=np.full(int(some.sum()), target),
    )


def aims(images: Sequence[InView], size_px: int) -> dict[str, list[list[Box]]]:
    """What is to be pointed at on each image, boxes of it; none where an image has no such thing."""
    objects = [image.object for image in images]
    small = [(right - left) * (bottom - top) < SMALL * size_px**2 for left, top, right, bottom in objects]
    return {
        "object": [[box] for box in objects],
        "small object": [[box] if own else [] for box, own in zip(objects, small, strict=True)],
        "deciding part": [[part.box for part in image.parts if part.deciding] for image in images],
    }


def projected(network: Network, images: torch.Tensor, heat: Occlusion) -> dict[str, Pointed]:
    """Where the projections of the class score and of the layer's strongest map have most energy; {} without a rule."""
    deconvnet = Deconvnet(network.model)
    numbers = torch.arange(len(images))
    zeros = torch.zeros_like(numbers)
    try:
        scores = scores_layer(network.model, images)  # not the last filters: SqueezeNet's give a map of places a class
        record = deconvnet.record(images, layers=[heat.layer, scores])
        pixels = {
            "the class score": deconvnet.project(record, scores, torch.stack([numbers, heat.target, zeros, zeros], 1)),
            f"the strongest map of {heat.layer}": deconvnet.project_maps(
                record, heat.layer, torch.stack([numbers, heat.map], 1)
            ),
        }
    except ValueError as error:  # a network that the deconvnet has no sound reverse for
        print(f"projections are left out: {error}")
        return {}
    side_px = heat.size_px | 1
    return {
        f"energy of the projection of {name}, {side_px} px": pointed_by_energy(own.cpu(), side_px)
        for name, own in pixels.items()
    }


def compare(classes: Sequence[dict[str, ReadOuts]], folder: Path, *, seed: int) -> None:
    """Choose on one half of the images, judge on the other; read_outs_....npz for each aim, read_outs.csv; print."""
    rows: list[dict[str, Any]] = []
    for aim in dict.fromkeys(name for one in classes for name in one):
        whole = ReadOuts.joined([one[aim] for one in classes if aim in one])
        arrays = {"names": np.array(whole.names), **{name: getattr(whole, name) for name in ARRAYS}}
        save_arrays(folder / f"read_outs_{aim.replace(' ', '_')}.npz", "read_outs", arrays)
        choose = halves(whole.target, seed)
        if choose.all():
            print(f"read-outs: fewer than two images with the {aim}")
            continue
        best, judged = judge(whole.names, whole.hit, whole.chance, whole.middle, choose)
        tell(aim, best, judged)
        rows += [{"aim": aim, "chosen": number == best, **row(one)} for number, one in enumerate(judged)]
    write_csv(folder / "read_outs.csv", rows)


def row(one: Judged) -> dict[str, Any]:
    """A read-out as a row of read_outs.csv."""
    values: dict[str, Any] = {"read_out": one.name, "images": one.images, "chosen_on": one.chosen_on}
    for name in ("hit", "chance", "middle", "over_middle", "over_chance"):
        values |= dict(zip((name, f"{name}_low", f"{name}_high"), getattr(one, name), strict=True))
    return values


def tell(aim: str, best: int, judged: Sequence[Judged]) -> None:
    """Print the read-out that was chosen, and below it those that were next, as they do on the other half."""
    print(
        f"\nPointing at the {aim}: of {len(judged)} the first was best on one half of the images. How they do "
        f"on the other,\n{judged[best].images} images, in % with 95 % bootstrap intervals over images:"
    )
    order = sorted(range(len(judged)), key=lambda number: (number != best, -judged[number].chosen_on))
    lines = [["read-out", "on its half", "on the other", "chance", "middle", "over the middle"]]
    for number in order[:SHOWN]:
        one = judged[number]
        lines.append([one.name, f"{100 * one.chosen_on:.1f}", *(in_words(value) for value in (
            one.hit, one.chance, one.middle, one.over_middle,
        ))])  # fmt: skip
    print_columns(lines)


def in_words(value: tuple[float, float, float]) -> str:
    """A mean with its interval, in %."""
    mean, low, high = (100 * one for one in value)
    return f"{mean:.1f} [{low:.1f}, {high:.1f}]"
