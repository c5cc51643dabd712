"""The strongest view so far of some maps of a layer, kept without waiting for the device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

IMAGE, ROW, COLUMN, VIEW = 0, 1, 2, slice(3, 6)  # columns of `origin`; a view is row, column, flip
NO_IMAGE = torch.iinfo(torch.int64).max


class Strongest:
    """Of each of M maps the largest activation so far, and where it was.

    value (M,) float64; origin (M, 6) int64: image, row and column in the map, and the view's row, column and flip;
    warp (M, 2, 3) float32: where the view looks from its crop (Views.warps), nan where it is the crop as it is.
    Equal values: the lower image, then the earlier place, so that neither order, batches nor processes matter. Before
    the first image the value is -inf and origin is -1. An activation that is not a number is never the strongest.
    """

    def __init__(self, maps: Sequence[int], device: torch.device) -> None:
        self.maps = torch.tensor(maps, device=device)
        self.value = torch.full((len(maps),), -torch.inf, dtype=torch.float64, device=device)
        self.origin = torch.full((len(maps), 6), -1, device=device)
        self.warp = torch.full((len(maps), 2, 3), torch.nan, device=device)

    @torch.no_grad()
    def update(
        self, outputs: Tensor, views: Tensor, warps: Tensor | None, readable: Tensor, pooled: Tensor | None = None
    ) -> None:
        """Take in a batch: outputs (B, maps, H, W) or (B, units); readable (B,), whether each image could be read.

        views (B, 4): image, and row, column and flip of its view; warps (B, 2, 3): the views', if they have any.
        pooled: the outputs after a maximum over windows that cover them, which has the same peaks and fewer numbers.
        """
        shorter = outputs if pooled is None else pooled
        watched = shorter[:, self.maps]  # (B, M, h, w) or (B, M)
        peaks = watched.amax((2, 3)) if outputs.ndim == 4 else watched  # (B, M)
        peaks = peaks.double().masked_fill(~readable[:, None], -torch.inf)
        value = peaks.amax(0)  # (M,)
        hopeful = self._hopeful(value, views)
        if not len(hopeful):
            return
        image = torch.where(peaks[:, hopeful] == value[hopeful], views[:, :1], NO_IMAGE).argmin(0)  # (m,) of the batch
        places = outputs[image, self.maps[hopeful]].reshape(len(hopeful), -1).argmax(1)  # (m,) the first of several
        width = outputs.shape[3] if outputs.ndim == 4 else 1
        view = views[image]  # (m, 4)
        row = places.div(width, rounding_mode="floor")
        origin = torch.cat([view[:, :1], torch.stack([row, places - row * width], dim=1), view[:, 1:]], dim=1)  # (m, 6)
        warp = torch.full_like(self.warp[hopeful], torch.nan) if warps is None else warps[image]  # (m, 2, 3)
        self._take(hopeful, value[hopeful], origin, warp)

    def _hopeful(self, value: Tensor, views: Tensor) -> Tensor:
        """The maps (m,) that may have a new strongest: after some batches few, whose places alone need to be found.

        A dead map's value is its kept one, 0, in every batch; equal ones are kept only where their image is lower.
        """
        if value.device.type != "cpu":
            return torch.arange(len(value), device=value.device)  # to count them would wait for the device
        maybe = (value >= self.value).nonzero()[:, 0]
        if not len(maybe):
            return maybe
        lower = views[:, IMAGE].min() < self.origin[maybe, IMAGE]
        return maybe[(value[maybe] > self.value[maybe]) | lower]

    def _take(self, index: Tensor, value: Tensor, origin: Tensor, warp: Tensor) -> None:
        """Keep what is stronger than before: value (m,), origin (m, 6) and warp (m, 2, 3) of the maps at index (m,)."""
        old_value, old_origin, old_warp = self.value[index], self.origin[index], self.warp[index]
        better = (value > old_value) | ((value == old_value) & (origin[:, IMAGE] < old_origin[:, IMAGE]))  # (m,)
        self.value = self.value.index_copy(0, index, torch.where(better, value, old_value))
        self.origin = self.origin.index_copy(0, index, torch.where(better[:, None], origin, old_origin))
        self.warp = self.warp.index_copy(0, index, torch.where(better[:, None, None], warp, old_warp))

    def merge(self, state: Mapping[str, Tensor]) -> None:
        """Take in the `state` of another process, or of this one before it stopped."""
        every = torch.arange(len(self.maps), device=self.value.device)
        self._take(every, *(state[name].to(self.value.device) for name in ("value", "about", "warp")))

    def images(self) -> Tensor:
        """The image (M,) of each, on the CPU."""
        return self.origin[:, IMAGE].cpu()

    def state(self) -> dict[str, Tensor]:
        """value (M,), about (M, 6: the origin) and warp (M, 2, 3), on the CPU: for checkpoints and other processes."""
        return {"value": self.value.cpu(), "about": self.origin.cpu(), "warp": self.warp.cpu()}
