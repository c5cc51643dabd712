"""Occlusion with any network: every place is an image of its own, run in batches."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from zfnet.analysis import hide
from zfnet.analysis.occlusion.method import map_sums
from zfnet.forward import check_scores, forward_outputs, slices_that_fit

SCORES = "the class scores"


class PlainOcclusion:
    """The OcclusionMethod of any network. module: the dotted name of the module whose output is the layer."""

    def __init__(self, model: nn.Module, layer: str, module: str) -> None:
        self.model, self.layer = model, layer
        self._modules = {layer: module, SCORES: ""}

    def clean(self, image: Tensor) -> tuple[Tensor, Tensor]:
        self._image = image
        record = forward_outputs(self.model, image[None], self._modules, keep=self._modules, strict=True)
        self._image_bytes = record.unit_bytes
        return check_scores(record.maps[SCORES])[0], map_sums(self.layer, record.maps[self.layer])[0]

    def covered(self, canvas: Tensor, corners: Tensor, size_px: int, map_: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        for part in slices_that_fit(len(corners), self._image_bytes, canvas.device):
            first = corners[part].flip(1)  # (N, 2): left, top
            images = hide(self._image, torch.cat([first, first + size_px], dim=1), canvas)  # (N, 3, H, W)
            maps = forward_outputs(self.model, images, self._modules, keep=self._modules, strict=True).maps
            yield maps[SCORES], map_sums(self.layer, maps[self.layer][:, map_[None]])[:, 0]  # (N, classes), (N,)
