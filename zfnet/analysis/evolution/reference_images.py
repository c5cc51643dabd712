"""A fixed set of images whose activations and projections are compared between epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from zfnet.analysis import IMAGES_AT_ONCE, project_fields, smaller
from zfnet.analysis.evolution.cka import Gram, centred_gram
from zfnet.analysis.evolution.sweep import subset
from zfnet.data import ImageSource, InputFrame, centre_views, crop_views, fingerprints
from zfnet.deconv import Deconvnet
from zfnet.forward import output_of
from zfnet.mining import SWEEP_BATCH
from zfnet.models import ConvNet

MOST_FEATURES = 300_000  # numbers of a layer an image; ZFNet's first layer has 290,400
LEAST = 4  # images, and rows of projections, without which debiased similarity has no meaning


class ReferenceImages:
    """n images of a source, drawn by the seed, seen through their central views; unreadable ones are left out.

    Of each layer it gives two Gram matrices, which `linear_cka` compares between epochs:
    activations (n, n), of the layer's feature vectors (pooled and normalised, feature_vector.py) of the n images;
    projections (r, r), of r projections cut at the receptive field: row i is the projection of watched map number
    i mod M at its strongest place in image i, with its own activation for a seed. Rows are the same units of the same
    images at every epoch, and pixels are compared in the unit's own field, where filters show, and not in the image,
    where small fields hardly overlap.

    Raises ValueError where fewer than LEAST images can be read.
    """

    def __init__(self, source: ImageSource, frame: InputFrame, images: int, rows: int, seed: int) -> None:
        squares, labels = source.read(subset(len(source), images, seed).tolist())
        self._squares, self.frame, self.rows = squares[labels >= 0], frame, min(rows, int((labels >= 0).sum()))
        if self.rows < LEAST:
            raise ValueError(
                f"{self.rows} of the {len(source)} validation images can be read, expected {LEAST} or more by which "
                "epochs are compared: give more, or evolution=null"
            )
        about = f"{len(self)} images and {self.rows} projections, seed {seed}, of "
        self.fingerprint, *self.earlier_fingerprints = (about + data for data in fingerprints(source))

    def __len__(self) -> int:
        return len(self._squares)

    def images(self, numbers: Sequence[int]) -> Tensor:
        """The images of these numbers as the network sees them (B, 3, size, size)."""
        views = centre_views(len(numbers), self.frame.side_px, self.frame.size_px)
        return crop_views(self._squares[list(numbers)].to(self.frame.mean.device), views, self.frame)

    def activation_grams(self, deconvnet: Deconvnet, layers: Sequence[str]) -> dict[str, Gram]:
        """layer -> the centred Gram matrix (n, n) of its feature vectors of the n images."""
        modules = {layer: _features_of(deconvnet, layer) for layer in layers}
        rows: dict[str, list[Tensor]] = {layer: [] for layer in layers}
        for first in range(0, len(self), SWEEP_BATCH):
            images = self.images(range(first, min(first + SWEEP_BATCH, len(self))))
            outputs = deconvnet.activations(images, set(modules.values()))
            for layer, module in modules.items():
                rows[layer].append(_thinned(outputs[module]))  # (B, p)
        return {layer: centred_gram(torch.cat(rows.pop(layer))) for layer in layers}

    def projection_grams(self, deconvnet: Deconvnet, watched: Mapping[str, Sequence[int]]) -> dict[str, Gram]:
        """layer -> the centred Gram matrix (r, r) of the projections of its watched maps."""
        rows: dict[str, list[Tensor]] = {layer: [] for layer in watched}
        for first in range(0, self.rows, IMAGES_AT_ONCE):
            numbers = torch.arange(first, min(first + IMAGES_AT_ONCE, self.rows))
            images = self.images(numbers.tolist())
            record = deconvnet.record(images, list(watched))
            for layer, maps in watched.items():
                units = _strongest_places(record.maps[layer], maps, numbers)
                field = smaller(deconvnet.field(layer, record), images)
                projected = project_fields(deconvnet, record, layer, units, field)  # (B, 3, h, w)
                rows[layer].append(projected.flatten(1).float())  # (B, 3 * h * w)
        return {layer: centred_gram(torch.cat(parts)) for layer, parts in rows.items()}


def _features_of(deconvnet: Deconvnet, layer: str) -> str:
    """The module whose output is the layer's feature vector: in our own networks the last of the layer's block."""
    has_number = isinstance(deconvnet.model, ConvNet) and layer in deconvnet.layers
    return output_of(deconvnet.model, int(layer[-1]) if has_number else layer)


def _thinned(outputs: Tensor) -> Tensor:
    """Rows of numbers (B, p); of maps too large for MOST_FEATURES every second place, or third, ... of both axes."""
    step = 1
    while outputs.ndim == 4 and outputs[:1, :, ::step, ::step].numel() > MOST_FEATURES:
        step += 1
    return (outputs[:, :, ::step, ::step] if step > 1 else outputs).flatten(1).float()  # (B, p)


def _strongest_places(outputs: Tensor, maps: Sequence[int], numbers: Tensor) -> Tensor:
    """Units (B, 4: image, map, row, column) of images `numbers` (B,): of image i map i mod M, where it is strongest.

    In a unit the image is counted from the first of the batch.
    """
    batch, chosen = torch.arange(len(numbers)), torch.tensor(list(maps))[numbers % len(maps)]
    watched = outputs[batch.to(outputs.device), chosen.to(outputs.device)]  # (B, h, w) or (B,)
    place = watched.reshape(len(batch), -1).argmax(1).cpu()  # (B,)
    width = outputs.shape[3] if outputs.ndim == 4 else 1
    return torch.stack([batch, chosen, place.div(width, rounding_mode="floor"), place % width], dim=1)
