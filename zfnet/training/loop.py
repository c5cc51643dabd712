"""The training loop: epochs of steps, validation after each, and observers who are told."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn

from zfnet.data import Batch, FolderImages, ImageSource, InputFrame, training_batches, training_views
from zfnet.training.evaluation import Scores, evaluate, scores_of
from zfnet.training.hardware import Hardware
from zfnet.training.observer import EpochReport, Observer, Seen, StepReport
from zfnet.training.parallel import World, chosen_device
from zfnet.training.random_state import random_state, set_random_state
from zfnet.training.recipe import Recipe, prepare
from zfnet.training.step import Stepper

CHECK_EVERY_STEPS = 20  # how often a GPU is waited for, to look at the loss and to agree with other processes


class NonFiniteLoss(RuntimeError):
    """The loss became infinite or not a number; nothing was saved after it."""


@dataclass
class Position:
    """Where a run stands: whole epochs, batches consumed in the epoch under way, and steps in all."""

    epoch: int = 0
    batch: int = 0
    step: int = 0


class Trainer:
    """A model in training: everything that a checkpoint must hold, and the loop that moves it on.

    model: any classifier; frame: what it sees. train and val: image sources with the same classes.
    stop: asked after every step whether to end early (Ctrl-C). seed fixes weights, order, views and dropout.
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
        self.steps_per_epoch = len(train) // recipe.batch_size
        self._check()
        prepare(model, recipe, torch.Generator().manual_seed(seed))
        torch.manual_seed(seed * 1000 + self.world.rank)  # dropout: ranks draw different masks
        self.stepper = Stepper(model, recipe, frame, self.hardware, self.world, self.steps_per_epoch)
        self.model, self.frame = self.stepper.model, self.stepper.frame
        self.position, self.history = Position(), list[EpochReport]()
        self._sums = torch.zeros(4, dtype=torch.float64, device=self.world.device)
        self._clock = {"wall_s": 0.0, "wait_s": 0.0, "images": 0}
        self._check_every = CHECK_EVERY_STEPS if self.world.device.type == "cuda" else 1

    def _check(self) -> None:
        size, parts = self.recipe.batch_size, self.world.size * self.hardware.accumulate
        if size % parts:
            raise ValueError(
                f"training.batch_size={size} does not divide into {self.world.size} processes x "
                f"{self.hardware.accumulate} accumulated parts; near it {max(1, size // parts) * parts} does"
            )
        if not self.steps_per_epoch:
            raise ValueError(f"{len(self.train)} training images do not fill one batch of training.batch_size={size}")
        if self.train.wnids != self.val.wnids:
            odd = sorted(set(self.train.wnids) ^ set(self.val.wnids))
            raise ValueError(f"training and validation images have different classes: {', '.join(odd[:8])}")

    def fit(self) -> bool:
        """Train to the recipe's last epoch; False if it was stopped before. Raises NonFiniteLoss."""
        self._tell("on_start")
        finished = True
        while finished and self.position.epoch < self.recipe.epochs:
            finished = self._epoch()
        self._tell("on_end", finished)
        return finished

    def _epoch(self) -> bool:
        self._tell("on_epoch_start")
        place = len(self.train), self.frame.side_px, self.frame.size_px, self.seed, self.position.epoch
        views = training_views(self.recipe.views, *place, self.recipe.augmentation)
        self.stepper.forward.train()
        begun_s = asked_s = time.perf_counter()
        for batch in self._batches():
            wait_s = time.perf_counter() - asked_s
            sums = self.stepper(batch, views[batch.indices], self._seen)
            self._sums += sums
            self.position.batch += 1
            self.position.step += 1
            if self.position.step % self._check_every == 0:
                self.train_scores()
            begun_s, wall_s = time.perf_counter(), time.perf_counter() - begun_s  # with what observers took before it
            for name, amount in (("wall_s", wall_s), ("wait_s", wait_s), ("images", self.recipe.batch_size)):
                self._clock[name] += amount
            self._tell("on_step", StepReport(self.position.step, sums, self.stepper.learning_rate, wall_s, wait_s))
            if self._asked_to_stop():
                return False
            asked_s = time.perf_counter()
        self._end_epoch(begun_s)
        return True

    def _seen(self, seen: Seen) -> None:
        self._tell("on_batch", seen)

    def _batches(self) -> Iterator[Batch]:
        place = self.position.epoch, self.position.batch, self.world.rank, self.world.size
        return training_batches(self.train, self.recipe.batch_size, self.seed, *place, self.workers(self.train))

    def _asked_to_stop(self) -> bool:
        return self.agreed(self._stop)

    def agreed(self, wish: Callable[[], bool]) -> bool:
        """Whether any process wishes it; several GPUs ask each other only every CHECK_EVERY_STEPS steps."""
        if self.world.size > 1 and self.position.step % self._check_every:
            return False
        return self.world.any(wish())

    def workers(self, source: ImageSource) -> int:
        """How many processes read this source."""
        return self.hardware.reading_processes(isinstance(source, FolderImages), self.world.size)

    def _end_epoch(self, begun_s: float) -> None:
        trained = self.train_scores()
        self._clock["wall_s"] += time.perf_counter() - begun_s
        self._tell("on_validation")
        validated = evaluate(
            (self.model, self.frame), self.val, 1, min(256, self.recipe.batch_size), self.world,
            self.workers(self.val), self.stepper.autocast,
        )  # fmt: skip
        rate = self.stepper.learning_rate
        self.stepper.schedule.after_epoch(validated.top1_error)
        wall_s = self._clock["wall_s"]
        self.history.append(
            EpochReport(
                self.position.epoch + 1, self.position.step, trained.loss, trained.top1_error, trained.top5_error,
                validated.loss, validated.top1_error, validated.top5_error, rate,
                self._clock["images"] / wall_s, self._clock["wait_s"] / wall_s, wall_s,
            )
        )  # fmt: skip
        self.position.epoch, self.position.batch = self.position.epoch + 1, 0
        self._sums.zero_()
        self._clock = dict.fromkeys(self._clock, 0)
        self._tell("on_epoch", self.history[-1])

    def train_scores(self) -> Scores:
        """Means over the epoch so far, over all processes; NonFiniteLoss if any batch's loss was not finite."""
        sums = self.world.sum(self._sums)
        if not math.isfinite(sums[0].item()):
            raise NonFiniteLoss(
                f"the training loss is {sums[0].item()} in epoch {self.position.epoch + 1}, by step "
                f"{self.position.step}, at a learning rate of {self.stepper.learning_rate:g}. The last checkpoint "
                "stays: go on from it with hardware.precision=float32, or start a new run from its weights with a "
                "lower training.learning_rate (model.weights=CHECKPOINT training.init=keep)"
            )
        return scores_of(sums)

    def _tell(self, event: str, *facts: object) -> None:
        for observer in self.observers:
            getattr(observer, event)(self, *facts)

    def state(self) -> dict[str, Any]:
        """Everything that decides how the run goes on, in tensors and plain types. All processes must call it."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.stepper.optimizer.state_dict(),
            "schedule": self.stepper.schedule.state(),
            "scaler": self.stepper.scaler.state_dict(),
            "position": asdict(self.position),
            "sums": self.world.gather(self._sums.cpu()),
            "clock": dict(self._clock),
            "random": self.world.gather(random_state(self.world.device)),
            "history": [asdict(report) for report in self.history],
            "settings": self._settings(),
            "observers": {observer.name: observer.state() for observer in self.observers if observer.name},
        }

    def _settings(self) -> dict[str, Any]:
        """What a resumed run must share with the one it goes on from."""
        return {
            "seed": self.seed,
            **asdict(self.recipe),
            "data": self.train.fingerprint,
            "classes": list(self.train.wnids),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned. Raises ValueError where this run would not be the same one."""
        settings = {**asdict(Recipe()), **state["settings"]}  # an older checkpoint does not name the newest settings
        for name, own in self._settings().items():
            if name != "epochs" and settings[name] != own:
                raise ValueError(
                    f"the checkpoint's run had {name}={settings[name]!r}, this one {name}={own!r}: give the "
                    "same, or start a new run from its weights (model.weights=CHECKPOINT training.init=keep)"
                )
        if len(state["random"]) != self.world.size:
            told = f"the checkpoint was written by {len(state['random'])} processes and this run has {self.world.size}"
            raise ValueError(f"{told}: resume with as many, or start a new run from its weights (model.weights=...)")
        self.stepper.schedule.load_state(state["schedule"])
        self.model.load_state_dict(state["model"])
        self.stepper.optimizer.load_state_dict(state["optimizer"])
        if state["scaler"] and self.stepper.scaler.is_enabled():
            self.stepper.scaler.load_state_dict(state["scaler"])
        self.position = Position(**state["position"])
        self.history = [EpochReport(**report) for report in state["history"]]
        self._sums.copy_(state["sums"][self.world.rank])
        self._clock = dict(state["clock"])
        set_random_state(state["random"][self.world.rank], self.world.device)
        for observer in self.observers:
            if observer.name in state["observers"]:
                observer.load_state(state["observers"][observer.name])
