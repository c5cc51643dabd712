"""The network that a job looks into: a trained one, or one of conf/model with or without weights."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from experiments.common.config import check_least
from experiments.common.job import Run
from zfnet.data import frame_fingerprint
from zfnet.models import OWN_PX, hub_config, weights_fingerprint, zoo_of
from zfnet.network import Network, is_name, open_network

UNTRAINED = ", untrained"


@dataclass(frozen=True, kw_only=True)
class ModelChoice:
    """conf/model: a network by name, and what one of our own is built with. channels: 1 for grey images.

    input_px: None is the size of a zoo's hub, or 224 of our own networks.
    """

    name: str
    width: float = 1.0
    input_px: int | None = 224
    num_classes: int = 1000
    channels: int = 3
    weights: str | None = None

    def __post_init__(self) -> None:
        check_least(self, "model.", input_px=1)

    @property
    def size_px(self) -> int:
        """What the network sees. Raises ValueError for a name that is not known."""
        if self.input_px is not None:
            return self.input_px
        return OWN_PX if zoo_of(self.name) is None else hub_config(self.name).size_px


@dataclass(frozen=True, kw_only=True)
class NetworkChoice:
    """Which network a job was asked to look into.

    checkpoint: a file, or a zoo's name (torchvision:NAME, timm:NAME, pytorchcv:NAME); where it is None the job looks
    into `model`. weights: with a zoo's name or `model`. size_px: the crops that those see; None: what the zoo's hub
    shows, or model.input_px. seed: of random weights.
    """

    checkpoint: str | None = None
    weights: str | None = None
    size_px: int | None = None
    model: ModelChoice | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        check_least(self, size_px=1)

    def other(self, checkpoint: str, weights: str | None = None) -> NetworkChoice:
        """Another network beside it: size_px goes with a zoo's name alone."""
        return replace(
            self, checkpoint=checkpoint, weights=weights, size_px=self.size_px if is_name(checkpoint) else None
        )

    @property
    def source(self) -> str:
        """Raises ValueError where the job was given no network."""
        if self.checkpoint is not None:
            return self.checkpoint
        if self.model is None:
            raise ValueError("give checkpoint=FILE or checkpoint=torchvision:NAME, or redraw=FILE.npz")
        return self.model.name

    @property
    def crop_px(self) -> int | None:
        """The size that was asked for; None: the network's own."""
        own = self.model.input_px if self.checkpoint is None and self.model is not None else None
        return own if self.size_px is None else self.size_px

    @property
    def untrained(self) -> bool:
        """Whether it has no weights but random ones."""
        return self.weights is None and (self.checkpoint is None or is_name(self.checkpoint))

    @property
    def title(self) -> str:
        """In a word or two, for a figure."""
        if self.checkpoint is not None and not is_name(self.checkpoint):
            return "/".join(Path(self.checkpoint).parts[-3:])
        return f"{self.source}{UNTRAINED if self.untrained else ''}"


def check_compared(compare: str | None, compare_weights: str | None) -> None:
    """Raise ValueError for the weights of another network without that network."""
    if compare_weights is not None and compare is None:
        raise ValueError(f"compare_weights={compare_weights} is of no network: give compare=... too")


def open_chosen(choice: NetworkChoice, run: Run, *, quiet: bool = False, relayout: bool = True) -> Network:
    """The network on the run's device. Unless quiet, a line on the console warns of one without weights.

    relayout: whether its weights are laid out in memory as hardware.channels_last says.
    """
    if not quiet and run.world.first:
        warn_untrained(choice)
    torch.manual_seed(choice.seed)  # for what an untrained network draws
    if choice.checkpoint is None and choice.model is not None:
        model = choice.model
        network = open_network(
            choice.source, choice.weights, choice.crop_px,
            num_classes=model.num_classes, width=model.width, channels=model.channels,
        )  # fmt: skip
    else:
        network = open_network(choice.source, choice.weights, choice.crop_px)
    note_network(choice, network, run)
    return network.to(run.world.device, run.hardware.memory_format() if relayout else None)


def note_network(choice: NetworkChoice, network: Network, run: Run) -> None:
    """Add a network to those that the manifest names: where it came from, and its weights' and frame's fingerprints.

    By it others know what a finished run is of (experiments/report_parts/kept_runs.py).
    """
    if run.manifest is None:
        return
    source = str(Path(choice.source).absolute()) if Path(choice.source).is_file() else choice.source
    facts, frame = run.manifest.facts, frame_fingerprint(network.frame)
    run.note(
        networks={**facts.get("networks", {}), source: weights_fingerprint(network.model)},
        frames={**facts.get("frames", {}), source: frame},
    )


def open_trained(choice: NetworkChoice, run: Run) -> Network:
    """The same. Raises ValueError for a network without weights, whose features are worth nothing."""
    if choice.untrained:
        raise ValueError(
            f"checkpoint={choice.source} without weights is an untrained network: give weights=DEFAULT "
            "(the zoo's download) or weights=FILE"
        )
    return open_chosen(choice, run)


def warn_untrained(choice: NetworkChoice) -> None:
    """Warn on the console where the network has no weights but random ones."""
    if choice.untrained:
        print(
            f"warning: {choice.source} without weights: what you see is what random filters answer; give weights=FILE, "
            "weights=DEFAULT (the zoo's download) or checkpoint=FILE for a trained one"
        )
