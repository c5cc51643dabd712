"""The images of an audit: as the network sees them, with their classes, and where the truth lies if it is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from experiments.common.images import ImagesChoice, open_views
from experiments.common.job import Run
from zfnet.analysis.audit import Truth
from zfnet.data import class_of_folder, classes_of_images
from zfnet.data.parts_world import InView, parts_in_view, read_parts
from zfnet.network import Network


@dataclass(frozen=True, kw_only=True)
class Sample:
    """N images: inputs (N, 3, H, W), pixels (N, 3, H, W) uint8, paths; classes (N,), None where nobody says.

    truths (N,), or None where no boxes are known.
    """

    inputs: Tensor
    pixels: Tensor
    paths: list[str]
    classes: list[int | None]
    truths: list[Truth] | None

    def first(self, count: int) -> Sample:
        """So many of them, the first."""
        return self.of(range(min(count, len(self.paths))))

    def of(self, numbers: Sequence[int]) -> Sample:
        """Some of them, by number."""
        chosen, at = torch.tensor(list(numbers), dtype=torch.int64), list(numbers)
        return replace(
            self, inputs=self.inputs[chosen], pixels=self.pixels[chosen], paths=[self.paths[i] for i in at],
            classes=[self.classes[i] for i in at],
            truths=None if self.truths is None else [self.truths[i] for i in at],
        )  # fmt: skip


def open_sample(
    choice: ImagesChoice, network: Network, run: Run, *, count: int, part: Sequence[int] = (0, 1)
) -> Sample:
    """The images that the job was given, spread over the classes and then dealt, so that a first few are of many.

    part: which of how many parts of them. Raises ValueError for fewer than two, and what `open_views` raises.
    """
    data = choice.data
    if data is not None and choice.images is None:
        if run.world.first:
            data.prepare()
        run.world.wait()
        if (Path(data.root) / "parts.json").is_file():
            return _with_parts(Path(data.root), choice.split, network, count=count, part=part)
    views = open_views(choice, run, network.frame)
    numbers = _spread(len(views.source), count)[part[0] :: part[1]]
    labels = views.source.read(numbers)[1]
    numbers = [number for number, label in zip(numbers, labels.tolist(), strict=True) if label >= 0]
    if len(numbers) < 2:
        raise ValueError(f"{len(numbers)} readable images were given, expected two or more")
    seen, classes = views.fetch(numbers), classes_of_images(views.source, network)
    return Sample(
        inputs=seen.inputs, pixels=seen.pixels, paths=[views.source.path(one) for one in numbers],
        classes=[classes[one] for one in numbers], truths=None,
    )  # fmt: skip


def _with_parts(root: Path, split: str | None, network: Network, *, count: int, part: Sequence[int]) -> Sample:
    content = read_parts(root)
    listed = [image for image in content.images if split is None or image.path.startswith(f"{split}/")]
    chosen = [listed[number] for number in _spread(len(listed), count)[part[0] :: part[1]]]
    views: list[InView] = list(islice(parts_in_view(root, chosen, network.frame), count))
    if len(views) < 2:
        raise ValueError(f"{len(views)} images of split={split} in {root}/parts.json have their object in view")
    wnids = {image.path: image.wnid for image in chosen}
    numbers = {wnid: class_of_folder(wnid, content.names.get(wnid, wnid), network) for wnid in set(wnids.values())}
    return Sample(
        inputs=torch.stack([view.seen.image for view in views]), pixels=torch.stack([v.seen.pixels for v in views]),
        paths=[view.seen.path for view in views], classes=[numbers[wnids[view.seen.path]] for view in views],
        truths=[
            Truth(
                object=view.object, deciding=tuple(part.box for part in view.parts if part.deciding),
                decoys=tuple(one.box for one in view.decoys),
            )
            for view in views
        ],
    )  # fmt: skip


def _spread(total: int, count: int) -> list[int]:
    """So many numbers over all, in an order in which the first few lie far apart."""
    numbers = np.linspace(0, total - 1, min(count, total)).round().astype(int) if total else np.zeros(0, int)
    return [int(one) for one in np.random.default_rng(0).permutation(numbers)]
