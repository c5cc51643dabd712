"""Mining: the images and places to which every map of a layer answers most strongly (Fig. 2), in one pass."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from zfnet.deconv.deconvnet import Deconvnet
from zfnet.deconv.mined import Mined, TopUnits, strongest
from zfnet.progress import track

PLACES_AT_ONCE = 2**24  # numbers looked through at a time for the place of a maximum: 64 MB in float32


class Indexed(NamedTuple):
    """A batch that says which images it holds: images (B, 3, H, W), indices (B,) their positions in the data set."""

    images: Tensor
    indices: Tensor


@torch.no_grad()
def mine_top(
    deconvnet: Deconvnet,
    loader: Iterable[Any],
    layers: Collection[str],
    k: int = 9,
    progress: bool = True,
    first: int = 0,
    step: int = 1,
) -> Mined:
    """The k strongest places of every map of the layers over a data set, one a map an image: layer -> TopUnits.

    loader: batches of normalised images (B, 3, H, W), or tuples with the images first, every image once. Image n of it
    is image first + n * step of the data set (process r of p: first=r, step=p), unless batches are `Indexed`. Results
    of several processes are joined by `merge`. Memory holds one batch and the result, whatever the number of images.

    Equal values go to the lower image and then the earlier place, so that neither batches nor processes matter.
    Raises ValueError for an unknown layer, k < 1, no images, or activations that are not numbers.
    """
    if k < 1 or not layers:
        raise ValueError(f"k={k} places of layers {list(layers)}, expected at least one of each")
    best, seen = None, 0
    for batch in track(loader, "mining", unit="batch", enabled=progress):
        images = batch if isinstance(batch, Tensor) else batch[0]
        carried = isinstance(batch, Indexed)
        indices = batch.indices if carried else torch.arange(seen, seen + len(images)) * step + first
        if len(images) == 0:
            continue
        maps = deconvnet.activations(images, layers)
        if best is None:
            best = Best(maps, k, deconvnet.record(images[:1], layers).scores)
        best.update(maps, indices)
        seen += len(images)
    if best is None:
        raise ValueError("the loader gave no images to mine")
    mined = Mined(best.result(), seen)
    if step == 1:
        mined.log_dead()
    return mined


class Best:
    """The strongest places so far, of all maps of all layers in one table (maps, k)."""

    def __init__(self, maps: dict[str, Tensor], k: int, scores: Collection[str]) -> None:
        self.layers = {layer: _count(layer, m) for layer, m in maps.items()}
        self.k, self.scores = k, scores
        like, total = next(iter(maps.values())), sum(self.layers.values())
        dtype = torch.promote_types(like.dtype, torch.float32)  # half precision fits into float32 exactly
        self.value = torch.full((total, k), -torch.inf, dtype=dtype, device=like.device)
        self.image, self.row, self.column = (
            torch.full((total, k), -1, dtype=torch.int64, device=like.device) for _ in range(3)
        )

    def update(self, maps: dict[str, Tensor], indices: Tensor) -> None:
        """Take in a batch: layer -> (B, maps, H, W) or (B, maps), and the positions (B,) of its images."""
        peaks = [m.amax((2, 3)) if m.ndim == 4 else m for m in maps.values()]
        value = torch.cat(peaks, dim=1).to(self.value.dtype)
        indices = indices.to(value.device, torch.int64)
        worst, whose = self.value[:, -1], self.image[:, -1]
        beaten = (value < worst) | ((value == worst) & (indices[:, None] >= whose))
        changed = (~beaten).any(0).nonzero()[:, 0]  # "not beaten" rather than "beats", so that nan shows up
        if len(changed):
            self._merge(changed, value[:, changed].T, indices, maps)

    def _merge(self, changed: Tensor, value: Tensor, indices: Tensor, maps: dict[str, Tensor]) -> None:
        """Merge the values (changed, B) of a batch into the rows `changed` of the table."""
        value = torch.cat([self.value[changed], value], dim=1)
        image = torch.cat([self.image[changed], indices.expand(len(changed), -1)], dim=1)
        pick = strongest(value, image, self.k)
        value = value.gather(1, pick)
        image = image.gather(1, pick)
        self._refuse_nan(value, image, changed)
        row, column = (old[changed].gather(1, pick.clamp(max=self.k - 1)) for old in (self.row, self.column))
        new = pick >= self.k
        which, slot = new.nonzero(as_tuple=True)
        row[new], column[new] = self._places(maps, pick[which, slot] - self.k, changed[which])
        self.value[changed], self.image[changed] = value, image
        self.row[changed], self.column[changed] = row, column

    def _places(self, maps: dict[str, Tensor], batch: Tensor, number: Tensor) -> tuple[Tensor, Tensor]:
        """Row and column (n,) of the first maximum of map `number` of the table in image `batch`."""
        row, column = torch.zeros_like(batch), torch.zeros_like(batch)
        start = 0
        for layer, count in self.layers.items():
            here = ((number >= start) & (number < start + count)).nonzero()[:, 0]
            layer_maps, numbers = maps[layer], number - start
            start += count
            if layer_maps.ndim != 4:
                continue
            width = layer_maps.shape[3]
            for part in here.split(max(1, PLACES_AT_ONCE // (layer_maps.shape[2] * width))):
                place = layer_maps[batch[part], numbers[part]].flatten(1).argmax(1)  # the first, says torch's reference
                row[part], column[part] = place // width, place % width
        return row, column

    def _refuse_nan(self, value: Tensor, image: Tensor, changed: Tensor) -> None:
        wrong = value.isnan().nonzero()
        if len(wrong):
            which, slot = wrong[0].tolist()
            layer, number = self._called(int(changed[which]))
            raise ValueError(
                f"map {number} of layer {layer!r} is nan on image {int(image[which, slot])}: "
                "check that image, and that the weights are numbers"
            )

    def _called(self, row: int) -> tuple[str, int]:
        """The layer and the number of the map that a row of the table is about."""
        names = [(layer, number) for layer, count in self.layers.items() for number in range(count)]
        return names[row]

    def result(self) -> dict[str, TopUnits]:
        table = [values.cpu() for values in (self.value, self.image, self.row, self.column)]
        result, start = {}, 0
        for layer, count in self.layers.items():
            value, image, row, column = (values[start : start + count].clone() for values in table)
            result[layer] = TopUnits(value, image, row, column, layer in self.scores)
            start += count
        return result


def _count(layer: str, maps: Tensor) -> int:
    if maps.ndim not in (2, 4):
        raise ValueError(
            f"layer {layer!r} gives {tuple(maps.shape)}; "
            "only maps (B, maps, rows, columns) and units (B, units) can be mined"
        )
    return maps.shape[1]
