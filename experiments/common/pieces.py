"""A job's work in pieces: dealt to its processes, kept in its run folder until the job is done, joined by the first."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import TypeVar

from torch import Tensor

from experiments.common.job import Run
from experiments.common.run_folder import PIECES
from zfnet.data import frame_fingerprint
from zfnet.models import weights_fingerprint
from zfnet.network import Network
from zfnet.training import Piece, deal

Task = TypeVar("Task")


def dealt(
    name: str, tasks: Sequence[Task], work: Callable[[Task], Piece], *, of: Sequence[object], network: Network,
    run: Run, for_all: bool = False,
) -> list[Piece]:  # fmt: skip
    """What `work` makes of every task, in order; what a killed run had made is not made again.

    For the first process alone, or for all.

    name: of the work, on the progress bar too. of: all that the pieces depend on besides the tasks, the network, its
    frame and the precision. They and the tasks are values whose repr tells them apart, the same in every process.
    """
    precision = run.hardware.dtype(run.world.device)
    known = (weights_fingerprint(network.model), frame_fingerprint(network.frame), precision, *of, list(tasks))
    digest = hashlib.sha256(repr(known).encode()).hexdigest()[:16]
    return deal(tasks, work, run.folder / PIECES / f"{name}-{digest}", run.world, what=name, for_all=for_all)


def digest_of_pictures(pixels: Tensor) -> str:
    """What tells pictures (N, 3, H, W) uint8 from others in files of the same names, between a killed run and the next.

    For `of`.
    """
    return hashlib.sha256(pixels.cpu().contiguous().numpy().tobytes()).hexdigest()[:16]
