"""Occlusion with any network: every place is an image of its own, run in batches."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn

from zfnet.analysis.occlusion_grid import covered
from zfnet.analysis.occlusion_seen import Seen, seen_in
from zfnet.deconv.by_autograd import watch
from zfnet.deconv.memory import parts

SCORES = "the class scores"


class PlainSweep:
    """Runs a network on images with a square at given places.

    module: dotted name of the module whose output is the layer.
    """

    def __init__(self, model: nn.Module, layer: str, module: str) -> None:
        self.model, self.layer = model, layer
        self._modules = {layer: module, SCORES: ""}
        self._image_bytes = 0

    def clean(self, image: Tensor) -> Seen:
        """What the network makes of the image (3, H, W) itself."""
        seen, self._image_bytes = self._run(image[None])
        return seen

    def covered(self, image: Tensor, canvas: Tensor, corners: Tensor, size_px: int) -> Iterator[Seen]:
        """The same with squares at corners (N, 2), batch by batch."""
        for part in parts(len(corners), self._image_bytes, image.device):
            yield self._run(covered(image, canvas, corners[part], size_px))[0]

    def _run(self, images: Tensor) -> tuple[Seen, int]:
        record = watch(self.model, images, self._modules, True, self._modules)
        return seen_in(self.layer, record.maps[self.layer], record.maps[SCORES]), record.unit_bytes
