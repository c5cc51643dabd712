"""Mining: the images and places to which every map of a layer answers most strongly (Fig. 2), in one pass."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from zfnet.deconv import Deconvnet
from zfnet.forward import check_apart, covers, named_layers, places_to_look
from zfnet.forward.graph import pair
from zfnet.mining.best import Best, Pooled
from zfnet.mining.top_units import Mined
from zfnet.progress import track


class Indexed(NamedTuple):
    """A batch that says which images it holds: images (B, 3, H, W), indices (B,) their positions in the data set."""

    images: Tensor
    indices: Tensor


Watch = Callable[[Mapping[str, Tensor], Tensor], None]


@torch.no_grad()
def mine_top(
    deconvnet: Deconvnet,
    loader: Iterable[Any],
    layers: Iterable[str],
    k: int = 9,
    progress: bool = True,
    rank: int = 0,
    world_size: int = 1,
    watch: Watch | None = None,
) -> Mined:
    """The k strongest places of every map of the layers over a data set, one a map an image: layer -> TopUnits.

    loader: batches of normalised images (B, 3, H, W), or tuples with the images first, every image once. Image n of it
    is image rank + n * world_size of the data set (of process `rank` of so many), unless batches are `Indexed`. Results
    of several processes are joined by `merge`; one of several without images has no layers.
    Memory holds one batch and the result, whatever the number of images. watch: is shown each batch's maps, which it
    must not change, and the positions (B,) of its images, for those who want more of the same pass.

    Equal values go to the lower image and then the earlier place, so that neither batches nor processes matter.
    Raises ValueError for an unknown layer, k < 1, no images, activations that
    are not numbers, or that depend on the other images of a batch.
    """
    layers = named_layers(deconvnet.model).listed(layers)
    if k < 1 or not layers:
        raise ValueError(f"k={k} places of layers {layers}, expected at least one of each")
    if rank < 0 or world_size < 1:
        raise ValueError(f"rank={rank} of world_size={world_size} processes: expected ranks from 0, and at least one")
    best, seen, pools = None, 0, _pools(deconvnet, layers)
    for batch in track(loader, "mining", unit="batch", enabled=progress):
        images = batch if isinstance(batch, Tensor) else batch[0]
        carried = isinstance(batch, Indexed)
        indices = batch.indices if carried else torch.arange(seen, seen + len(images)) * world_size + rank
        if len(images) == 0:
            continue
        maps = deconvnet.activations(images, [*layers, *pools.values()])
        pooled = _pooled(deconvnet, maps, pools)
        if best is None:
            check_apart(lambda some: deconvnet.activations(some, layers), images[:1])
            best = Best(maps, k, _scores(deconvnet, images, maps))
        best.update(maps, indices, pooled)
        if watch is not None:
            watch(maps, indices)
        seen += len(images)
    if best is None and world_size == 1:
        raise ValueError("the loader gave no images to mine")
    mined = Mined({} if best is None else best.result(), seen)
    if world_size == 1:
        mined.log_dead()
    return mined


def _pools(deconvnet: Deconvnet, layers: Collection[str]) -> dict[str, str]:
    """layer -> the max pool that alone looks at its maps, in networks that say what they take; layers checked later."""
    try:
        offered = set(deconvnet.layers)
        known = [layer for layer in layers if layer in offered]
        places = places_to_look(deconvnet.model, known)
        return {layer: name for layer, (name, pools) in places.items() if pools and name not in layers}
    except ValueError:  # a network that does not run on such an image
        return {}


def _pooled(deconvnet: Deconvnet, maps: dict[str, Tensor], pools: Mapping[str, str]) -> dict[str, Pooled]:
    """Take what the pools made out of the maps; layer -> what its pool made, where that covers it."""
    found = {}
    for layer, name in pools.items():
        made, pool = maps.pop(name), deconvnet.model.get_submodule(name)
        if covers(pool, made, maps[layer]):
            kernel, stride, padding = (pair(getattr(pool, of))[0] for of in ("kernel_size", "stride", "padding"))
            found[layer] = Pooled(made, kernel=kernel, stride=stride, padding=padding)
    return found


def _scores(deconvnet: Deconvnet, images: Tensor, maps: dict[str, Tensor]) -> Collection[str]:
    """Which of the layers give class scores: only those with one number a map can."""
    flat = [layer for layer, m in maps.items() if m[0].numel() == m.shape[1]]
    return deconvnet.record(images[:1], flat).scores if flat else ()
