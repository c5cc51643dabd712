"""The training loop: epochs of steps, validation after each, and observers who are told."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import nn

from zfnet.data import ImageSource, InputFrame
from zfnet.training import resume
from zfnet.training.failures import NonFiniteLoss
from zfnet.training.feed import Feed, workers_for
from zfnet.training.machine import Hardware, World, chosen_device
from zfnet.training.observer import Observer
from zfnet.training.reading import Reading
from zfnet.training.recipe import Recipe, prepare
from zfnet.training.reports import EpochReport, Position, Seen, StepReport
from zfnet.training.scoring import NothingRead, Scores, Tally, evaluate, scores_of
from zfnet.training.step import Stepper

CHECK_EVERY_STEPS = 20  # how often a GPU is waited for, to look at the loss and to agree with other processes


class Trainer:
    """A model in training: everything that a checkpoint must hold, and the loop that moves it on.

    model: any classifier; frame: what it sees. train and val: image sources with the same classes.
    stop: asked after every step whether to end early (Ctrl-C). seed fixes weights, order, views and dropout.
    Raises ValueError where the data or the hardware do not fit the recipe.
    """

    def __init__(
        self,
        model: nn.Module,
        recipe: Recipe,
        frame: InputFrame,
        train: ImageSource,
        val: ImageSource,
        *,
        hardware: Hardware | None = None,
        world: World | None = None,
        observers: Sequence[Observer] = (),
        seed: int = 0,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self.recipe, self.train, self.val, self.seed, self._stop = recipe, train, val, seed, stop
        self.hardware = hardware or Hardware()
        self.world = world or World(device=chosen_device(self.hardware.device))
        self.observers = list(observers)
        self._feed = Feed(train, recipe, frame, hardware=self.hardware, world=self.world, seed=seed)
        self._feed.check(val)
        self.steps_per_epoch = self._feed.steps_per_epoch
        prepare(model, recipe, torch.Generator().manual_seed(seed))
        torch.manual_seed(seed * 1000 + self.world.rank)  # dropout: ranks draw different masks
        self.stepper = Stepper(
            model, recipe, frame, hardware=self.hardware, world=self.world, steps_per_epoch=self.steps_per_epoch
        )
        self.model, self.frame = self.stepper.model, self.stepper.frame
        self._standing = resume.Standing(Tally.of_none(self.world.device))
        self._reading = Reading(train, val, self.world)
        self._check_every = CHECK_EVERY_STEPS if self.world.device.type == "cuda" else 1

    @property
    def position(self) -> Position:
        """Where the run stands."""
        return self._standing.position

    @property
    def history(self) -> list[EpochReport]:
        """The reports of all whole epochs."""
        return self._standing.history

    @property
    def learning_rate(self) -> float:
        """That of the next step."""
        return self.stepper.learning_rate

    def fit(self) -> bool:
        """Train to the recipe's last epoch; False if it was stopped before. Raises NonFiniteLoss, VanishedImages."""
        self._tell("on_start")
        finished = True
        while finished and self.position.epoch < self.recipe.epochs:
            finished = self._epoch()
        self._tell("on_end", finished)
        return finished

    def _epoch(self) -> bool:
        self._tell("on_epoch_start")
        views, clock = self._feed.views(self.position.epoch), self._standing.clock
        self.stepper.forward.train()
        begun_s = asked_s = time.perf_counter()
        for batch in self._feed.batches(self.position.epoch, self.position.batch, self._wants_to_stop):
            wait_s = time.perf_counter() - asked_s
            tally = self.stepper(batch, views[batch.indices], self._seen)
            self._standing.count_step(tally)
            self._reading.see(batch)
            if self.position.step % self._check_every == 0:
                self.train_scores()
            begun_s, wall_s = time.perf_counter(), time.perf_counter() - begun_s  # with what observers took before it
            clock.wall_s, clock.wait_s = clock.wall_s + wall_s, clock.wait_s + wait_s
            clock.images += self.recipe.batch_size
            report = StepReport(
                step=self.position.step, tally=tally, learning_rate=self.learning_rate, wall_s=wall_s, wait_s=wait_s
            )
            self._tell("on_step", report)
            if self.agreed(self._wants_to_stop):
                return False
            asked_s = time.perf_counter()
        self._end_epoch(begun_s)
        return True

    def _seen(self, seen: Seen) -> None:
        self._tell("on_batch", seen)

    def _wants_to_stop(self) -> bool:
        """Whether this process was asked to; workers that die then are the stop, and it reads on until all agree."""
        return self._stop()

    def agreed(self, wish: Callable[[], bool]) -> bool:
        """Whether any process wishes it; several GPUs ask each other only every CHECK_EVERY_STEPS steps."""
        if self.world.size > 1 and self.position.step % self._check_every:
            return False
        return self.world.any(wish())

    def workers(self, source: ImageSource) -> int:
        """How many processes read this source."""
        return workers_for(source, self.hardware, self.world)

    def _end_epoch(self, begun_s: float) -> None:
        trained, clock = self.train_scores(), self._standing.clock
        clock.wall_s += time.perf_counter() - begun_s
        if self.world.size > 1:
            for buffer in self.model.buffers():  # batch statistics, each process's own: the first's are what is saved
                buffer.copy_(self.world.from_rank(0, buffer))
        self._tell("on_validation")
        try:
            validated = evaluate(
                (self.model, self.frame),
                self.val,
                batch_size=min(256, self.recipe.batch_size),
                world=self.world,
                workers=self.workers(self.val),
                read_on=self._wants_to_stop,
                autocast=self.stepper.autocast,
                on_batch=partial(self._tell, "on_validation_batch"),
            )
        except NothingRead:
            self._reading.check_val(0)
            raise
        self._reading.check_val(validated.count)
        rate = self.learning_rate
        self.stepper.schedule.after_epoch(validated.top1_error)
        report = EpochReport.of_scores(
            position=self.position,
            trained=trained,
            validated=validated,
            learning_rate=rate,
            images=clock.images,
            wall_s=clock.wall_s,
            wait_s=clock.wait_s,
        )
        self._standing.end_epoch(report)
        self._tell("on_epoch", report)

    def train_scores(self) -> Scores:
        """Means over the epoch so far, over all processes, which must all call it.

        Raises NonFiniteLoss if any batch's loss was not finite, VanishedImages if the images can be read no more.
        """
        self._reading.check_train(self.recipe.batch_size)
        counted = Tally(self.world.sum(self._standing.tally.sums))
        loss = counted.means().loss
        if not math.isfinite(loss):
            raise NonFiniteLoss.at(loss, self.position, self.learning_rate)
        return scores_of(counted)

    def _tell(self, event: str, *facts: object) -> None:
        for observer in self.observers:
            getattr(observer, event)(self, *facts)

    def _settings(self) -> dict[str, Any]:
        return {"seed": self.seed, **resume.settings_of(self.recipe, self.train, self.val)}

    def state(self) -> dict[str, Any]:
        """Everything that decides how the run goes on, in tensors and plain types. All processes must call it."""
        state = resume.state_of(
            self._standing, self.stepper, observers=self.observers, world=self.world, settings=self._settings()
        )
        return {**state, "reading": self._reading.state()}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned. Raises ValueError where this run would not be the same one."""
        resume.check_same(state["settings"], self._settings(), train=self.train, val=self.val)
        self._standing = resume.load_state(state, self.stepper, observers=self.observers, world=self.world)
        self._reading.load_state(state.get("reading", {}))
