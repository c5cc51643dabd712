"""What networks say of the same images, scored, and averaged over several networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from zfnet.training.scoring.tally import Scores, scores_of, tally_of


@dataclass(frozen=True)
class Predictions:
    """log_probability (N, C) float32, label (N,) of N images.

    An image that could not be read is UNREADABLE, its row NaN; NaN in other rows is what the network answered.
    wnids: the classes; data: the images' fingerprint; weights: the network's, for one network.
    """

    log_probability: NDArray[np.float32]
    label: NDArray[np.int64]
    wnids: tuple[str, ...]
    data: str
    weights: str

    def scores(self) -> Scores:
        """Loss and error rates over the readable images."""
        readable = torch.from_numpy(self.label) >= 0
        return scores_of(
            tally_of(torch.from_numpy(self.log_probability)[readable], torch.from_numpy(self.label)[readable])
        )


def averaged(members: Sequence[Predictions]) -> Predictions:
    """The mean of the networks' softmax probabilities. Raises ValueError where images, labels or classes differ."""
    first = members[0]
    for other in members[1:]:
        if other.wnids != first.wnids:
            odd = sorted({*first.wnids} ^ {*other.wnids})
            difference = f"differ in {', '.join(odd[:5])}" if odd else "have the same classes in another order"
            raise ValueError(f"networks of an ensemble must tell the same classes apart, these {difference}")
        if other.data != first.data or not np.array_equal(other.label, first.label):
            raise ValueError(
                f"networks of an ensemble must be asked about the same images: data {first.data} of {len(first.label)} "
                f"images and {other.data} of {len(other.label)}"
            )
    logs = torch.stack([torch.from_numpy(member.log_probability).double() for member in members])
    mean = torch.logsumexp(logs, 0) - np.log(len(members))
    return replace(first, log_probability=mean.float().numpy(), weights="+".join(one.weights for one in members))
