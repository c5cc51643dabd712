"""One optimiser step: from a batch of uint8 squares to changed weights."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from zfnet.data import UNREADABLE, Batch, InputFrame, Views, crop_views
from zfnet.training.machine import Hardware, World
from zfnet.training.recipe import Recipe, limit_filters, make_optimizer
from zfnet.training.reports import Seen
from zfnet.training.schedule import Schedule
from zfnet.training.scoring import Tally, tally_of


class Stepper:
    """Forward, loss, backward, optimiser, filter limit and learning rate for one batch at a time.

    The model is moved to the world's device; `frame` says how pixels are cut and normalised there.
    """

    def __init__(
        self,
        model: nn.Module,
        recipe: Recipe,
        frame: InputFrame,
        *,
        hardware: Hardware,
        world: World,
        steps_per_epoch: int,
    ) -> None:
        device = world.device
        self.recipe, self.parts, self.device = recipe, hardware.accumulate, device
        self.model = model.to(device).to(memory_format=hardware.memory_format())
        self.frame = frame.to(device)
        half = hardware.dtype(device) is torch.float16  # a first step that overflows leaves fused momentum unwritten
        self.optimizer = make_optimizer(self.model, recipe, fused=hardware.fused and not half)
        self.schedule = Schedule(self.optimizer, recipe, steps_per_epoch)
        self.autocast = hardware.autocast(device)
        self.scaler = torch.amp.GradScaler(device.type, enabled=hardware.dtype(device) is torch.float16)
        hardware.compiled(self.model)
        self.forward: nn.Module = self.model
        if world.size > 1:
            self.forward = DistributedDataParallel(self.model, [device] if device.type == "cuda" else None)

    @property
    def learning_rate(self) -> float:
        """That of the next step."""
        return float(self.optimizer.param_groups[0]["lr"])

    def __call__(self, batch: Batch, views: Views, on_seen: Callable[[Seen], None] = lambda seen: None) -> Tally:
        """Train on one batch (this process's part of it), with the view of each image, and count what it got wrong.

        on_seen is told what the network is about to see, once for each accumulated part.
        """
        images = batch.images.to(self.device, non_blocking=True)  # (B, 3, side, side) uint8
        labels = batch.labels.to(self.device, non_blocking=True)  # (B,)
        counted = Tally.of_none(self.device)
        size = len(batch) // self.parts
        for part in range(self.parts):
            own = slice(part * size, (part + 1) * size)
            crops = crop_views(images[own], views[own], self.frame)  # (B / parts, 3, size, size) float32
            seen = Seen(crops, labels[own], batch.indices[own], views[own])
            on_seen(seen)
            if part + 1 < self.parts and isinstance(self.forward, DistributedDataParallel):
                with self.forward.no_sync():
                    counted = counted + self._gradients(seen, len(batch))
            else:
                counted = counted + self._gradients(seen, len(batch))
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        if self.recipe.filter_rms_limit is not None:
            limit_filters(self.model, self.recipe.filter_rms_limit)
        self.schedule.after_step()
        return counted

    def _gradients(self, seen: Seen, batch_size: int) -> Tally:
        """Add the gradients of this part's share of the mean loss over the whole batch; unreadable images have none."""
        with self.autocast():
            scores = self.forward(seen.images)  # (B, C)
        scores = scores.float() if scores.dtype.itemsize < 4 else scores
        log_probabilities, smoothing = F.log_softmax(scores, dim=1), self.recipe.label_smoothing  # (B, C)
        if smoothing:
            loss = F.cross_entropy(
                scores, seen.labels, reduction="sum", ignore_index=UNREADABLE, label_smoothing=smoothing
            )  # fmt: skip
        else:
            loss = F.nll_loss(log_probabilities, seen.labels, reduction="sum", ignore_index=UNREADABLE)
        self.scaler.scale(loss / batch_size).backward()
        return tally_of(log_probabilities.detach(), seen.labels)
