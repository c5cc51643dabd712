"""The pointing game by several read-outs: which points at the object most often, chosen on half of the images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from experiments.common.job import Run
from experiments.tables.text_table import print_columns
from zfnet.analysis import Judged, Pointed, halves, hits, judge, pointed_by_energy, pointed_by_squares
from zfnet.analysis.occlusion import Occlusion, occlude
from zfnet.data.parts_world import Box, InView
from zfnet.deconv import Deconvnet
from zfnet.files import save_arrays
from zfnet.network import Network
from zfnet.runs import write_csv

SMALL = 0.5  # a small object's box is less than this share of the view
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
    """K read-outs of the B images of one class that the network takes for what they are.

    hit, chance (K, B): whether each points at the object, and the share of its places that do; middle (B,): whether
    the middle of the view lies on the object; share (B,): of the view that the object's box takes.
    """

    names: tuple[str, ...]
    target: int
    hit: NDArray[np.float64]
    chance: NDArray[np.float64]
    middle: NDArray[np.float64]
    share: NDArray[np.float64]


def read_out(network: Network, images: Sequence[InView], target: int, ways: Ways, run: Run) -> ReadOuts:
    """Sweep one class's images with every square, project, and note where each read-out points."""
    batch = torch.stack([image.seen.image for image in images]).to(run.world.device)
    with torch.inference_mode():
        correct = network.model(batch).argmax(1).cpu() == target
    boxes = [image.object for image, own in zip(images, correct.tolist(), strict=True) if own]
    size_px = network.frame.size_px
    found: dict[str, Pointed] = {}
    if boxes:
        heats = {
            (str(fill), side_px): occlude(
                network.model, batch[correct], [target] * len(boxes), size_px=side_px, stride_px=ways.stride_px,
                fill=fill, generator=torch.Generator().manual_seed(ways.seed),
            )
            for fill in ways.fills for side_px in ways.sizes_px
        }  # fmt: skip
        found = dict(pointed_by_squares(heats, boxes))
        found |= projected(network, batch[correct], next(iter(heats.values())), boxes)
    middle, area = (size_px - 1) / 2, size_px * size_px
    inside = [
        left - 0.5 < middle < right - 0.5 and top - 0.5 < middle < bottom - 0.5 for left, top, right, bottom in boxes
    ]
    return ReadOuts(
        names=tuple(found), target=target,
        hit=np.array([hits(own, boxes) for own in found.values()], np.float64),
        chance=np.array([own.chance.numpy() for own in found.values()], np.float64),
        middle=np.array(inside, np.float64),
        share=np.array([(right - left) * (bottom - top) / area for left, top, right, bottom in boxes]),
    )  # fmt: skip


def projected(network: Network, images: torch.Tensor, heat: Occlusion, boxes: Sequence[Box]) -> dict[str, Pointed]:
    """Where the projections of the class score and of the layer's strongest map have most energy; {} without a rule."""
    deconvnet = Deconvnet(network.model)
    scores, numbers = deconvnet.layers[-1], torch.arange(len(images))
    zeros = torch.zeros_like(numbers)
    try:
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
        f"energy of the projection of {name}, {side_px} px": pointed_by_energy(own.cpu(), side_px, boxes)
        for name, own in pixels.items()
    }


def compare(classes: Sequence[ReadOuts], folder: Path, *, seed: int) -> None:
    """Choose on one half, judge on the other, of all objects and of the small ones; read_outs.npz and .csv; print."""
    some = [one for one in classes if one.names]
    if not some:
        print("read-outs: no image is taken for what it is")
        return
    names = some[0].names
    target = np.concatenate([np.full(len(one.middle), one.target) for one in some])
    hit, chance = (np.concatenate([getattr(one, name) for one in some], axis=1) for name in ("hit", "chance"))
    middle, share = (np.concatenate([getattr(one, name) for one in some]) for name in ("middle", "share"))
    arrays = {"hit": hit, "chance": chance, "middle": middle, "share": share, "target": target}
    save_arrays(folder / "read_outs.npz", "read_outs", {"names": np.array(names), **arrays})
    rows = []
    for objects, which in (("all", share > 0), ("small", share < SMALL)):
        choose = halves(target[which], seed)
        if choose.all() or not choose.any():
            print(f"read-outs on {objects} objects: too few images")
            continue
        best, judged = judge(names, hit[:, which], chance[:, which], middle[which], choose)
        tell(objects, best, judged)
        rows += [{"objects": objects, "chosen": number == best, **row(one)} for number, one in enumerate(judged)]
    write_csv(folder / "read_outs.csv", rows)


def row(one: Judged) -> dict[str, Any]:
    """A read-out as a row of read_outs.csv."""
    values: dict[str, Any] = {"read_out": one.name, "images": one.images, "chosen_on": one.chosen_on}
    for name in ("hit", "chance", "middle", "over_middle", "over_chance"):
        values |= dict(zip((name, f"{name}_low", f"{name}_high"), getattr(one, name), strict=True))
    return values


def tell(objects: str, best: int, judged: Sequence[Judged]) -> None:
    """Print the read-out that was chosen, and below it those that were next, as they do on the other half."""
    print(
        f"\nRead-outs on {objects} objects: of {len(judged)} the first was best on one half of the images. How they do "
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
