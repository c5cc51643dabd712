"""Sentences 8 and 9: hiding the object, and the place that the strongest map's projection shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zfnet.analysis.atlas import focus_of
from zfnet.analysis.claims.effect import Effect, mean_effect
from zfnet.analysis.occlusion import Occlusion, probability_drops
from zfnet.deconv import Deconvnet

Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels of what the network sees
AT_ONCE = 16


def centre_box(box: Box, size_px: int) -> Box:
    """A box as large in the middle of the image: what a guess at the centre would hide."""
    width, height = box[2] - box[0], box[3] - box[1]
    left, top = (size_px - width) // 2, (size_px - height) // 2
    return left, top, left + width, top + height


def drops_by_box(heat: Occlusion, boxes: Sequence[Box | None]) -> NDArray[np.float64]:
    """The mean drop of squares whose centre lies in an image's box, and of the others: (B, 2).

    nan for an image without a box, and for a side without squares.
    """
    drops = probability_drops(heat).double().numpy()  # (B, R, C)
    middle = (heat.size_px - 1) / 2
    rows, columns = heat.rows.numpy() + middle, heat.columns.numpy() + middle
    found = np.full((len(drops), 2), np.nan)
    for own, of_image, box in zip(found, drops, boxes, strict=True):
        if box is None:
            continue
        left, top, right, bottom = box
        within = ((rows >= top) & (rows < bottom))[:, None] & ((columns >= left) & (columns < right))
        own[:] = [of_image[part].mean() if part.any() else np.nan for part in (within, ~within)]
    return found


def object_effect(
    heat: Occlusion, boxes: Sequence[Box | None], size_px: int, floors: Mapping[str, float] | None = None
) -> Effect:
    """Sentence 8, over images with boxes: on the object less beside it. Its floors have the box in the centre too."""
    found = drops_by_box(heat, boxes)
    centred = drops_by_box(heat, [None if box is None else centre_box(box, size_px) for box in boxes])
    both = np.isfinite(found).all(1)
    parts = (
        {"on the object": float(found[both, 0].mean()), "beside it": float(found[both, 1].mean())} if both.any() else {}
    )
    centre = float(np.nanmean(centred[both, 0] - centred[both, 1])) if both.any() else float("nan")
    values = found[:, 0] - found[:, 1]
    return mean_effect("probability", values, floors={"chance": 0.0, "centre": centre, **(floors or {})}, parts=parts)


@torch.no_grad()
def projection_places(deconvnet: Deconvnet, images: Tensor, heat: Occlusion) -> NDArray[np.int64]:
    """Where the strongest map of each image (B, 3, H, W) has the middle of its projection's energy: pixels (B, 2).

    The map is the one that `heat` followed, its strongest place is projected.
    """
    places = []
    for batch in torch.arange(len(images)).split(AT_ONCE):
        record = deconvnet.record(images[batch], [heat.layer])
        maps = record.maps[heat.layer][torch.arange(len(batch)), heat.map[batch]]  # (b, h, w)
        at = maps.flatten(1).argmax(1).cpu()
        width = maps.shape[-1]
        units = torch.stack([torch.arange(len(batch)), heat.map[batch].cpu(), at // width, at % width], 1)
        projection = deconvnet.project(record, heat.layer, units).float().cpu().numpy()
        places.append(focus_of(projection, np.zeros((len(batch), 2), np.int64)))
    return np.concatenate(places)


def activity_at(heat: Occlusion, places: NDArray[np.int64]) -> NDArray[np.float64]:
    """The strongest map's activity with the square over a place, over all places on the mean, and over the centre.

    places (B, 2): pixels. (B, 3), as shares of the clean image's; nan where that is not above 0.
    """
    clean = heat.clean_activity.double().numpy()
    share = heat.activity.double().numpy() / np.where(clean > 0, clean, np.nan)[:, None, None]
    middle = (heat.size_px - 1) / 2
    corners = [side.numpy() + middle for side in (heat.rows, heat.columns)]
    row, column = (np.abs(side - at[:, None]).argmin(1) for side, at in zip(corners, places.T, strict=True))
    half_row, half_column = (np.abs(side - (side[0] + side[-1]) / 2).argmin() for side in corners)
    return np.stack([share[np.arange(len(share)), row, column], share.mean((1, 2)), share[:, half_row, half_column]], 1)


def projection_effect(heat: Occlusion, places: NDArray[np.int64], floors: Mapping[str, float] | None = None) -> Effect:
    """Sentence 9, over images: the mean place less the place of the projection."""
    found = activity_at(heat, places)
    at, mean, centre = np.nanmean(found, axis=0)
    return mean_effect(
        "activity", found[:, 1] - found[:, 0], parts={"at the projection": float(at), "mean place": float(mean)},
        floors={"chance": 0.0, "centre": float(mean - centre), **(floors or {})},
    )  # fmt: skip
