"""Finding the strongest views by a pass of its own: exact mining of a stated subset with the weights as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from zfnet.analysis.evolution.strongest import Strongest
from zfnet.data.source import ImageSource
from zfnet.data.views import InputFrame, centre_views, cut
from zfnet.deconv import Deconvnet, Indexed, merge, mine_top
from zfnet.training import World

BATCH = 64


def subset(count: int, most: int, seed: int) -> NDArray[np.int64]:
    """At most so many of `count` images, drawn by the seed, in order."""
    return np.sort(np.random.default_rng([seed, count]).choice(count, min(most, count), replace=False))


def centre_crops(
    source: ImageSource, images: Sequence[int], frame: InputFrame, device: torch.device
) -> Iterator[Indexed]:
    """The central views of the images that can be read, in batches on the device."""
    for first in range(0, len(images), BATCH):
        squares, labels = source.read(images[first : first + BATCH])
        readable = labels >= 0
        indices = torch.tensor(images[first : first + BATCH])[readable]
        views = centre_views(len(indices), frame.side_px, frame.size_px)
        yield Indexed(cut(squares[readable].to(device), views, frame), indices)


def sweep(
    deconvnet: Deconvnet, watched: Mapping[str, Sequence[int]], source: ImageSource, images: NDArray[np.int64],
    frame: InputFrame, world: World,
) -> dict[str, Strongest]:  # fmt: skip
    """The strongest central view of each watched map over the given images, in eval mode; the same in all processes."""
    mine = images[world.rank :: world.size].tolist()
    crops = centre_crops(source, mine, frame, world.device)
    own = mine_top(deconvnet, crops, list(watched), 1, progress=world.first, first=world.rank, step=world.size)
    parts = world.gather(own)
    mined = merge(parts) if len(parts) > 1 else parts[0]
    view = centre_views(1, frame.side_px, frame.size_px)
    found = {}
    for layer, maps in watched.items():
        top, strongest = mined[layer], Strongest(maps, torch.device("cpu"))
        place = torch.stack([top.image[maps, 0], top.row[maps, 0], top.column[maps, 0]], dim=1)
        there = torch.stack([view.rows, view.columns, view.flips.long()], dim=1).expand(len(maps), -1)
        about = torch.cat([place, there], dim=1)
        strongest.merge({"value": top.value[maps, 0].double(), "about": about, "warp": strongest.warp})
        found[layer] = strongest
    return found
