"""The strongest places so far: a table of all maps that takes in batch after batch."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from zfnet.mining.top_units import TopUnits, strongest


class Pooled(NamedTuple):
    """What a max pool that covers all of a layer's maps made of them, (B, C, h, w), and its sliding over their rows."""

    maps: Tensor
    kernel: int
    stride: int
    padding: int


ITSELF = Pooled(torch.empty(0), kernel=1, stride=1, padding=0)


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


def _count(layer: str, maps: Tensor) -> int:
    if maps.ndim not in (2, 4):
        raise ValueError(
            f"layer {layer!r} gives {tuple(maps.shape)}; "
            "only maps (B, maps, rows, columns) and units (B, units) can be mined"
        )
    return maps.shape[1]
