"""Table 1 of any network: python experiments/tab1_correspondence.py checkpoint=... root=... (with a parts.json)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig

from experiments.common.job import Run, start
from experiments.common.network import fresh, opened
from experiments.common.parts import SeenParts, images_with, seen, wnids_of
from experiments.common.values import several
from zfnet.analysis.correspondence import PartChange, correspondence
from zfnet.analysis.permutation import LEAST_BLOCKS
from zfnet.analysis.places import draw_boxes
from zfnet.data.boxes import is_within
from zfnet.data.parts_world import PartsFile, read_parts
from zfnet.data.views import InputFrame
from zfnet.deconv import Deconvnet
from zfnet.files import whole_file
from zfnet.runs import write_csv

PAPER = {  # mean and standard deviation over 5 dogs, by what is hidden and layer
    ("right_eye", 5): (0.067, 0.007), ("right_eye", 7): (0.069, 0.015),
    ("left_eye", 5): (0.069, 0.007), ("left_eye", 7): (0.068, 0.013),
    ("nose", 5): (0.079, 0.017), ("nose", 7): (0.069, 0.011),
    ("random", 5): (0.107, 0.017), ("random", 7): (0.073, 0.014),
}  # fmt: skip
FRESH = ("fresh_mean", "fresh_random_mean", "fresh_ratio", "fresh_ratio_least", "fresh_ratio_most", "fresh_p_value")
Rows = list[dict[str, Any]]
Changes = Mapping[str, Mapping[int | str, PartChange]]  # part -> layer -> what is found


@dataclass(frozen=True)
class Hidden:
    """What is hidden in N images of a class: part -> (N, 1 + draws, 4), its own box first, then random ones."""

    images: list[SeenParts]
    boxes: dict[str, NDArray[np.int64]]
    left_out: int


def table_1(config: DictConfig, run: Run) -> None:
    """Compare, print the table class by class and save it with the distance of every pair."""
    if not run.world.first:
        return
    if config.random_in not in ("image", "object"):
        raise ValueError(f"random_in={config.random_in!r} is not one of image, object")
    network = opened(config, run)
    models = [network.model, *(fresh(network, config.seed + number) for number in range(config.fresh))]
    deconvnets = [Deconvnet(model.to(run.world.device)) for model in models]
    content = read_parts(config.root)
    rows: Rows = []
    arrays: dict[str, Any] = {}
    for wnid in chosen_classes(config, content):
        name = content.names.get(wnid, wnid)
        hidden = hide_parts(config, content, wnid, network.frame)
        if len(hidden.images) < 2:
            print(f"{name}: {len(hidden.images)} images with all the parts in view and room for random boxes: left out")
            continue
        changes, *of_fresh = (changes_of(deconvnet, hidden, config) for deconvnet in deconvnets)
        own = [{"class": name, **row} for row in table_rows(changes, of_fresh, len(hidden.images))]
        show(name, own, hidden, config)
        rows += own
        arrays.update(arrays_of(name, hidden, changes, of_fresh))
    if not rows:
        raise ValueError(f"no class of {config.root} has two images with {', '.join(several(config.parts))} in view")
    write_csv(run.folder / "tab1.csv", rows)
    with whole_file(run.folder / "tab1.npz") as file:
        np.savez_compressed(file, **arrays)
    run.note(checkpoint=str(config.checkpoint), root=str(config.root))
    print(f"table and the distances of all pairs: {run.folder}")


def chosen_classes(config: DictConfig, content: PartsFile) -> list[str]:
    """Folder names of the classes asked for, or of those with enough images. Raises ValueError for unknown ones."""
    if config.classes is not None:
        return wnids_of(content, several(config.classes))
    parts = several(config.parts)
    return [w for w in wnids_of(content, None) if len(images_with(content, config.split, w, parts)) >= LEAST_BLOCKS]


def hide_parts(config: DictConfig, content: PartsFile, wnid: str, frame: InputFrame) -> Hidden:
    """The first images of a class whose parts are all wholly in view and leave room for random boxes."""
    names, generator = several(config.parts), np.random.default_rng([config.seed, 1])
    listed = images_with(content, config.split, wnid, names)
    images: list[SeenParts] = []
    boxes, left_out, size_px = [], 0, frame.size_px
    for image in seen(config.root, listed, frame):
        if len(images) == config.images:
            break
        parts = [image.parts[name] for name in names]
        left, top, right, bottom = image.object if config.random_in == "object" else (0, 0, size_px, size_px)
        within = (max(left, 0), max(top, 0), min(right, size_px), min(bottom, size_px))
        drawn = [draw_boxes(part, parts, within, config.draws, generator) for part in parts]
        if all(is_within(part, size_px) for part in parts) and all(len(one) for one in drawn):
            images.append(image)
            boxes.append([np.concatenate([[part], random]) for part, random in zip(parts, drawn, strict=True)])
        else:
            left_out += 1
    return Hidden(images, {name: np.array([own[at] for own in boxes]) for at, name in enumerate(names)}, left_out)


def changes_of(deconvnet: Deconvnet, hidden: Hidden, config: DictConfig) -> Changes:
    """What hiding the boxes changes in one network; the same noise and permutations for every network."""
    images = torch.stack([image.image for image in hidden.images])
    generator, noise = np.random.default_rng(config.seed), torch.Generator().manual_seed(config.seed)
    layers = several(config.layers)
    return correspondence(deconvnet, images, hidden.boxes, layers, generator, config.fill, noise, config.batch_size)


def table_rows(changes: Changes, of_fresh: Sequence[Changes], images: int) -> Iterator[dict[str, Any]]:
    """For each layer a row a part, then one for the random boxes of all parts together."""
    for layer in next(iter(changes.values())):
        for part, layers in changes.items():
            own = layers[layer]
            yield {
                "masked": part, "layer": layer, "images": images, "mean": own.pairs.mean(),
                "deviation": own.pairs.std(), "random_mean": own.random.mean(), "random_deviation": own.random.std(),
                "p_value": own.p_value, "ratio": own.pairs.mean() / own.random.mean(),
                **fresh_columns([one[part][layer] for one in of_fresh]), **paper_columns(part, layer),
            }  # fmt: skip
        every = np.concatenate([layers[layer].random for layers in changes.values()])
        nothing = dict.fromkeys(("p_value", "ratio", *FRESH), float("nan"))
        yield {
            "masked": "random", "layer": layer, "images": images, "mean": every.mean(), "deviation": every.std(),
            "random_mean": every.mean(), "random_deviation": every.std(), **nothing, **paper_columns("random", layer),
        }  # fmt: skip


def fresh_columns(changes: Sequence[PartChange]) -> dict[str, float]:
    """What fresh weights give for a row: means over the networks, the least and the greatest ratio, the greatest p."""
    if not changes:
        return dict.fromkeys(FRESH, float("nan"))
    means, randoms = np.array([(one.pairs.mean(), one.random.mean()) for one in changes]).T
    ratios, p_value = means / randoms, max(one.p_value for one in changes)
    values = means.mean(), randoms.mean(), ratios.mean(), ratios.min(), ratios.max(), p_value
    return dict(zip(FRESH, map(float, values), strict=True))


def paper_columns(masked: str, layer: int | str) -> dict[str, float | str]:
    mean, deviation = PAPER.get((masked, layer), ("", "")) if isinstance(layer, int) else ("", "")
    return {"paper_mean": mean, "paper_deviation": deviation}


def show(name: str, rows: Rows, hidden: Hidden, config: DictConfig) -> None:
    count = len(hidden.images)
    print(f"\n{name}: {count} images ({hidden.left_out} left out), {count * (count - 1) // 2} pairs; {config.draws} "
          f"random boxes of the size of each part in each {config.random_in}; {config.fresh} networks with fresh "
          "weights")  # fmt: skip
    print(f"{'layer':>8}  {'hidden':12} {'mean ± deviation':17} {'random':17} {'ratio':6} {'p':7} "
          f"{'fresh: ratio':22} {'p':7} the paper's")  # fmt: skip
    for row in rows:
        paper = f"{row['paper_mean']:.3f} ± {row['paper_deviation']:.3f}" if row["paper_mean"] else ""
        own = f"{row['layer']!s:>8}  {row['masked']:12} {row['mean']:.4f} ± {row['deviation']:.4f}  "
        if row["masked"] == "random":
            print(f"{own}{'':63} {paper}")
            continue
        fresh = f"{row['fresh_ratio']:.3f} ({row['fresh_ratio_least']:.3f} to {row['fresh_ratio_most']:.3f})"
        p_value, of_fresh = (
            f"{value:.4f}" if np.isfinite(value) else "" for value in (row["p_value"], row["fresh_p_value"])
        )
        print(f"{own} {row['random_mean']:.4f} ± {row['random_deviation']:.4f}   {row['ratio']:.3f}  {p_value:7} "
              f"{fresh if config.fresh else '':22} {of_fresh:7} {paper}")  # fmt: skip


def arrays_of(name: str, hidden: Hidden, changes: Changes, of_fresh: Sequence[Changes]) -> dict[str, NDArray[Any]]:
    """By class, part and layer: the distance of each pair, with the part and with random boxes hidden; the boxes.

    The same of networks with fresh weights, (networks, ...), under fresh_pairs and fresh_random_pairs.
    """
    arrays: dict[str, NDArray[Any]] = {f"{name}/paths": np.array([image.path for image in hidden.images])}
    for part, layers in changes.items():
        arrays[f"{name}/{part}/boxes"] = hidden.boxes[part]
        for layer, change in layers.items():
            arrays[f"{name}/{part}/{layer}/pairs"] = change.pairs
            arrays[f"{name}/{part}/{layer}/random_pairs"] = change.random
            if of_fresh:
                arrays[f"{name}/{part}/{layer}/fresh_pairs"] = np.stack([one[part][layer].pairs for one in of_fresh])
                random = np.stack([one[part][layer].random for one in of_fresh])
                arrays[f"{name}/{part}/{layer}/fresh_random_pairs"] = random
    return arrays


if __name__ == "__main__":
    start(table_1, "tab1_correspondence")
