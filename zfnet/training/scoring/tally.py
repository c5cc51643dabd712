"""What a network got wrong: sums over images that can be added up, and the means they give."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Scores:
    """Mean loss and error rates (0..1) over `count` readable images."""

    loss: float
    top1_error: float
    top5_error: float
    count: int


@dataclass(frozen=True)
class Tally:
    """Sums over readable images: of the loss, top-1 errors, top-5 errors, and how many images there are.

    sums: these four in that order, (4,) float64, on the device that counted them: adding up does not wait for it.
    """

    sums: Tensor

    @staticmethod
    def of_none(device: torch.device | str = "cpu") -> Tally:
        """Of no images."""
        return Tally(torch.zeros(4, dtype=torch.float64, device=device))

    def __add__(self, more: Tally) -> Tally:
        """Of both, on the device of `more`."""
        return Tally(self.sums.to(more.sums.device) + more.sums)

    @property
    def images(self) -> int:
        """How many images could be read; waits for the device."""
        return int(self.sums[3].item())

    def means(self) -> Scores:
        """The mean loss and error rates, 0 where there are no images; waits for the device."""
        loss, top1, top5, count = self.sums.tolist()
        images = max(count, 1)
        return Scores(loss=loss / images, top1_error=top1 / images, top5_error=top5 / images, count=int(count))


def tally_of(log_probabilities: Tensor, labels: Tensor) -> Tally:
    """The sums over a batch; unreadable images do not count.

    log_probabilities: (B, C); labels: (B,), negative where unreadable. With fewer than five classes top-5 means all.
    A score that is not a number is an error, never a hit. Among equal scores the lower class comes first.
    """
    readable, place = labels >= 0, places_of(log_probabilities, labels)  # (B,) both
    own = log_probabilities.gather(1, labels.clamp(min=0)[:, None])[:, 0]  # (B,)
    of_each = [-own.double(), (place >= 1).double(), (place >= 5).double(), torch.ones_like(own, dtype=torch.float64)]
    return Tally(torch.where(readable, torch.stack(of_each), 0.0).sum(1))  # (4, B) to (4,)


def places_of(log_probabilities: Tensor, labels: Tensor) -> Tensor:
    """How many classes come before the true one, (B,): 0 where it is told. Arguments and ties are `tally_of`'s."""
    truth = labels.clamp(min=0)[:, None]  # (B, 1)
    own, classes = log_probabilities.gather(1, truth), torch.arange(log_probabilities.shape[1], device=labels.device)
    better = ~(log_probabilities <= own)  # (B, C); not "> own": a NaN counts against the network
    return (better | ((log_probabilities == own) & (classes < truth))).sum(1)  # among equals lower classes come first


class NothingRead(ValueError):
    """Not one image could be read."""


def scores_of(counted: Tally) -> Scores:
    """The means of a tally. Raises NothingRead, a ValueError, if not one image could be read."""
    scores = counted.means()
    if not scores.count:
        raise NothingRead("not one image could be read: check the data's root and format")
    return scores
