"""The learning rate over a run: warm-up, plateau, one cycle."""

from __future__ import annotations

import math

from torch.optim import SGD
from torch.optim.lr_scheduler import ConstantLR, LRScheduler, OneCycleLR, ReduceLROnPlateau

from zfnet.training.recipe import Recipe


class Schedule:
    """The learning rate over a run: moved after every step or after every epoch, as its kind needs."""

    def __init__(self, optimizer: SGD, recipe: Recipe, steps_per_epoch: int) -> None:
        self.kind, self.total_steps = recipe.schedule, recipe.epochs * steps_per_epoch
        self._scheduler: LRScheduler
        if recipe.schedule == "plateau":
            self._scheduler = ReduceLROnPlateau(
                optimizer, factor=recipe.plateau_factor, patience=recipe.plateau_patience - 1, threshold_mode="abs",
                threshold=1e-4,
            )  # fmt: skip
        elif recipe.schedule == "onecycle":
            steps, share = self.total_steps + 1, recipe.warmup_share or 1e-6
            if math.isclose(share * steps, 1):
                share *= 1 - 1e-6  # torch divides by zero where the rise takes exactly one step
            self._scheduler = OneCycleLR(
                optimizer, recipe.full_rate, total_steps=steps, pct_start=share, cycle_momentum=False
            )
        else:
            self._scheduler = ConstantLR(optimizer, factor=1.0)
        self._warm_up = WarmUp(optimizer, recipe, steps_per_epoch)

    def after_step(self) -> None:
        """One step of the optimiser has been taken."""
        if self.kind == "onecycle":
            self._scheduler.step()
        else:
            self._warm_up.after_step()

    def after_epoch(self, validation_error: float) -> None:
        """An epoch is over; validation_error: the top-1 error (0..1) that a plateau is measured by."""
        if isinstance(self._scheduler, ReduceLROnPlateau) and self._warm_up.over:
            self._scheduler.step(validation_error)

    def state(self) -> dict[str, object]:
        """What a checkpoint must hold: plain types."""
        own = {"kind": self.kind, "total_steps": self.total_steps, "warm_steps": self._warm_up.done}
        return {**own, "scheduler": self._scheduler.state_dict()}

    def load_state(self, state: dict[str, object]) -> None:
        """Go on from what `state` returned. Raises ValueError for another kind, or another length of one cycle."""
        if state["kind"] != self.kind or (self.kind == "onecycle" and state["total_steps"] != self.total_steps):
            was, now = (f"{s['kind']} over {s['total_steps']} steps" for s in (state, self.state()))
            raise ValueError(
                f"the checkpoint's schedule was {was}, this run asks for {now}: keep training.schedule, "
                "training.epochs and the batch size as they were, or start a new run from its weights (model.weights)"
            )
        self._scheduler.load_state_dict(state["scheduler"])  # type: ignore[arg-type]
        self._warm_up.done = int(state.get("warm_steps", 0))  # type: ignore[call-overload]  # none in earlier versions


class WarmUp:
    """The rise of the rate over the first epochs, by equal amounts a step; done: steps of it that were taken.

    Momentum multiplies the gradients' mean and the rate comes after it, so that a rise needs no correction (Goyal et
    al. 2017, remark 2).
    """

    def __init__(self, optimizer: SGD, recipe: Recipe, steps_per_epoch: int) -> None:
        self._optimizer, self._full = optimizer, recipe.full_rate
        self._steps = recipe.warmup_epochs * steps_per_epoch
        self._start = recipe.learning_rate if recipe.learning_rate < recipe.full_rate else 0.0
        self.done = 0
        if self._steps:
            self._set()

    @property
    def over(self) -> bool:
        """Whether the rate has reached its full height."""
        return self.done >= self._steps

    def after_step(self) -> None:
        """One step of the optimiser has been taken."""
        if not self.over:
            self.done += 1
            self._set()

    def _set(self) -> None:
        share = min(1.0, (self.done + 1) / self._steps)
        for group in self._optimizer.param_groups:
            group["lr"] = self._start + (self._full - self._start) * share
