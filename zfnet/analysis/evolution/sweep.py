"""Finding the strongest views by a pass of its own: exact mining of a stated subset with the weights as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from zfnet.analysis.evolution.strongest import Strongest
from zfnet.data import ImageSource, InputFrame, centre_views
from zfnet.deconv import Deconvnet
from zfnet.mining import SWEEP_BATCH, centre_crops, merge, mine_top
from zfnet.training import World, share_of


def subset(count: int, most: int, seed: int) -> NDArray[np.int64]:
    """The numbers (n,) of at most so many of `count` images, drawn by the seed, in order."""
    return np.sort(np.random.default_rng([seed, count]).choice(count, min(most, count), replace=False))


def strongest_by_sweep(
    deconvnet: Deconvnet, watched: Mapping[str, Sequence[int]], source: ImageSource, images: NDArray[np.int64],
    frame: InputFrame, world: World,
) -> dict[str, Strongest]:  # fmt: skip
    """The strongest central view of each watched map over images (n,) of the source, given by their numbers.

    watched: layer -> maps. In eval mode; the same in all processes.
    """
    of_process = share_of(images.tolist(), SWEEP_BATCH, world)
    crops = centre_crops(source, of_process, frame, world.device)
    top = mine_top(deconvnet, crops, list(watched), 1, progress=world.first, rank=world.rank, world_size=world.size)
    parts = world.gather(top)
    mined = merge(parts) if len(parts) > 1 else parts[0]
    view = centre_views(1, frame.side_px, frame.size_px)
    found = {}
    for layer, maps in watched.items():
        of_layer, strongest = mined[layer], Strongest(maps, torch.device("cpu"))
        place = torch.stack([of_layer.image[maps, 0], of_layer.row[maps, 0], of_layer.column[maps, 0]], dim=1)  # (M, 3)
        views = torch.stack([view.rows, view.columns, view.flips.long()], dim=1).expand(len(maps), -1)  # (M, 3)
        origin = torch.cat([place, views], dim=1)  # (M, 6)
        strongest.merge({"value": of_layer.value[maps, 0].double(), "about": origin, "warp": strongest.warp})
        found[layer] = strongest
    return found
