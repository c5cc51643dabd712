"""Top-1 and top-5 error and loss, from one view or ten, of one network or an ensemble."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zfnet.data import ImageSource, InputFrame, centre_views, crop_views, never, ordered_batches, ten_views
from zfnet.models import evaluating
from zfnet.training.machine import ALONE, World
from zfnet.training.scoring.tally import Scores, Tally, scores_of, tally_of

Member = tuple[nn.Module, InputFrame]


@torch.no_grad()
def log_probabilities(model: nn.Module, images: Tensor, frame: InputFrame, views: int) -> Tensor:
    """Log of the mean softmax probability over the views: uint8 squares (B, 3, side, side) to (B, C) float32.

    views: 1 (the centre) or 10 (paper 3.1). Raises ValueError for others.
    """
    if views not in (1, 10):
        raise ValueError(f"views={views}, expected 1 (the centre crop) or 10 (corners, centre and their flips)")
    sizes = frame.side_px, frame.size_px
    table = centre_views(1, *sizes) if views == 1 else ten_views(*sizes)
    of_views = []  # (B, C) each
    for view in range(len(table)):
        same = table[torch.full((len(images),), view)]
        scores = model(crop_views(images, same, frame))  # (B, 3, size, size) to (B, C)
        of_views.append(F.log_softmax(scores.float(), dim=1))
    return torch.logsumexp(torch.stack(of_views), dim=0) - torch.tensor(float(len(table))).log()


def evaluate(
    members: Sequence[Member] | Member,
    source: ImageSource,
    *,
    views: int = 1,
    batch_size: int = 256,
    world: World = ALONE,
    workers: int = 0,
    read_on: Callable[[], bool] = never,
    autocast: Callable[[], AbstractContextManager[object]] = nullcontext,
    on_batch: Callable[[Tensor, Tensor, Tensor], None] | None = None,
) -> Scores:
    """Errors over every image of the source, counted once whatever the number of processes.

    members: (model, frame), or several whose probabilities are averaged. on_batch(indices, labels, log_probabilities),
    (B,), (B,) and (B, C), sees this process's share: the label negative and the probabilities NaN where the image could
    not be read. Modes are left as they were found.
    workers, read_on: processes that read, and whether to go on should they die (see training_batches).
    Raises ValueError if not one image could be read.
    """
    team = [members] if isinstance(members, tuple) else list(members)
    team = [(model, frame.to(world.device)) for model, frame in team]
    counted = Tally.of_none(world.device)
    with evaluating(*(model for model, _ in team)):
        batches = ordered_batches(
            source, batch_size, rank=world.rank, world_size=world.size, workers=workers, read_on=read_on
        )
        for batch in batches:
            images, labels = batch.images.to(world.device, non_blocking=True), batch.labels.to(world.device)
            with autocast():
                each = torch.stack([log_probabilities(model, images, frame, views) for model, frame in team])
            mean = torch.logsumexp(each, dim=0) - torch.tensor(float(len(team))).log()  # (members, B, C) to (B, C)
            counted = counted + tally_of(mean, labels)
            if on_batch is not None:
                on_batch(batch.indices, batch.labels, mean.masked_fill((labels < 0)[:, None], float("nan")))
    return scores_of(Tally(world.sum(counted.sums)))
