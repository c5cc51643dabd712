"""Does a layer answer alike when the same part is hidden in different images? Zeiler & Fergus 2013, Table 1.

Hide one part of image i: x~_i is the layer's feature vector then, x_i the clean one, eps_i = x_i - x~_i. Over the pairs
of images, sign(eps_i) and sign(eps_j) are compared by their Hamming distance, here as the share of numbers whose signs
differ. Signs are -1, 0 and 1: a number that both images leave alone agrees, one that only one of them changes does not.
Numbers that are rectified to zero with and without the part are left alone: the more of them, the lower the rates.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zfnet.analysis import Fill, canvas_of, feature_vectors, hide
from zfnet.analysis.correspondence.permutation import chance_of_less
from zfnet.deconv import Deconvnet
from zfnet.forward import Layer
from zfnet.models import full_float32
from zfnet.progress import Progress

ROUNDING = 64  # a change below so many units of rounding of the image's largest feature is none; measured: up to 4
COLUMNS_AT_ONCE = 2**14


@dataclass(frozen=True, kw_only=True)
class PartChange:
    """One row of Table 1 in one layer.

    pairs (P,): the distance of each pair of images, i < j, with the part hidden. random (draws, P): the same with a
    random box of the part's size hidden in each image. p_value: how probable a mean distance as small as the part's is,
    if the part is a place like the random ones (one-sided; see `permutation`); nan with too few images.
    """

    pairs: NDArray[np.float64]
    random: NDArray[np.float64]
    p_value: float


def correspondence(
    deconvnet: Deconvnet,
    images: Tensor,
    boxes: Mapping[str, NDArray[np.int64]],
    layers: Sequence[Layer],
    generator: np.random.Generator,
    fill: Fill = 0.0,
    noise: torch.Generator | None = None,
    batch_size: int = 64,
    progress: bool = True,
) -> dict[str, dict[Layer, PartChange]]:
    """Table 1: part -> layer -> PartChange.

    images (N, 3, H, W), normalised, N > 1. boxes: part -> (N, 1 + draws, 4), the box of each image's part and then
    random ones of its size; left, top, right, bottom in pixels of the images. fill: what hides a box, as in `occlude`:
    a number (0 is the frame's grey), one a channel, 'mean', 'blur' by the box's longer side, or 'noise' from the
    generator of that name. generator: for the permutation test.

    Raises ValueError for fewer than two images, for half precision, for fills that `occlude` refuses, and for features
    that are not finite.
    """
    if len(images) < 2:
        raise ValueError(f"{len(images)} images, expected at least two to compare")
    if images.dtype not in (torch.float32, torch.float64):
        raise ValueError(f"images are {images.dtype}, whose rounding hides small changes: expected float32 or float64")
    total = sum(of_part.shape[0] * of_part.shape[1] for of_part in boxes.values())
    table = {}
    with full_float32(), Progress("hiding parts", total, "image", enabled=progress) as bar:
        for part, of_part in boxes.items():
            canvases = (_canvas(image, box, fill, noise) for image, box in zip(images, of_part[:, 0], strict=True))
            signs = sign_changes(
                deconvnet, images, layers, boxes=of_part, canvases=canvases, batch_size=batch_size, progress=bar
            )
            table[part] = {layer: _compared(signs[layer], generator) for layer in layers}
    return table


def _canvas(image: Tensor, box: NDArray[np.int64], fill: Fill, noise: torch.Generator | None) -> Tensor:
    """What is seen in boxes of that size on an image (3, H, W), as in `occlude`."""
    longer_px = min(int((box[2:] - box[:2]).max()), *image.shape[1:])
    return canvas_of(image[None], fill, longer_px, noise)[0]


def sign_changes(
    deconvnet: Deconvnet, images: Tensor, layers: Sequence[Layer], *,
    boxes: NDArray[np.int64], canvases: Iterable[Tensor], batch_size: int, progress: Progress,
) -> dict[Layer, Tensor]:  # fmt: skip
    """The sign of each feature's change when each of the boxes (N, K, 4) is hidden alone: layer -> (N, K, n) int8.

    images (N, 3, H, W); boxes: left, top, right, bottom in pixels; canvases: N of (3, H, W), what is seen in the boxes
    of each image.
    """
    signs: dict[Layer, list[Tensor]] = {layer: [] for layer in layers}
    for image, canvas, of_image in zip(images, canvases, boxes, strict=True):
        clean = feature_vectors(deconvnet, image[None], layers)  # (1, n) of each layer
        for batch in np.array_split(of_image, range(batch_size, len(of_image), batch_size)):
            hidden = hide(image, batch, canvas)  # (B, 3, H, W)
            for layer, features in feature_vectors(deconvnet, hidden, layers).items():
                if not (clean[layer].isfinite().all() and features.isfinite().all()):  # such a change has no sign
                    raise ValueError(
                        f"layer {layer!r} has features that are not finite: look for NaN or infinity in the images, "
                        "the fill and the weights"
                    )
                signs[layer].append(_sign(clean[layer], features))
            progress.advance(len(batch))
    return {layer: torch.cat(parts).unflatten(0, boxes.shape[:2]) for layer, parts in signs.items()}  # (N, K, n)


def _sign(clean: Tensor, hidden: Tensor) -> Tensor:
    """The sign of clean (1, n) - hidden (B, n) as int8, on the CPU; 0 for what rounding alone may have changed."""
    change = clean - hidden
    least = ROUNDING * torch.finfo(clean.dtype).eps * clean.abs().max()
    return torch.where(change.abs() <= least, 0, change.sign()).to("cpu", torch.int8)


def differing(signs: Tensor) -> NDArray[np.int64]:
    """How many signs of each two of M rows (M, n) int8 differ: (M, M)."""
    changed, agreement = signs.ne(0).sum(1), torch.zeros(len(signs), len(signs), dtype=torch.float64)
    for columns in signs.split(COLUMNS_AT_ONCE, dim=1):
        rows = columns.float()  # (M, columns); sums of whole numbers below 2^24, hence exact
        agreement += rows @ rows.T + 3 * (rows.abs() @ rows.abs().T)
    # two that changed alike count twice in `changed`; alike 1 + 3 = 4 halves take both off, unlike -1 + 3 = 2 one
    return (changed[:, None] + changed - agreement / 2).to(torch.int64).numpy()


def _compared(signs: Tensor, generator: np.random.Generator) -> PartChange:
    """A layer's row of the table from its signs (N, 1 + draws, n)."""
    images, boxes, numbers = signs.shape
    counts = differing(signs.flatten(0, 1)).reshape(images, boxes, images, boxes)  # of each two (image, box)
    first, second = np.triu_indices(images, 1)
    pairs = np.stack([counts[first, box, second, box] for box in range(boxes)]) / numbers  # (1 + draws, P)
    return PartChange(pairs=pairs[0], random=pairs[1:], p_value=chance_of_less(counts, generator))
