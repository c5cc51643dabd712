"""The evolution of features in training (Fig. 4): an observer that follows chosen maps from epoch to epoch."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from torch import Tensor, nn

from zfnet.analysis.evolution_moment import LayerMoment, Moment, picture_strongest
from zfnet.analysis.evolution_online import OnlineSearch, uncompiled
from zfnet.analysis.evolution_probe import Probe
from zfnet.analysis.evolution_strongest import Strongest
from zfnet.analysis.evolution_sweep import subset, sweep
from zfnet.deconv import Deconvnet
from zfnet.training import EpochReport, Observer, Seen, Trainer, World

SEARCHES = ("online", "sweep")
SPREAD = 5  # layers of a network with many
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """What is followed, and how.

    epochs: at which the strongest views are kept and projected, besides the recipe's last; those beyond it are not
    reached. layers: names; None: every convolution, five spread over a network with more. maps: so many of each layer,
    drawn by the seed, or their numbers.
    search: "online" keeps each map's strongest view of the epoch's own forward passes, with the weights that it met;
    "sweep" looks for it at the epoch's end, with the weights of then, among the central views of `sweep_images`
    training images drawn by the seed.
    probe_images, probe_projections: validation images, and among them rows of projections, by which epochs are compared
    (Probe).
    """

    epochs: Sequence[int] = (1, 2, 5, 10, 20, 30, 40, 64)
    layers: Sequence[str] | None = None
    maps: int | Sequence[int] = 16
    search: str = "online"
    sweep_images: int = 2000
    probe_images: int = 256
    probe_projections: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        if self.search not in SEARCHES:
            raise ValueError(f"evolution.search={self.search!r} is not one of {', '.join(SEARCHES)}")
        for name, least in (("sweep_images", 1), ("probe_images", 4), ("probe_projections", 4)):
            if getattr(self, name) < least:
                raise ValueError(f"evolution.{name}={getattr(self, name)}, expected {least} or more")


class Keeper(Protocol):
    """Keeps what an Evolution finds; the first process alone calls it."""

    def begin(self, epoch: int) -> None:
        """Before training goes on after so many epochs: what was kept of later ones is void."""

    def keep(self, moment: Moment) -> None:
        """At an epoch's end, and before training (epoch 0)."""

    def end(self, finished: bool) -> None:
        """At the end of training, or where it was stopped."""


