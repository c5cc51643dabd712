"""The evolution of features in training (Fig. 4): an observer that follows chosen maps from epoch to epoch."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from torch import Tensor

from zfnet.analysis.evolution.moment import Moment, moment_at
from zfnet.analysis.evolution.online import OnlineSearch, uncompiled
from zfnet.analysis.evolution.plan import Plan, watch_maps
from zfnet.analysis.evolution.reference_images import ReferenceImages
from zfnet.analysis.evolution.strongest import Strongest
from zfnet.analysis.evolution.sweep import strongest_by_sweep, subset
from zfnet.deconv import Deconvnet, NoReverseRule
from zfnet.training import EpochReport, Observer, Seen, TrainingRun, World

log = logging.getLogger(__name__)


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

    def on_start(self, trainer: TrainingRun) -> None:
        before = self._loaded or self.state()
        self._world = trainer.world
        self._deconvnet = Deconvnet(uncompiled(trainer.model))
        self._probe = ReferenceImages(
            trainer.val,
            trainer.frame,
            images=self.plan.probe_images,
            rows=self.plan.probe_projections,
            seed=self.plan.seed,
        )
        self.watched = watch_maps(self._deconvnet, self._probe, self.plan)
        self._check_reverse()
        if self.plan.search == "online":
            self._online = OnlineSearch(trainer.model, self.watched, trainer.world.device)
        self._go_on(before)
        if trainer.world.first:
            self.keeper.begin(trainer.position.epoch)
            if trainer.position.step == 0:
                self._keep(trainer, 0, {})

    def _check_reverse(self) -> None:
        """Raise NoReverseRule, a ValueError, before any step where the watched maps cannot be projected."""
        record = self._deconvnet.record(self._probe.images([0]), list(self.watched))
        try:
            for layer, maps in self.watched.items():
                self._deconvnet.project(record, layer, [[0, maps[0], 0, 0]])
        except NoReverseRule as error:
            raise NoReverseRule(
                f"the features of this network cannot be followed through its training ({error}): give evolution=null "
                "to train it without"
            ) from error

    def _go_on(self, state: dict[str, Any]) -> None:
        """Take up what a checkpoint brought, or what was found before this trainer was stopped."""
        self._loaded = {}
        if not state:
            return
        own = self._probe.fingerprint
        held = state.get("probe", own)
        followed = state["search"], state["watched"], own if held in self._probe.earlier_fingerprints else held
        if followed != (self.plan.search, self.watched, self._probe.fingerprint):
            raise ValueError(
                f"the checkpoint's run followed {_in_words(*followed)}, this one follows "
                f"{_in_words(self.plan.search, self.watched, self._probe.fingerprint)}: "
                "give the same evolution settings, or evolution=null"
            )
        self._epoch, self._images = state["epoch"], state["images"]
        if self._online is not None and self._epoch is not None:
            for layer, strongest in self._online.strongest.items():
                strongest.merge(state["strongest"][layer])

    def on_epoch_start(self, trainer: TrainingRun) -> None:
        epoch = trainer.position.epoch + 1
        if self._online is None or not self._chosen(trainer, epoch):
            self._epoch = None  # it was chosen before a resume with other epochs, and what it showed is not whole
            return
        if trainer.position.batch and self._epoch != epoch:
            log.warning("epoch %d was begun without looking for the strongest views; Fig. 4 goes without it", epoch)
            return
        if self._epoch != epoch:
            self._online.clear()
        self._epoch = epoch

    def on_batch(self, trainer: TrainingRun, seen: Seen) -> None:
        if self._online is not None and self._epoch is not None:
            self._online.see(seen)

    def on_epoch(self, trainer: TrainingRun, report: EpochReport) -> None:
        found = self._found(trainer, report.epoch)
        self._epoch = None
        if trainer.world.first:
            self._keep(trainer, report.epoch, found)
        self._images |= {layer: strongest.images() for layer, strongest in found.items()}

    def _keep(self, trainer: TrainingRun, epoch: int, found: Mapping[str, Strongest]) -> None:
        self.keeper.keep(
            moment_at(
                epoch,
                deconvnet=self._deconvnet,
                probe=self._probe,
                watched=self.watched,
                source=trainer.train,
                found=found,
                before=self._images,
            )
        )

    def _found(self, trainer: TrainingRun, epoch: int) -> dict[str, Strongest]:
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
        return strongest_by_sweep(
            self._deconvnet,
            watched=self.watched,
            source=trainer.train,
            images=images,
            frame=trainer.frame,
            world=trainer.world,
        )

    def _chosen(self, trainer: TrainingRun, epoch: int) -> bool:
        return epoch in self.plan.epochs or epoch == trainer.recipe.epochs

    def _share(self) -> None:
        """Let every process know what all have found."""
        assert self._online is not None
        for strongest in self._online.strongest.values():
            for state in self._world.gather(strongest.state()):
                strongest.merge(state)

    def on_end(self, trainer: TrainingRun, finished: bool) -> None:
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
            "probe": self._probe.fingerprint,
            "epoch": self._epoch,
            "images": dict(self._images),
            "strongest": {layer: strongest.state() for layer, strongest in self._online.strongest.items()}
            if searching and self._online
            else {},
        }

    def load_state(self, state: dict[str, Any]) -> None:
        self._loaded = state


def _in_words(search: str, watched: Mapping[str, Sequence[int]], probe: str) -> str:
    maps = "; ".join(f"{layer} maps {', '.join(map(str, maps))}" for layer, maps in watched.items())
    return f"{maps} by {search} with a probe of {probe}"
