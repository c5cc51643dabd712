"""Mining: the images and places to which every map of a layer answers most strongly (Fig. 2), in one pass."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from zfnet.deconv import Deconvnet
from zfnet.forward import covers, places_to_look
from zfnet.forward.graph import pair
from zfnet.mining.top_units import Mined, TopUnits, strongest
from zfnet.progress import track


class Indexed(NamedTuple):
    """A batch that says which images it holds: images (B, 3, H, W), indices (B,) their positions in the data set."""

    images: Tensor
    indices: Tensor


Watch = Callable[[Mapping[str, Tensor], Tensor], None]


class Pooled(NamedTuple):
    """What a max pool that covers all of a layer's maps made of them, (B, C, h, w), and its sliding over their rows."""

    maps: Tensor
    kernel: int
    stride: int
    padding: int


ITSELF = Pooled(torch.empty(0), kernel=1, stride=1, padding=0)


@torch.no_grad()
def mine_top(
    deconvnet: Deconvnet,
    loader: Iterable[Any],
    layers: Collection[str],
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
    Raises ValueError for an unknown layer, k < 1, no images, or activations that are not numbers.
    """
    if k < 1 or not layers:
        raise ValueError(f"k={k} places of layers {list(layers)}, expected at least one of each")
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


class Best:
    """The strongest places so far, in one table (all maps, k): a line for each map of each layer, k slots in it."""

    def __init__(self, maps: dict[str, Tensor], k: int, scores: Collection[str]) -> None:
        self.layers = {layer: _count(layer, m) for layer, m in maps.items()}
        self.k, self.scores = k, scores
        like, total = next(iter(maps.values())), sum(self.layers.values())
        dtype = torch.promote_types(like.dtype, torch.float32)  # half precision fits into float32 exactly
        self.value = torch.full((total, k), -torch.inf, dtype=dtype, device=like.device)
        self.image, self.row, self.column = (
            torch.full((total, k), -1, dtype=torch.int64, device=like.device) for _ in range(3)
        )

    def update(self, maps: dict[str, Tensor], indices: Tensor, pooled: Mapping[str, Pooled] | None = None) -> None:
        """Take in a batch: layer -> (B, maps, H, W) or (B, maps), and the positions (B,) of its images.

        pooled: of some layers what a max pool that covers all of their maps made of them, which has fewer places.
        """
        smaller = {**maps, **{layer: one.maps for layer, one in (pooled or {}).items()}}
        by_row = {layer: row_peaks(m) for layer, m in smaller.items() if m.ndim == 4}
        peaks = [by_row[layer].amax(2) if layer in by_row else m for layer, m in maps.items()]  # (B, maps) of each
        value = torch.cat(peaks, dim=1).to(self.value.dtype)  # (B, all maps)
        indices = indices.to(value.device, torch.int64)
        worst, worst_image = self.value[:, -1], self.image[:, -1]  # (all maps,)
        beaten = (value < worst) | ((value == worst) & (indices[:, None] >= worst_image))  # (B, all maps)
        changed = (~beaten).any(0).nonzero()[:, 0]  # "not beaten" rather than "beats", so that nan shows up
        if len(changed):
            line, slot, image = self._merge(changed, value[:, changed].T, indices)
            self.row[line, slot], self.column[line, slot] = self._places(maps, by_row, pooled or {}, image, line)

    def _merge(self, changed: Tensor, value: Tensor, indices: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Merge the values (m, B) of a batch into the lines `changed` (m,) of the table.

        Returns what is new, each (n,): its line and slot of the table, and which image of the batch it is.
        """
        value = torch.cat([self.value[changed], value], dim=1)  # (m, k + B)
        image = torch.cat([self.image[changed], indices.expand(len(changed), -1)], dim=1)
        pick = strongest(value, image, self.k)  # (m, k), columns of the two
        value = value.gather(1, pick)  # (m, k)
        image = image.gather(1, pick)
        self._refuse_nan(value, image, changed)
        old = pick.clamp(max=self.k - 1)
        self.row[changed], self.column[changed] = self.row[changed].gather(1, old), self.column[changed].gather(1, old)
        self.value[changed], self.image[changed] = value, image
        new, slot = (pick >= self.k).nonzero(as_tuple=True)  # (n,) both
        return changed[new], slot, pick[new, slot] - self.k

    def _places(
        self, maps: dict[str, Tensor], by_row: dict[str, Tensor], pooled: Mapping[str, Pooled], image: Tensor,
        line: Tensor,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        """Row and column (n,) of the first maximum, in the batch's images (n,), of the maps of the table's lines (n,).

        maps: layer -> (B, C, H, W) or (B, C); by_row: of those with places the `row_peaks` of maps or pooled ones. The
        first pooled row with the maximum sees the first row of the map that has it: an earlier one would be seen by an
        earlier one.
        """
        row, column = torch.zeros_like(image), torch.zeros_like(image)
        start = 0
        for layer, count in self.layers.items():
            if layer in by_row:
                of_layer = ((line >= start) & (line < start + count)).nonzero()[:, 0]  # (m,) of the n
                own, one, (height, width) = maps[layer], pooled.get(layer, ITSELF), maps[layer].shape[2:]
                unit = image[of_layer], line[of_layer] - start
                first = by_row[layer][unit].argmax(1) * one.stride - one.padding  # of (m, h)
                rows = (first[:, None] + torch.arange(one.kernel, device=own.device)).clamp(
                    0, height - 1
                )  # (m, kernel)
                place = (
                    own[unit[0][:, None], unit[1][:, None], rows].flatten(1).argmax(1)
                )  # of (m, kernel W), the first
                row[of_layer], column[of_layer] = rows.gather(1, place[:, None] // width)[:, 0], place % width
            start += count
        return row, column

    def _refuse_nan(self, value: Tensor, image: Tensor, changed: Tensor) -> None:
        wrong = value.isnan().nonzero()
        if len(wrong):
            line, slot = wrong[0].tolist()
            layer, number = self._called(int(changed[line]))
            raise ValueError(
                f"map {number} of layer {layer!r} is nan on image {int(image[line, slot])}: "
                "check that image, and that the weights are numbers"
            )

    def _called(self, line: int) -> tuple[str, int]:
        """The layer and the number of the map that a line of the table is about."""
        names = [(layer, number) for layer, count in self.layers.items() for number in range(count)]
        return names[line]

    def result(self) -> dict[str, TopUnits]:
        """layer -> its lines of the table, on the CPU."""
        table = [values.cpu() for values in (self.value, self.image, self.row, self.column)]
        result, start = {}, 0
        for layer, count in self.layers.items():
            value, image, row, column = (values[start : start + count].clone() for values in table)
            result[layer] = TopUnits(value=value, image=image, row=row, column=column, scores=layer in self.scores)
            start += count
        return result


def row_peaks(maps: Tensor) -> Tensor:
    """The largest value of each row of maps (B, C, H, W): (B, C, H).

    In channels-last memory the maximum over a view was measured 10 times as fast as amax(3), which does not vectorise.
    """
    last = maps.permute(0, 2, 3, 1)  # (B, H, W, C)
    if last.is_contiguous():
        peaks = last.flatten(0, 1).amax(1)  # (B * H, C)
        return peaks.unflatten(0, (len(maps), -1)).permute(0, 2, 1)  # (B, H, C) to (B, C, H)
    return maps.amax(3)


def _pools(deconvnet: Deconvnet, layers: Collection[str]) -> dict[str, str]:
    """layer -> the max pool that alone looks at its maps, in networks that say what they take; layers checked later."""
    try:
        known = [layer for layer in layers if layer in deconvnet.layers]
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


def _count(layer: str, maps: Tensor) -> int:
    if maps.ndim not in (2, 4):
        raise ValueError(
            f"layer {layer!r} gives {tuple(maps.shape)}; "
            "only maps (B, maps, rows, columns) and units (B, units) can be mined"
        )
    return maps.shape[1]
