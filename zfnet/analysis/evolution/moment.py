"""What a network's maps respond to at one moment of its training, as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zfnet.analysis import picture_units
from zfnet.analysis.evolution.cka import Gram
from zfnet.analysis.evolution.reference_images import ReferenceImages
from zfnet.analysis.evolution.strongest import COLUMN, IMAGE, ROW, VIEW, Strongest
from zfnet.data import ImageSource, InputFrame, SeenImages, Views, crop_views, plain_frame
from zfnet.deconv import Deconvnet


@dataclass(frozen=True, kw_only=True)
class LayerMoment:
    """The strongest view of each of M maps of a layer.

    maps (M,) their numbers; value (M,) the activation that made each view the strongest; value_now (M,) the same unit's
    on the same view with the weights of the moment, which seeds the projection: the two differ where training went on
    after the view was seen, and at 0 or below the unit has died since and its projection is empty.
    image (M,) its number in the data; row, column (M,) the place in the map; view (M, 3) the crop's row and column in
    the image's square, and whether it was flipped; label, path (M,) of the image; projection (M, C, h, w),
    patch (M, h, w, 3) uint8 and corner (M, 2), as in `Pictures`, C the network's channels; warp (M, 2, 3)
    float32 where the view looks from its crop, in augmented training (Views.warps).
    Where no image could be read value is -inf, and image, row, column and label are -1.
    """

    maps: NDArray[np.int64]
    value: NDArray[np.float64]
    value_now: NDArray[np.float64]
    image: NDArray[np.int64]
    row: NDArray[np.int64]
    column: NDArray[np.int64]
    view: NDArray[np.int64]
    label: NDArray[np.int64]
    path: NDArray[np.str_]
    projection: NDArray[np.float32]
    patch: NDArray[np.uint8]
    corner: NDArray[np.int64]
    warp: NDArray[np.float32] | None = None


@dataclass(frozen=True, kw_only=True)
class Moment:
    """After an epoch (0: before training): the reference images' Grams, at chosen epochs also the strongest views.

    activations, projections: layer -> (n, n), as `ReferenceImages` gives them. layers: those of the strongest views.
    changed: layer -> the share of its maps whose strongest image is another than at the chosen epoch before.
    """

    epoch: int
    activations: Mapping[str, Gram]
    projections: Mapping[str, Gram]
    layers: Mapping[str, LayerMoment] = field(default_factory=dict)
    changed: Mapping[str, float] = field(default_factory=dict)


def moment_at(
    epoch: int, deconvnet: Deconvnet, probe: ReferenceImages, watched: Mapping[str, Sequence[int]], source: ImageSource,
    found: Mapping[str, Strongest], before: Mapping[str, Tensor],
) -> Moment:  # fmt: skip
    """What the network responds to as it is now.

    watched: layer -> maps; source: where the strongest views were found; found: them, none at epochs that were not
    chosen; before: layer -> the strongest images (M,) at the chosen epoch before, if there was one.
    """
    activations = probe.activation_grams(deconvnet, list(watched))
    projections = probe.projection_grams(deconvnet, watched)
    layers = {
        layer: picture_strongest(deconvnet, layer, strongest, source, probe.frame) for layer, strongest in found.items()
    }
    changed = {
        layer: float((strongest.images() != before[layer]).double().mean())
        for layer, strongest in found.items()
        if layer in before
    }
    return Moment(epoch=epoch, activations=activations, projections=projections, layers=layers, changed=changed)


def picture_strongest(
    deconvnet: Deconvnet, layer: str, strongest: Strongest, source: ImageSource, frame: InputFrame
) -> LayerMoment:
    """Cut the views anew, which gives the very pixels that were seen, and project them with the weights as they are."""
    value, origin, warp = (strongest.state()[name] for name in ("value", "about", "warp"))
    found = (origin[:, IMAGE] >= 0).nonzero()[:, 0]  # (m,) those of the M maps that have a view
    maps = strongest.maps.cpu()
    seen, seen_warps = origin[found], None if warp.isnan().all() else warp[found]  # (m, 6), (m, 2, 3)
    units = torch.stack([torch.arange(len(found)), maps[found], seen[:, ROW], seen[:, COLUMN]], dim=1)  # (m, 4)

    def fetch(numbers: Sequence[int]) -> SeenImages:
        rows = list(numbers)
        return views_of(source, seen[rows], None if seen_warps is None else seen_warps[rows], frame)

    pictures = picture_units(deconvnet, layer, units, fetch, frame.grey)
    images = origin[:, IMAGE].tolist()

    def full(values: NDArray[np.generic]) -> NDArray[np.generic]:
        whole = np.zeros((len(maps), *values.shape[1:]), values.dtype)  # (m, ...) to (M, ...)
        whole[found.numpy()] = values
        return whole

    return LayerMoment(
        maps=maps.numpy(),
        value=value.numpy(),
        value_now=full(pictures.activation),  # type: ignore[arg-type]
        image=origin[:, IMAGE].numpy(),
        row=origin[:, ROW].numpy(),
        column=origin[:, COLUMN].numpy(),
        view=origin[:, VIEW].numpy(),
        label=np.array([source.labels[image] if image >= 0 else -1 for image in images], np.int64),
        path=np.array([source.path(image) if image >= 0 else "" for image in images], np.str_),
        projection=full(pictures.projection),  # type: ignore[arg-type]
        patch=full(pictures.patch),  # type: ignore[arg-type]
        corner=full(pictures.corner),  # type: ignore[arg-type]
        warp=None if seen_warps is None else warp.numpy(),
    )


def views_of(source: ImageSource, origin: Tensor, warps: Tensor | None, frame: InputFrame) -> SeenImages:
    """Views, origin (B, 6) and warps (B, 2, 3) as in Strongest, cut from their images: (B, C, size, size)."""
    squares, _ = source.read(origin[:, IMAGE].tolist())  # (B, C, side, side)
    rows, columns, flips = origin[:, VIEW].unbind(1)  # (B,) each
    views, device = Views(rows, columns, flips.bool(), warps), frame.mean.device
    plain = plain_frame(frame.side_px, frame.size_px, frame.channels).to(device)
    squares = squares.to(device)
    pixels = crop_views(squares, views, plain).round().to(torch.uint8)
    return SeenImages(inputs=crop_views(squares, views, frame), pixels=pixels.expand(-1, 3, -1, -1))  # grey thrice
