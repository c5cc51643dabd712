"""Top-1 and top-5 error and loss, from one view or ten, of one network or an ensemble."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zfnet.data import ImageSource, InputFrame, centre_views, crop_views, ordered_batches, ten_views
from zfnet.models import evaluating
from zfnet.training.parallel import World

ALONE = World()
Member = tuple[nn.Module, InputFrame]


@dataclass(frozen=True)
class Scores:
    """Mean loss and error rates (0..1) over `count` readable images."""

    loss: float
    top1_error: float
    top5_error: float
    count: int


def tally(log_probabilities: Tensor, labels: Tensor) -> Tensor:
    """Sums over a batch (4,) float64: loss, top-1 errors, top-5 errors, images; unreadable images do not count.

    log_probabilities: (B, C); labels: (B,), negative where unreadable. With fewer than five classes top-5 means all.
    A score that is not a number is an error, never a hit.
    """
    readable, truth = labels >= 0, labels.clamp(min=0)[:, None]
    own = log_probabilities.gather(1, truth)
    better = (~(log_probabilities <= own)).sum(1)  # not "> own": a NaN counts against the network
    ties = ((log_probabilities == own).long().cumsum(1).gather(1, truth)[:, 0] - 1).clamp(min=0)  # lower classes first
    place = better + ties
    loss = torch.where(readable, -own[:, 0].double(), 0.0).sum()
    hits = [(readable & wrong).sum().double() for wrong in (place >= 1, place >= 5)]
    return torch.stack([loss, *hits, readable.sum().double()])


def scores_of(sums: Tensor) -> Scores:
    """Means from tally's sums; ValueError if no image could be read."""
    loss, top1, top5, count = sums.tolist()
    if not count:
        raise ValueError("not one image could be read: check the data's root and format")
    return Scores(loss / count, top1 / count, top5 / count, int(count))


@torch.no_grad()
def log_probabilities(model: nn.Module, images: Tensor, frame: InputFrame, views: int) -> Tensor:
    """Log of the mean softmax probability over the views: uint8 squares (B, 3, side, side) to (B, C) float32.

    views: 1 (the centre) or 10 (paper 3.1).
    """
    if views not in (1, 10):
        raise ValueError(f"views={views}, expected 1 (the centre crop) or 10 (corners, centre and their flips)")
    sizes = frame.side_px, frame.size_px
    table = centre_views(1, *sizes) if views == 1 else ten_views(*sizes)
    of_views = []
    for view in range(len(table)):
        same = table[torch.full((len(images),), view)]
        of_views.append(F.log_softmax(model(crop_views(images, same, frame)).float(), dim=1))
    return torch.logsumexp(torch.stack(of_views), dim=0) - torch.tensor(float(len(table))).log()


def evaluate(
    members: Sequence[Member] | Member,
    source: ImageSource,
    views: int = 1,
    batch_size: int = 256,
    world: World = ALONE,
    workers: int = 0,
    autocast: Callable[[], AbstractContextManager[object]] = nullcontext,
    on_batch: Callable[[Tensor, Tensor], None] | None = None,
) -> Scores:
    """Errors over every image of the source, counted once whatever the number of processes.

    members: (model, frame), or several whose probabilities are averaged. on_batch(indices, log_probabilities) sees
    this process's share, NaN where the image could not be read. Modes are left as they were found.
    """
    team = [members] if isinstance(members, tuple) else list(members)
    team = [(model, frame.to(world.device)) for model, frame in team]
    sums = torch.zeros(4, dtype=torch.float64, device=world.device)
    with evaluating(*(model for model, _ in team)):
        for batch in ordered_batches(source, batch_size, world.rank, world.size, workers):
            images, labels = batch.images.to(world.device, non_blocking=True), batch.labels.to(world.device)
            with autocast():
                each = torch.stack([log_probabilities(model, images, frame, views) for model, frame in team])
            mean = torch.logsumexp(each, dim=0) - torch.tensor(float(len(team))).log()
            sums += tally(mean, labels)
            if on_batch is not None:
                on_batch(batch.indices, mean.masked_fill((labels < 0)[:, None], float("nan")))
    return scores_of(world.sum(sums))
