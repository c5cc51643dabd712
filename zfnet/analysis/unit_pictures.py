"""Units of a data set as pictures: each projected to the pixels, beside the patch of its image that it sees."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from zfnet.data import SeenImages
from zfnet.deconv import Deconvnet
from zfnet.forward import Field, Record, cut_windows

IMAGES_AT_ONCE = 32
SPREAD = 5  # layers of a network with many

WHY_NOTHING = (
    ": on the way down each ReLU passes only what is positive, and of these nothing is. A lower layer, or "
    "rule=gradient, shows what they answer to"
)
log = logging.getLogger(__name__)

Fetch = Callable[[Sequence[int]], SeenImages]
Maps = int | Collection[int] | Tensor | NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Pictures:
    """N units of a layer: projection (N, 3, h, w), patch (N, h, w, 3) uint8, corner (N, 2) of both in the image.

    activation (N,) is what the units answered with in that pass.
    """

    projection: NDArray[np.float32]
    patch: NDArray[np.uint8]
    corner: NDArray[np.int64]
    activation: NDArray[np.float64]


def spread_of_convolutions(deconvnet: Deconvnet) -> list[str]:
    """Every convolution where there are few; else SPREAD of them from the first to the last."""
    modules = dict(deconvnet.model.named_modules(remove_duplicate=False))
    names = [layer for layer in deconvnet.layers if isinstance(modules[layer], nn.Conv2d)]
    return [names[at] for at in np.linspace(0, len(names) - 1, min(SPREAD, len(names))).round().astype(int)]


def draw_maps(maps: Maps, count: int, seed: int, option: str = "maps") -> list[int]:
    """Which of `count` maps to show: so many drawn by the seed, in order, or those listed, in an array too.

    Raises ValueError, which names the option, for fewer than one and for a map that is not there.
    """
    given = maps.tolist() if isinstance(maps, Tensor | np.ndarray | np.generic) else maps
    asked = np.asarray(list(given) if isinstance(given, Collection) else given)
    if asked.ndim == 0 and asked.dtype.kind in "iu":
        if asked < 1:
            raise ValueError(f"{option}={given}, expected 1 or more of each layer")
        return np.sort(np.random.default_rng(seed).choice(count, min(int(asked), count), replace=False)).tolist()
    if asked.ndim != 1 or asked.dtype.kind not in "iu" or asked.min() < 0 or asked.max() >= count:
        raise ValueError(f"{option}={asked.tolist()}, expected some of 0 to {count - 1}")
    return asked.tolist()


def picture_units(deconvnet: Deconvnet, layer: str, units: Tensor, fetch: Fetch, grey: Sequence[int]) -> Pictures:
    """Project units (N, 4: image, map, row, column) and cut the patches they see.

    fetch: image numbers -> the images as the network sees them (B, 3, H, W), and as pixels (B, 3, H, W) uint8.
    grey: (3,) the colour of what lies beyond the border. Projections and patches are windows of the layer's receptive
    field; the whole image where that is larger than the image, or not known.
    Units that answer and project to exactly nothing, as the rule may say, are told in a warning.
    Raises ValueError for no units at all and for those that are not in the layer, and NoReverseRule as
    `Deconvnet.project` does.
    """
    if len(units) == 0:
        raise ValueError(f"units of {layer} are {tuple(units.shape)}, expected at least one: image, map, row, column")
    numbers, place = units[:, 0].unique(return_inverse=True)  # the images, and for each unit (N,) its place among them
    parts, order, lost = [], [], 0
    for batch in torch.arange(len(numbers)).split(IMAGES_AT_ONCE):
        of_batch = ((place >= batch[0]) & (place <= batch[-1])).nonzero()[:, 0]
        in_batch = torch.cat([place[of_batch, None] - batch[0], units[of_batch, 1:]], dim=1)  # (n, 4)
        images, pixels = fetch(numbers[batch].tolist())
        record = deconvnet.record(images, [layer])
        field = smaller(deconvnet.field(layer, record), images)
        part = _pictures(deconvnet, record, layer, in_batch, pixels=pixels, field=field, grey=grey)
        lost += _lost(part, is_score=layer in record.scores)
        parts.append(part)
        order.append(of_batch)
    if lost:
        log.warning(
            "%d of %d units of %s project to exactly nothing by the %s rule%s", lost, len(units), layer, deconvnet.rule,
            WHY_NOTHING if deconvnet.rule != "gradient" else "",
        )  # fmt: skip
    back = torch.cat(order).argsort().numpy()  # (N,) from the batches' order to that of the units
    joined = {
        name: np.concatenate([getattr(part, name) for part in parts])[back]
        for name in ("projection", "patch", "corner", "activation")
    }
    return Pictures(**joined)


def _lost(pictures: Pictures, *, is_score: bool) -> int:
    """How many units have a signal to project, of which nothing is left in their projections (n, 3, h, w)."""
    signal = pictures.activation if is_score else pictures.activation.clip(min=0)  # (n,)
    return int(((signal != 0) & ~pictures.projection.any((1, 2, 3))).sum())


def smaller(field: Field | None, images: Tensor) -> Field | None:
    """The field, or None where it is larger than images (B, 3, H, W)."""
    fits = field is not None and all(field.size_px[axis] <= images.shape[2 + axis] for axis in (0, 1))
    return field if fits else None


def _pictures(
    deconvnet: Deconvnet, record: Record, layer: str, units: Tensor, *, pixels: Tensor, field: Field | None,
    grey: Sequence[int],
) -> Pictures:  # fmt: skip
    """Units (n, 4) of recorded images, whose pixels are (B, 3, H, W) uint8; field: None for the whole image."""
    size = (pixels.shape[2], pixels.shape[3]) if field is None else field.size_px
    corners = units.new_zeros((len(units), 2)) if field is None else field.corners(units[:, 2:])
    projected = project_fields(deconvnet, record, layer, units, field)  # (n, 3, h, w)
    ground = torch.tensor(grey, dtype=torch.int16)[:, None, None]  # (3, 1, 1)
    patches = cut_windows(pixels.cpu().to(torch.int16) - ground, units[:, 0], corners.cpu(), size) + ground
    maps = record.maps[layer]  # (B, C, h, w) or (B, C)
    return Pictures(
        projection=projected.float().cpu().numpy(),
        patch=patches.to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy(),  # (n, h, w, 3)
        corner=corners.cpu().numpy(),
        activation=maps[tuple(units[:, : maps.ndim].T)].double().cpu().numpy(),
    )


def project_fields(deconvnet: Deconvnet, record: Record, layer: str, units: Tensor, field: Field | None) -> Tensor:
    """Units (N, 4) projected, on their receptive fields alone (N, 3, h, w); on the whole image where field is None.

    Raises what `Deconvnet.project` raises.
    """
    if field is None:
        return deconvnet.project(record, layer, units)
    return deconvnet.project_windows(record, layer, units)[0]
