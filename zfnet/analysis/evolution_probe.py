"""A fixed set of images whose activations and projections are compared between epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from zfnet.analysis.cka import Gram, centred_gram
from zfnet.analysis.evolution_sweep import BATCH, subset
from zfnet.analysis.feature_vector import output_of
from zfnet.analysis.features import picture_units
from zfnet.data.source import ImageSource
from zfnet.data.views import InputFrame, centre_views, cut
from zfnet.deconv import Deconvnet
from zfnet.models import ConvNet

MOST_FEATURES = 300_000  # numbers of a layer an image; ZFNet's first layer has 290,400


class Probe:
    """n images of a source, drawn by the seed, seen through their central views; unreadable ones are left out.

    Of each layer it gives two Gram matrices, which `linear_cka` compares between epochs:
    activations (n, n), of the layer's feature vectors (pooled and normalised, feature_vector.py) of the n images;
    projections (r, r), of r projections cut at the receptive field: row i is the projection of watched map number
    i mod M at its strongest place in image i, with its own activation for a seed. Rows are the same units of the same
    images at every epoch, and pixels are compared in the unit's own field, where filters show, and not in the image,
    where small fields hardly overlap.
    """

    def __init__(self, source: ImageSource, frame: InputFrame, images: int, rows: int, seed: int) -> None:
        squares, labels = source.read(subset(len(source), images, seed).tolist())
        self._squares, self.frame, self.rows = squares[labels >= 0], frame, min(rows, int((labels >= 0).sum()))

    def __len__(self) -> int:
        return len(self._squares)

    def images(self, numbers: Sequence[int]) -> Tensor:
        """Some of the images as the network sees them (B, 3, size, size)."""
        views = centre_views(len(numbers), self.frame.side_px, self.frame.size_px)
        return cut(self._squares[list(numbers)].to(self.frame.mean.device), views, self.frame)

    def activation_grams(self, deconvnet: Deconvnet, layers: Sequence[str]) -> dict[str, Gram]:
        modules = {layer: _features_of(deconvnet, layer) for layer in layers}
        rows: dict[str, list[Tensor]] = {layer: [] for layer in layers}
        for first in range(0, len(self), BATCH):
            images = self.images(range(first, min(first + BATCH, len(self))))
            outputs = deconvnet.activations(images, set(modules.values()))
            for layer, module in modules.items():
                rows[layer].append(_thinned(outputs[module]))
        return {layer: centred_gram(torch.cat(rows.pop(layer))) for layer in layers}

    def projection_grams(self, deconvnet: Deconvnet, watched: Mapping[str, Sequence[int]]) -> dict[str, Gram]:
        units: dict[str, list[Tensor]] = {layer: [] for layer in watched}
        for first in range(0, self.rows, BATCH):
            numbers = range(first, min(first + BATCH, self.rows))
            outputs = deconvnet.activations(self.images(numbers), list(watched))
            for layer, maps in watched.items():
                units[layer].append(_strongest_places(outputs[layer], maps, numbers))
        return {layer: self._projections(deconvnet, layer, torch.cat(parts)) for layer, parts in units.items()}

    def _projections(self, deconvnet: Deconvnet, layer: str, units: Tensor) -> Gram:
        def fetch(numbers: Sequence[int]) -> tuple[Tensor, Tensor]:
            images = self.images(numbers)
            return images, images[:, :, :0, :0].to(torch.uint8)  # the pixels are not asked for

        pictures = picture_units(deconvnet, layer, units, fetch, (0, 0, 0))
        return centred_gram(torch.from_numpy(pictures.projection).flatten(1))


def _features_of(deconvnet: Deconvnet, layer: str) -> str:
    """The module whose output is the layer's feature vector: in our own networks the last of the layer's block."""
    own = isinstance(deconvnet.model, ConvNet) and layer in deconvnet.layers
    return output_of(deconvnet.model, int(layer[-1]) if own else layer)


def _thinned(outputs: Tensor) -> Tensor:
    """Rows of numbers (B, p); of maps too large for MOST_FEATURES every second place, or third, ... of both axes."""
    step = 1
    while outputs.ndim == 4 and outputs[:1, :, ::step, ::step].numel() > MOST_FEATURES:
        step += 1
    return (outputs[:, :, ::step, ::step] if step > 1 else outputs).flatten(1).float()


def _strongest_places(outputs: Tensor, maps: Sequence[int], numbers: Sequence[int]) -> Tensor:
    """Units (B, 4: image, map, row, column): of image i watched map number i mod M, at its strongest place."""
    image = torch.tensor(list(numbers))
    chosen = torch.tensor(list(maps))[image % len(maps)]
    own = outputs[torch.arange(len(image), device=outputs.device), chosen.to(outputs.device)]
    place = own.reshape(len(image), -1).argmax(1).cpu()
    width = outputs.shape[3] if outputs.ndim == 4 else 1
    return torch.stack([image, chosen, place.div(width, rounding_mode="floor"), place % width], dim=1)
