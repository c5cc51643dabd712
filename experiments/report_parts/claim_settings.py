"""What experiments/claims.py is asked for, and what all of its measures are given."""

from __future__ import annotations

from dataclasses import dataclass, field

from experiments.common.config import as_list, check_least, list_or_none
from experiments.common.job import Run
from experiments.common.network import NetworkChoice
from experiments.report_parts.kept_runs import Shelf
from zfnet.analysis.claims import SENTENCES
from zfnet.mining import CentreViews
from zfnet.network import Network, with_random_weights


@dataclass(frozen=True, kw_only=True)
class ClaimSettings:
    """What conf/claims.yaml says."""

    run: str | list[str] | None = None
    sentences: int | list[int] | None = None
    count: int = 200
    maps: int = 16
    top: int = 9
    fresh: int = 1
    square_px: int | None = None
    stride_px: int | None = None
    symmetric: str | list[str] = field(default_factory=list)
    parts: str | list[str] = field(default_factory=list)
    part_images: int = 50
    probe_layers: int | str | list[int | str] | None = None
    probe_per_class: int = 20
    probe_folds: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        odd = [number for number in self.asked if number not in SENTENCES]
        if odd or not self.asked:
            raise ValueError(f"sentences={self.sentences}, expected some of {', '.join(map(str, SENTENCES))}")
        check_least(self, count=2, maps=2, top=2, fresh=0, part_images=1, probe_folds=1)

    @property
    def asked(self) -> list[int]:
        chosen = list_or_none(self.sentences)
        return list(SENTENCES) if chosen is None else chosen

    @property
    def runs(self) -> list[str]:
        return [] if self.run is None else as_list(self.run)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The network that is asked, its images, what is kept of it, and it with fresh weights, one or several times."""

    network: Network
    choice: NetworkChoice
    views: CentreViews
    settings: ClaimSettings
    shelf: Shelf
    run: Run
    root: str | None
    fresh: list[Network]


def with_fresh_weights(network: Network, settings: ClaimSettings, run: Run) -> list[Network]:
    """The same network with fresh weights, so many times; none where it cannot be built again."""
    try:
        fresh = [with_random_weights(network, settings.seed + at) for at in range(settings.fresh)]
    except ValueError as refusal:
        print(f"no floor of fresh weights: {refusal}")
        return []
    return [one.to(run.world.device, run.hardware.memory_format()) for one in fresh]
