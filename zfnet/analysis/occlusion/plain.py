"""Occlusion with any network: every place is an image of its own, run in batches."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from zfnet.analysis import hide
from zfnet.analysis.occlusion.method import map_sums
from zfnet.forward import check_apart, check_scores, layer_outputs, slices_that_fit
from zfnet.forward.graph import Graph

SCORES = "the class scores"


class PlainOcclusion:
    """The OcclusionMethod of any network. module: the dotted name of the module whose output is the layer."""

    def __init__(self, model: nn.Module, layer: str, module: str, graph: Graph) -> None:
        self.model, self.layer, self._graph = model, layer, graph
        self._modules, self._checked = {layer: module, SCORES: ""}, False

    def clean(self, image: Tensor) -> tuple[Tensor, Tensor]:
        self.take(image)
        if not self._checked:
            check_apart(self._answers, image[None])
            self._checked = True
        scores, maps = self._outputs(image[None])
        return check_scores(scores)[0], map_sums(self.layer, maps)[0]

    def take(self, image: Tensor) -> None:
        """The image (3, H, W) that the next squares hide a part of."""
        self._image = image

    def covered(self, canvas: Tensor, corners: Tensor, size_px: int, map_: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        image_bytes = self._graph.numbers() * canvas.element_size()
        for part in slices_that_fit(len(corners), image_bytes, canvas.device):
            first = corners[part].flip(1)  # (N, 2): left, top
            images = hide(self._image, torch.cat([first, first + size_px], dim=1), canvas)  # (N, 3, H, W)
            scores, maps = self._outputs(images)
            yield scores, map_sums(self.layer, maps[:, map_[None]])[:, 0]  # (N, classes), (N,)

    def _outputs(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Scores (N, classes) and the layer's maps (N, maps, h, w) or units (N, units)."""
        maps = self._answers(images)
        return maps[SCORES], maps[self.layer]

    def _answers(self, images: Tensor) -> dict[str, Tensor]:
        """Layer -> (N, ...). A network that reads numbers does so for a whole batch: it sees each image alone."""
        batches = images.split(1) if self._graph.reads else [images]
        parts = [layer_outputs(self.model, batch, self._modules, graph=self._graph) for batch in batches]
        return {layer: torch.cat([part[layer] for part in parts]) for layer in parts[0]}
