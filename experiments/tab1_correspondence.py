"""Table 1 of any network: python experiments/tab1_correspondence.py checkpoint=... root=... (with a parts.json)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig
from torch import nn

from experiments.common.job import Run, start
from experiments.common.parts import SeenParts, images_with, seen
from zfnet.analysis.correspondence import PartChange, correspondence
from zfnet.analysis.permutation import LEAST_BLOCKS
from zfnet.analysis.places import draw_boxes
from zfnet.data.boxes import is_within
from zfnet.data.parts_world import PartsFile, read_parts
from zfnet.data.views import InputFrame
from zfnet.deconv import Deconvnet
from zfnet.models import build_model
from zfnet.runs import write_csv
from zfnet.training import Network, open_network

PAPER = {  # mean and standard deviation over 5 dogs, by what is hidden and layer
    ("right_eye", 5): (0.067, 0.007), ("right_eye", 7): (0.069, 0.015),
    ("left_eye", 5): (0.069, 0.007), ("left_eye", 7): (0.068, 0.013),
    ("nose", 5): (0.079, 0.017), ("nose", 7): (0.069, 0.011),
    ("random", 5): (0.107, 0.017), ("random", 7): (0.073, 0.014),
}  # fmt: skip
Rows = list[dict[str, Any]]


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
    network = open_network(config.checkpoint, config.weights, config.size_px)
    deconvnet = Deconvnet((fresh(network, config.seed) if config.untrained else network.model).to(run.world.device))
    content = read_parts(config.root)
    rows: Rows = []
    arrays: dict[str, Any] = {}
    for wnid in chosen_classes(config, content):
        name = content.names.get(wnid, wnid)
        hidden = hide_parts(config, content, wnid, network.frame)
        if len(hidden.images) < 2:
            print(f"{name}: {len(hidden.images)} images with all the parts in view and room for random boxes: left out")
            continue
        generator = np.random.default_rng(config.seed)
        images = torch.stack([image.image for image in hidden.images])
        changes = correspondence(
            deconvnet, images, hidden.boxes, list(config.layers), generator, config.fill, config.batch_size
        )
        own = [{"class": name, **row} for row in table_rows(changes, len(images))]
        show(name, own, hidden, config)
        rows += own
        arrays.update(arrays_of(name, hidden, changes))
    if not rows:
        raise ValueError(f"no class of {config.root} has two images with {', '.join(config.parts)} in view")
    write_csv(run.folder / "tab1.csv", rows)
    np.savez_compressed(run.folder / "tab1.npz", **arrays)
    run.note(checkpoint=str(config.checkpoint), untrained=config.untrained, root=str(config.root))
    print(f"table and the distances of all pairs: {run.folder}")


def fresh(network: Network, seed: int) -> nn.Module:
    """The same network with new weights, drawn by the seed."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return build_model(**network.arguments)


def chosen_classes(config: DictConfig, content: PartsFile) -> list[str]:
    """Folder names of the classes asked for, or of those with enough images. Raises ValueError for unknown ones."""
    wnids = sorted({image.wnid for image in content.images})
    if config.classes is None:
        return [w for w in wnids if len(images_with(content, config.split, w, config.parts)) >= LEAST_BLOCKS]
    by_word = {**{content.names.get(wnid, wnid): wnid for wnid in wnids}, **{wnid: wnid for wnid in wnids}}
    for word in config.classes:
        if word not in by_word:
            raise ValueError(f"class {word!r} is not one of {', '.join(content.names.get(w, w) for w in wnids)}")
    return [by_word[word] for word in config.classes]


def hide_parts(config: DictConfig, content: PartsFile, wnid: str, frame: InputFrame) -> Hidden:
    """The first images of a class whose parts are all wholly in view and leave room for random boxes."""
    generator, listed = np.random.default_rng([config.seed, 1]), images_with(content, config.split, wnid, config.parts)
    images: list[SeenParts] = []
    boxes, left_out, size_px = [], 0, frame.size_px
    for image in seen(config.root, listed, frame):
        if len(images) == config.images:
            break
        parts = [image.parts[name] for name in config.parts]
        left, top, right, bottom = image.object if config.random_in == "object" else (0, 0, size_px, size_px)
        within = (max(left, 0), max(top, 0), min(right, size_px), min(bottom, size_px))
        drawn = [draw_boxes(part, parts, within, config.draws, generator) for part in parts]
        if all(is_within(part, size_px) for part in parts) and all(len(one) for one in drawn):
            images.append(image)
            boxes.append([np.concatenate([[part], random]) for part, random in zip(parts, drawn, strict=True)])
        else:
            left_out += 1
    return Hidden(
        images, {name: np.array([own[at] for own in boxes]) for at, name in enumerate(config.parts)}, left_out
    )


def table_rows(changes: Mapping[str, Mapping[int | str, PartChange]], images: int) -> Iterator[dict[str, Any]]:
    """For each layer a row a part, then one for the random boxes of all parts together."""
    for layer in next(iter(changes.values())):
        for part, layers in changes.items():
            yield _row(part, layer, images, layers[layer].pairs, layers[layer].random, layers[layer].p_value)
        every = np.concatenate([layers[layer].random for layers in changes.values()])
        yield _row("random", layer, images, every, every, float("nan"))


def _row(
    masked: str, layer: int | str, images: int, pairs: NDArray[np.float64], random: NDArray[np.float64], p_value: float
) -> dict[str, Any]:
    paper = PAPER.get((masked, layer), ("", "")) if isinstance(layer, int) else ("", "")
    return {
        "masked": masked, "layer": layer, "images": images, "mean": pairs.mean(), "deviation": pairs.std(),
        "random_mean": random.mean(), "random_deviation": random.std(), "p_value": p_value,
        "paper_mean": paper[0], "paper_deviation": paper[1],
    }  # fmt: skip


def show(name: str, rows: Rows, hidden: Hidden, config: DictConfig) -> None:
    count = len(hidden.images)
    print(f"\n{name}: {count} images ({hidden.left_out} left out), {count * (count - 1) // 2} pairs; "
          f"{config.draws} random boxes of the size of each part in each {config.random_in}")  # fmt: skip
    print(f"{'layer':>8}  {'hidden':14} {'mean ± deviation':18} {'random':18} {'p':8} the paper's")
    for row in rows:
        paper = f"{row['paper_mean']:.3f} ± {row['paper_deviation']:.3f}" if row["paper_mean"] else ""
        random = f"{row['random_mean']:.4f} ± {row['random_deviation']:.4f}" if row["masked"] != "random" else ""
        p_value = f"{row['p_value']:.4f}" if np.isfinite(row["p_value"]) else ""
        print(f"{row['layer']!s:>8}  {row['masked']:14} {row['mean']:.4f} ± {row['deviation']:.4f}    {random:18} "
              f"{p_value:8} {paper}")  # fmt: skip


def arrays_of(
    name: str, hidden: Hidden, changes: Mapping[str, Mapping[int | str, PartChange]]
) -> dict[str, NDArray[Any]]:
    """By class, part and layer: the distance of each pair, with the part and with random boxes hidden; the boxes."""
    arrays: dict[str, NDArray[Any]] = {f"{name}/paths": np.array([image.path for image in hidden.images])}
    for part, layers in changes.items():
        arrays[f"{name}/{part}/boxes"] = hidden.boxes[part]
        for layer, change in layers.items():
            arrays[f"{name}/{part}/{layer}/pairs"] = change.pairs
            arrays[f"{name}/{part}/{layer}/random_pairs"] = change.random
    return arrays


if __name__ == "__main__":
    start(table_1, "tab1_correspondence")
