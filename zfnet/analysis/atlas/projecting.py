"""The strongest places of every map of many layers, projected image by image: one forward pass for them all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zfnet.analysis import Fetch, project_fields, smaller
from zfnet.data import SeenImages
from zfnet.deconv import Deconvnet
from zfnet.forward import Field, cut_windows, fields_of

AT_ONCE = 16  # images
BYTES = 64 * 2**20  # of projections at once


@dataclass(frozen=True, kw_only=True)
class Work:
    """Places of a layer that are to be drawn: units (n, 4: image of the data set, map, row, column), rank (n,).

    missing (n,): those that are not drawn yet; None: all.
    """

    layer: str
    units: Tensor
    rank: Tensor
    missing: Tensor | None = None

    def of(self, batch: Tensor) -> Tensor:
        """Which of its places (m,) lie in a batch of images; none where all of these are drawn already.

        All or none: the last bits of a projection depend on what is projected with it, so that a run that was stopped
        draws what it would have drawn.
        """
        own = torch.isin(self.units[:, 0], batch).nonzero()[:, 0]
        return own if self.missing is None or bool(self.missing[own].any()) else own[:0]


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """n units of a layer: maps, rank (n,), projection (n, 3, h, w), patch (n, h, w, 3) uint8, corner (n, 2) of both.

    image (n,) in the data set; units (n, 4) with the image's place in `inputs` (B, 3, H, W), what the network saw.
    """

    layer: str
    rank: NDArray[np.int64]
    image: NDArray[np.int64]
    units: Tensor
    inputs: Tensor
    projection: NDArray[np.float32]
    patch: NDArray[np.uint8]
    corner: NDArray[np.int64]

    @property
    def maps(self) -> NDArray[np.int64]:
        return self.units[:, 1].numpy()


def draw_units(
    deconvnet: Deconvnet,
    work: Sequence[Work],
    fetch: Fetch,
    grey: Sequence[int],
    progress: Iterator[None] | None = None,
    at_once: int = AT_ONCE,
) -> Iterator[Drawn]:
    """Project them on their receptive fields, whole images where those are larger, and cut the patches they see.

    fetch, grey: as `picture_units` has them. Memory holds at_once images and BYTES of projections.
    Raises NoReverseRule where the rule has no answer.
    """
    numbers = torch.cat([one.units[:, 0] for one in work]).unique() if work else torch.zeros(0, dtype=torch.int64)
    if not len(numbers):  # nothing splits into one of nothing
        return
    fields = fields_of(deconvnet.model, [one.layer for one in work])
    for batch in numbers.split(at_once):
        inside = [(one, own) for one in work if len(own := one.of(batch))]
        if inside:
            yield from _of_batch(deconvnet, batch, inside, fields, fetch(batch.tolist()), grey)
        if progress is not None:
            next(progress, None)


def _of_batch(
    deconvnet: Deconvnet, batch: Tensor, inside: Sequence[tuple[Work, Tensor]], fields: Mapping[str, Field | None],
    seen: SeenImages, grey: Sequence[int],
) -> Iterator[Drawn]:  # fmt: skip
    """Of each layer those of its places that are `inside` the batch."""
    inputs, pixels = seen
    record = deconvnet.record(inputs, [one.layer for one, _ in inside])
    for one, own_places in inside:
        field = smaller(fields[one.layer], inputs)
        size = (inputs.shape[2], inputs.shape[3]) if field is None else field.size_px
        for own in own_places.split(max(1, BYTES // (12 * size[0] * size[1]))):
            units = one.units[own].clone()
            units[:, 0] = torch.searchsorted(batch, units[:, 0].contiguous())
            projection = project_fields(deconvnet, record, one.layer, units, field)
            patch, corner = _patches(units, pixels, field, size, grey)
            yield Drawn(
                layer=one.layer, rank=one.rank[own].numpy(), image=one.units[own, 0].numpy(), units=units,
                inputs=inputs, projection=projection.float().cpu().numpy(), patch=patch, corner=corner,
            )  # fmt: skip


def _patches(
    units: Tensor, pixels: Tensor, field: Field | None, size: tuple[int, int], grey: Sequence[int]
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    corners = units.new_zeros((len(units), 2)) if field is None else field.corners(units[:, 2:])
    ground = torch.tensor(grey, dtype=torch.int16)[:, None, None]
    patches = cut_windows(pixels.cpu().to(torch.int16) - ground, units[:, 0], corners, size) + ground
    return patches.to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy(), corners.numpy()


def focus_of(projection: NDArray[np.floating], corner: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where projections (n, 3, h, w) at corners (n, 2) have the middle of their energy: pixels of the image (n, 2)."""
    energy = np.zeros((len(projection), *projection.shape[2:]))  # (n, h, w)
    for channel in range(projection.shape[1]):  # one after another: squares of all at once would be a copy of each
        energy += np.square(projection[:, channel], dtype=np.float64)
    total = np.maximum(energy.sum((1, 2)), np.finfo(np.float64).tiny)
    rows, columns = np.arange(energy.shape[1]), np.arange(energy.shape[2])
    middle = np.stack([(energy.sum(2) * rows).sum(1), (energy.sum(1) * columns).sum(1)], 1) / total[:, None]
    middle[energy.sum((1, 2)) == 0] = (np.array(energy.shape[1:]) - 1) / 2
    return np.rint(middle + corner).astype(np.int64)


def places(found: Mapping[str, NDArray[np.int64]], most: int) -> tuple[Tensor, Tensor]:
    """Units (n, 4) and their rank (n,) of mined image, row and column (maps, k): the first `most` of each map."""
    there = found["image"][:, :most] >= 0
    maps, rank = np.nonzero(there)
    parts = [found["image"][:, :most][there], maps, found["row"][:, :most][there], found["column"][:, :most][there]]
    return torch.from_numpy(np.stack(parts, 1)), torch.from_numpy(rank)