class Evolution(Observer):
    """Hands a Moment to the keeper after every epoch: training goes on bit for bit as it would without.

    Online, the search survives a resume in the middle of an epoch through the checkpoint. Results are the same whatever
    the number of processes, as far as training is.
    """

    name = "evolution"

    def __init__(self, plan: Plan, keeper: Keeper) -> None:
        self.plan, self.keeper = plan, keeper
        self.watched: dict[str, list[int]] = {}
        self._world, self._loaded = World(), dict[str, Any]()
        self._online: OnlineSearch | None = None
        self._epoch: int | None = None  # the one whose views are being searched online
        self._images: dict[str, Tensor] = {}  # each watched map's strongest image at the chosen epoch before

    def on_start(self, trainer: Trainer) -> None:
        before = self._loaded or self.state()
        self._world = trainer.world
        self._deconvnet = Deconvnet(uncompiled(trainer.model))
        self._probe = Probe(
            trainer.val, trainer.frame, self.plan.probe_images, self.plan.probe_projections, self.plan.seed
        )
        self.watched = watch_maps(self._deconvnet, self._probe, self.plan)
        if self.plan.search == "online":
            self._online = OnlineSearch(trainer.model, self.watched, trainer.world.device)
        self._go_on(before)
        if trainer.world.first:
            self.keeper.begin(trainer.position.epoch)
            if trainer.position.step == 0:
                self.keeper.keep(probed(0, self._deconvnet, self._probe, self.watched))

    def _go_on(self, state: dict[str, Any]) -> None:
        """Take up what a checkpoint brought, or what was found before this trainer was stopped."""
        self._loaded = {}
        if not state:
            return
        if (state["search"], state["watched"]) != (self.plan.search, self.watched):
            raise ValueError(
                f"the checkpoint's run followed {_told(state['watched'])} by {state['search']}, this one follows "
                f"{_told(self.watched)} by {self.plan.search}: give the same evolution settings, or evolution=null"
            )
        self._epoch, self._images = state["epoch"], state["images"]
        if self._online is not None and self._epoch is not None:
            for layer, strongest in self._online.strongest.items():
                strongest.merge(state["strongest"][layer])

    def on_epoch_start(self, trainer: Trainer) -> None:
        epoch = trainer.position.epoch + 1
        if self._online is None or not self._chosen(trainer, epoch):
            return
        if trainer.position.batch and self._epoch != epoch:
            log.warning("epoch %d was begun without looking for the strongest views; Fig. 4 goes without it", epoch)
            return
        if self._epoch != epoch:
            self._online.clear()
        self._epoch = epoch
        self._online.begin()

    def on_batch(self, trainer: Trainer, seen: Seen) -> None:
        if self._online is not None and self._epoch is not None:
            self._online.see(seen)

    def on_epoch(self, trainer: Trainer, report: EpochReport) -> None:
        found = self._found(trainer, report.epoch)
        self._epoch = None
        before, self._images = self._images, {**self._images, **{layer: s.images() for layer, s in found.items()}}
        if trainer.world.first:
            layers = {
                layer: picture_strongest(self._deconvnet, layer, strongest, trainer.train, trainer.frame)
                for layer, strongest in found.items()
            }
            changed = {
                layer: float((self._images[layer] != before[layer]).double().mean()) for layer in found if before
            }
            self.keeper.keep(probed(report.epoch, self._deconvnet, self._probe, self.watched, layers, changed))

    def _found(self, trainer: Trainer, epoch: int) -> dict[str, Strongest]:
        """The strongest views of the epoch that ends, over all processes; none if it was not chosen."""
        if self._online is not None:
            self._online.end()
            if self._epoch is None:
                return {}
            self._share()
            return self._online.strongest
        if not self._chosen(trainer, epoch):
            return {}
        images = subset(len(trainer.train), self.plan.sweep_images, self.plan.seed)
        return sweep(self._deconvnet, self.watched, trainer.train, images, trainer.frame, trainer.world)

    def _chosen(self, trainer: Trainer, epoch: int) -> bool:
        return epoch in self.plan.epochs or epoch == trainer.recipe.epochs

    def _share(self) -> None:
        """Let every process know what all have found."""
        assert self._online is not None
        for strongest in self._online.strongest.values():
            for state in self._world.gather(strongest.state()):
                strongest.merge(state)

    def on_end(self, trainer: Trainer, finished: bool) -> None:
        if self._online is not None:
            self._online.end()
        if trainer.world.first:
            self.keeper.end(finished)

    def state(self) -> dict[str, Any]:
        if not self.watched:
            return self._loaded
        searching = self._online is not None and self._epoch is not None
        if searching:
            self._share()
        return {
            "search": self.plan.search,
            "watched": {layer: list(maps) for layer, maps in self.watched.items()},
            "epoch": self._epoch,
            "images": dict(self._images),
            "strongest": {n: s.state() for n, s in self._online.strongest.items()}
            if searching and self._online
            else {},
        }

    def load_state(self, state: dict[str, Any]) -> None:
        self._loaded = state


def watch_maps(deconvnet: Deconvnet, probe: Probe, plan: Plan) -> dict[str, list[int]]:
    """layer -> the numbers of the maps that are followed. Raises ValueError for a layer or map that is not there."""
    layers = convolutions(deconvnet) if plan.layers is None else list(plan.layers)
    outputs = deconvnet.activations(probe.images([0]), layers)
    return {layer: draw_maps(plan.maps, outputs[layer].shape[1], plan.seed) for layer in layers}


def draw_maps(maps: int | Collection[int], count: int, seed: int) -> list[int]:
    if isinstance(maps, int):
        if maps < 1:
            raise ValueError(f"evolution.maps={maps}, expected 1 or more of each layer")
        return np.sort(np.random.default_rng(seed).choice(count, min(maps, count), replace=False)).tolist()
    if not maps or min(maps) < 0 or max(maps) >= count:
        raise ValueError(f"evolution.maps={list(maps)}, expected some of 0 to {count - 1}")
    return list(maps)


def convolutions(deconvnet: Deconvnet) -> list[str]:
    """Every convolution where there are few; else SPREAD of them from the first to the last."""
    modules = dict(deconvnet.model.named_modules(remove_duplicate=False))
    names = [layer for layer in deconvnet.layers if isinstance(modules[layer], nn.Conv2d)]
    return [names[at] for at in np.linspace(0, len(names) - 1, min(SPREAD, len(names))).round().astype(int)]


def probed(
    epoch: int,
    deconvnet: Deconvnet,
    probe: Probe,
    watched: Mapping[str, Sequence[int]],
    layers: Mapping[str, LayerMoment] | None = None,
    changed: Mapping[str, float] | None = None,
) -> Moment:
    """The moment of an epoch, with the Grams of the probe as the network is now."""
    activations = probe.activation_grams(deconvnet, list(watched))
    return Moment(epoch, activations, probe.projection_grams(deconvnet, watched), layers or {}, changed or {})


def _told(watched: Mapping[str, Sequence[int]]) -> str:
    return "; ".join(f"{layer} maps {', '.join(map(str, maps))}" for layer, maps in watched.items())
