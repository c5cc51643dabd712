"""Table 1 of any network: python experiments/tab1_correspondence.py checkpoint=... root=... (with a parts.json)."""

from __future__ import annotations

from experiments.common.job import Run, start

if __name__ == "__main__":
    start("experiments.tab1_correspondence:table_1")

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig

from experiments.common.config import as_list, check_least, pick
from experiments.common.network import NetworkChoice, open_chosen
from zfnet.analysis.correspondence import LEAST_BLOCKS, PartChange, correspondence
from zfnet.data import InputFrame, draw_boxes, is_within
from zfnet.data.parts_world import PartsFile, SeenParts, images_with, read_parts, seen, wnids_of
from zfnet.deconv import Deconvnet
from zfnet.files import whole_file
from zfnet.network import with_random_weights
from zfnet.runs import write_csv

PAPER = {  # mean and standard deviation over 5 dogs, by what is hidden and layer
    ("right_eye", 5): (0.067, 0.007), ("right_eye", 7): (0.069, 0.015),
    ("left_eye", 5): (0.069, 0.007), ("left_eye", 7): (0.068, 0.013),
    ("nose", 5): (0.079, 0.017), ("nose", 7): (0.069, 0.011),
    ("random", 5): (0.107, 0.017), ("random", 7): (0.073, 0.014),
}  # fmt: skip
FRESH_COLUMNS = (  # of networks with fresh weights
    "fresh_mean", "fresh_random_mean", "fresh_ratio", "fresh_ratio_least", "fresh_ratio_most", "fresh_p_value",
)  # fmt: skip
Rows = list[dict[str, Any]]
Changes = Mapping[str, Mapping[int | str, PartChange]]  # part -> layer -> what is found


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What conf/tab1_correspondence.yaml says of the images, what hides their parts, and what it is compared with."""

    root: str
    split: str | None
    classes: str | list[str] | None
    parts: str | list[str]
    layers: int | str | list[int | str]
    images: int
    draws: int
    random_in: str
    fill: Any
    batch_size: int
    fresh: int
    seed: int

    def __post_init__(self) -> None:
        check_least(self, images=2, draws=1, batch_size=1, fresh=0)
        if self.random_in not in ("image", "object"):
            raise ValueError(f"random_in={self.random_in!r} is not one of image, object")


@dataclass(frozen=True, kw_only=True)
class Hidden:
    """What is hidden in N images of a class: part -> (N, 1 + draws, 4), its own box first, then random ones."""

    images: list[SeenParts]
    boxes: dict[str, NDArray[np.int64]]
    left_out: int


def table_1(config: DictConfig, run: Run) -> None:
    """Compare, print the table class by class and save it with the distance of every pair."""
    if not run.world.first:
        return
    choice, settings = pick(NetworkChoice, config), pick(Settings, config)
    network = open_chosen(choice, run, relayout=False)
    networks = [network, *(with_random_weights(network, settings.seed + at) for at in range(settings.fresh))]
    deconvnets = [Deconvnet(one.model) for one in networks]
    content = read_parts(settings.root)
    rows: Rows = []
    arrays: dict[str, Any] = {}
    for wnid in chosen_classes(content, settings):
        name = content.names.get(wnid, wnid)
        hidden = hide_parts(content, wnid, network.frame, settings)
        if len(hidden.images) < 2:
            print(f"{name}: {len(hidden.images)} images with all the parts in view and room for random boxes: left out")
            continue
        changes, *untrained = (changes_of(deconvnet, hidden, settings) for deconvnet in deconvnets)
        own = [{"class": name, **row} for row in table_rows(changes, untrained, len(hidden.images))]
        show(name, own, hidden, settings)
        rows += own
        arrays.update(arrays_of(name, hidden, changes, untrained))
    if not rows:
        parts = ", ".join(as_list(settings.parts))
        raise ValueError(f"no class of {settings.root} has two images with {parts} in view")
    write_csv(run.folder / "tab1.csv", rows)
    with whole_file(run.folder / "tab1.npz") as file:
        np.savez_compressed(file, **arrays)
    run.note(checkpoint=choice.source, root=settings.root)
    print(f"table and the distances of all pairs: {run.folder}")


def chosen_classes(content: PartsFile, settings: Settings) -> list[str]:
    """Folder names of the classes asked for, or of those with enough images. Raises ValueError for unknown ones."""
    if settings.classes is not None:
        return wnids_of(content, as_list(settings.classes))
    parts = as_list(settings.parts)
    return [w for w in wnids_of(content, None) if len(images_with(content, settings.split, w, parts)) >= LEAST_BLOCKS]


def hide_parts(content: PartsFile, wnid: str, frame: InputFrame, settings: Settings) -> Hidden:
    """The first images of a class whose parts are all wholly in view and leave room for random boxes."""
    names, generator = as_list(settings.parts), np.random.default_rng([settings.seed, 1])
    listed = images_with(content, settings.split, wnid, names)
    images: list[SeenParts] = []
    boxes, left_out, size_px = [], 0, frame.size_px
    for image in seen(settings.root, listed, frame):
        if len(images) == settings.images:
            break
        parts = [image.parts[name] for name in names]
        left, top, right, bottom = image.object if settings.random_in == "object" else (0, 0, size_px, size_px)
        within = (max(left, 0), max(top, 0), min(right, size_px), min(bottom, size_px))
        drawn = [
            draw_boxes(part, avoid=parts, within=within, draws=settings.draws, generator=generator) for part in parts
        ]
        if all(is_within(part, size_px) for part in parts) and all(len(one) for one in drawn):
            images.append(image)
            boxes.append([np.concatenate([[part], random]) for part, random in zip(parts, drawn, strict=True)])
        else:
            left_out += 1
    of_part = {name: np.array([own[at] for own in boxes]) for at, name in enumerate(names)}
    return Hidden(images=images, boxes=of_part, left_out=left_out)


def changes_of(deconvnet: Deconvnet, hidden: Hidden, settings: Settings) -> Changes:
    """What hiding the boxes changes in one network; the same noise and permutations for every network."""
    return correspondence(
        deconvnet, torch.stack([image.image for image in hidden.images]), hidden.boxes, as_list(settings.layers),
        generator=np.random.default_rng(settings.seed), fill=settings.fill,
        noise=torch.Generator().manual_seed(settings.seed), batch_size=settings.batch_size,
    )  # fmt: skip


def table_rows(changes: Changes, untrained: Sequence[Changes], images: int) -> Iterator[dict[str, Any]]:
    """For each layer a row a part, then one for the random boxes of all parts together."""
    for layer in next(iter(changes.values())):
        for part, layers in changes.items():
            own = layers[layer]
            yield {
                "masked": part, "layer": layer, "images": images, "mean": own.pairs.mean(),
                "deviation": own.pairs.std(), "random_mean": own.random.mean(), "random_deviation": own.random.std(),
                "p_value": own.p_value, "ratio": own.pairs.mean() / own.random.mean(),
                **untrained_columns([one[part][layer] for one in untrained]), **paper_columns(part, layer),
            }  # fmt: skip
        every = np.concatenate([layers[layer].random for layers in changes.values()])
        nothing = dict.fromkeys(("p_value", "ratio", *FRESH_COLUMNS), float("nan"))
        yield {
            "masked": "random", "layer": layer, "images": images, "mean": every.mean(), "deviation": every.std(),
            "random_mean": every.mean(), "random_deviation": every.std(), **nothing, **paper_columns("random", layer),
        }  # fmt: skip


def untrained_columns(changes: Sequence[PartChange]) -> dict[str, float]:
    """What networks with fresh weights give for a row: means, the least and the greatest ratio, the greatest p."""
    if not changes:
        return dict.fromkeys(FRESH_COLUMNS, float("nan"))
    means, randoms = np.array([(one.pairs.mean(), one.random.mean()) for one in changes]).T
    ratios, p_value = means / randoms, max(one.p_value for one in changes)
    values = means.mean(), randoms.mean(), ratios.mean(), ratios.min(), ratios.max(), p_value
    return dict(zip(FRESH_COLUMNS, map(float, values), strict=True))


def paper_columns(masked: str, layer: int | str) -> dict[str, float | str]:
    mean, deviation = PAPER.get((masked, layer), ("", "")) if isinstance(layer, int) else ("", "")
    return {"paper_mean": mean, "paper_deviation": deviation}


def show(name: str, rows: Rows, hidden: Hidden, settings: Settings) -> None:
    count = len(hidden.images)
    print(f"\n{name}: {count} images ({hidden.left_out} left out), {count * (count - 1) // 2} pairs; {settings.draws} "
          f"random boxes of the size of each part in each {settings.random_in}; {settings.fresh} networks with fresh "
          "weights")  # fmt: skip
    print(f"{'layer':>8}  {'hidden':12} {'mean ± deviation':17} {'random':17} {'ratio':6} {'p':7} "
          f"{'fresh: ratio':22} {'p':7} the paper's")  # fmt: skip
    for row in rows:
        paper = f"{row['paper_mean']:.3f} ± {row['paper_deviation']:.3f}" if row["paper_mean"] else ""
        own = f"{row['layer']!s:>8}  {row['masked']:12} {row['mean']:.4f} ± {row['deviation']:.4f}  "
        if row["masked"] == "random":
            print(f"{own}{'':63} {paper}")
            continue
        untrained_ratio = f"{row['fresh_ratio']:.3f} ({row['fresh_ratio_least']:.3f} to {row['fresh_ratio_most']:.3f})"
        p_value, untrained_p = (
            f"{value:.4f}" if np.isfinite(value) else "" for value in (row["p_value"], row["fresh_p_value"])
        )
        print(f"{own} {row['random_mean']:.4f} ± {row['random_deviation']:.4f}   {row['ratio']:.3f}  {p_value:7} "
              f"{untrained_ratio if settings.fresh else '':22} {untrained_p:7} {paper}")  # fmt: skip


def arrays_of(name: str, hidden: Hidden, changes: Changes, untrained: Sequence[Changes]) -> dict[str, NDArray[Any]]:
    """By class, part and layer: the distance of each pair, with the part and with random boxes hidden; the boxes.

    The same of networks with fresh weights, (networks, ...), under fresh_pairs and fresh_random_pairs.
    """
    arrays: dict[str, NDArray[Any]] = {f"{name}/paths": np.array([image.path for image in hidden.images])}
    for part, layers in changes.items():
        arrays[f"{name}/{part}/boxes"] = hidden.boxes[part]
        for layer, change in layers.items():
            arrays[f"{name}/{part}/{layer}/pairs"] = change.pairs
            arrays[f"{name}/{part}/{layer}/random_pairs"] = change.random
            if untrained:
                arrays[f"{name}/{part}/{layer}/fresh_pairs"] = np.stack([one[part][layer].pairs for one in untrained])
                random = np.stack([one[part][layer].random for one in untrained])
                arrays[f"{name}/{part}/{layer}/fresh_random_pairs"] = random
    return arrays
