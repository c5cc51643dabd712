"""Occlusion with any network: every place is an image of its own, run in batches."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn

from zfnet.analysis.occlusion.method import check_scores, map_sums
from zfnet.deconv.by_autograd import watch
from zfnet.forward.memory_budget import parts

SCORES = "the class scores"


class PlainSweep:
    """A Sweep of any network. module: the dotted name of the module whose output is the layer."""

    def __init__(self, model: nn.Module, layer: str, module: str) -> None:
        self.model, self.layer = model, layer
        self._modules = {layer: module, SCORES: ""}

    def clean(self, image: Tensor) -> tuple[Tensor, Tensor]:
        self._image = image
        record = watch(self.model, image[None], self._modules, True, self._modules)
        self._image_bytes = record.unit_bytes
        return check_scores(record.maps[SCORES])[0], map_sums(self.layer, record.maps[self.layer])[0]

    def covered(self, canvas: Tensor, corners: Tensor, size_px: int, map_: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        for part in parts(len(corners), self._image_bytes, canvas.device):
            images = _covered(self._image, canvas, corners[part], size_px)
            maps = watch(self.model, images, self._modules, True, self._modules).maps
            yield maps[SCORES], map_sums(self.layer, maps[self.layer][:, map_[None]])[:, 0]


def _covered(image: Tensor, canvas: Tensor, corners: Tensor, size_px: int) -> Tensor:
    """The image (3, H, W) once for each corner (N, 2), with the canvas in the square there: (N, 3, H, W)."""
    copies = image.repeat(len(corners), 1, 1, 1)
    for copy, (row, column) in zip(copies, corners.tolist(), strict=True):
        square = slice(row, row + size_px), slice(column, column + size_px)
        copy[:, *square] = canvas[:, *square]
    return copies
