"""What a checkpoint must hold of a run, and how a run goes on from it: bit for bit as if it had never stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import chain
from typing import Any

import torch
from torch import Tensor

from zfnet.data import ImageSource
from zfnet.training.machine import World
from zfnet.training.observer import Observer
from zfnet.training.recipe import Recipe
from zfnet.training.reports import EpochReport, Position
from zfnet.training.scoring import Tally
from zfnet.training.step import Stepper

LATER = ("val", "names")  # settings that the first checkpoints did not hold
IMAGES = {"data": "training images of fingerprint ", "val": "validation images of fingerprint "}


@dataclass
class Clock:
    """Seconds spent in an epoch so far, those of them spent waiting for data, and images trained on."""

    wall_s: float = 0.0
    wait_s: float = 0.0
    images: int = 0


@dataclass
class Standing:
    """How far a run has come: its position, the reports of whole epochs, and of the one under way tally and clock."""

    tally: Tally  # of this process
    position: Position = field(default_factory=Position)
    history: list[EpochReport] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)

    def count_step(self, tally: Tally) -> None:
        """One more batch has been trained on."""
        self.tally = self.tally + tally
        self.position.batch += 1
        self.position.step += 1

    def end_epoch(self, report: EpochReport) -> None:
        """The epoch under way is over, as the report says."""
        self.history.append(report)
        self.position.epoch, self.position.batch = self.position.epoch + 1, 0
        self.tally, self.clock = Tally.of_none(self.tally.sums.device), Clock()


def state_of(
    standing: Standing, stepper: Stepper, *, observers: Sequence[Observer], world: World, settings: dict[str, Any]
) -> dict[str, Any]:
    """Everything that decides how a run goes on, in tensors and plain types. All processes must call it."""
    return {
        "model": stepper.model.state_dict(),
        "optimizer": stepper.optimizer.state_dict(),
        "schedule": stepper.schedule.state(),
        "scaler": stepper.scaler.state_dict(),
        "position": asdict(standing.position),
        "sums": world.gather(standing.tally.sums.cpu()),  # by rank: (4,) each
        "clock": asdict(standing.clock),
        "random": world.gather(random_state(world.device)),
        "history": [asdict(report) for report in standing.history],
        "settings": settings,
        "observers": {observer.name: observer.state() for observer in observers if observer.name},
    }


def load_state(state: Mapping[str, Any], stepper: Stepper, *, observers: Sequence[Observer], world: World) -> Standing:
    """Have the stepper and the observers go on from what `state_of` returned, and return where the run stood.

    Raises ValueError for another schedule or number of processes; settings are the caller's to check (check_same).
    """
    if len(state["random"]) != world.size:
        raise ValueError(
            f"the checkpoint was written by {len(state['random'])} processes and this run has {world.size}: resume "
            "with as many, or start a new run from its weights (model.weights=...)"
        )
    stepper.schedule.load_state(state["schedule"])
    stepper.model.load_state_dict(state["model"])
    fused = [group["fused"] for group in stepper.optimizer.param_groups]
    stepper.optimizer.load_state_dict(state["optimizer"])
    for group, own in zip(stepper.optimizer.param_groups, fused, strict=True):
        group["fused"] = own  # how, not what: this run's choice
    if state["scaler"] and stepper.scaler.is_enabled():
        stepper.scaler.load_state_dict(state["scaler"])
    set_random_state(state["random"][world.rank], world.device)
    for observer in observers:
        if observer.name in state["observers"]:
            observer.load_state(state["observers"][observer.name])
    return Standing(
        tally=Tally(state["sums"][world.rank].to(world.device)),
        position=Position(**state["position"]),
        history=[EpochReport(**report) for report in state["history"]],
        clock=Clock(**state["clock"]),
    )


def settings_of(recipe: Recipe, train: ImageSource, val: ImageSource) -> dict[str, Any]:
    """What decides a run besides its network and its seed, in plain types."""
    data = {"data": train.fingerprint, "val": val.fingerprint}
    return {**asdict(recipe), **data, "classes": list(train.wnids), "names": list(train.names)}


def first_difference(
    held: Mapping[str, Any], asked: Mapping[str, Any], *, train: ImageSource, val: ImageSource
) -> tuple[str, Any, Any] | None:
    """The first setting that is asked for and not held, as (name, held, asked); None if there is none.

    held: the settings of a checkpoint. An earlier version's does not name what recipes have gained since, which was off
    then as it is by default, nor what LATER lists, which nobody can compare. train, val: the images asked for, whose
    fingerprints stand under "data" and "val"; what earlier versions knew the same ones by is no difference.
    """
    held = {**asdict(Recipe()), **{name: asked[name] for name in LATER if name in asked}, **held}
    sources = {"data": train, "val": val}
    for name, value in asked.items():
        was, source = held.get(name), sources.get(name)
        others = (getattr(source, of, ()) for of in ("earlier_fingerprints", "resumed_fingerprints"))
        if was in (value, *chain(*others)):
            continue
        if isinstance(was, list) and isinstance(value, list) and len(was) == len(value):
            place = next(place for place in range(len(was)) if was[place] != value[place])
            return f"{name}[{place}]", was[place], value[place]
        return name, was, value
    return None


def check_same(held: Mapping[str, Any], asked: Mapping[str, Any], *, train: ImageSource, val: ImageSource) -> None:
    """Raise ValueError where a checkpoint's settings are of another run than the one asked for, but for its length."""
    shared = {name: value for name, value in asked.items() if name != "epochs"}
    difference = first_difference(held, shared, train=train, val=val)
    if difference is not None:
        name, was, own = difference
        meaning = IMAGES.get(name, f"{name}=")
        raise ValueError(
            f"the checkpoint's run had {meaning}{shortened(was)}, this one {meaning}{shortened(own)}: give the "
            "same, or start a new run from its weights (model.weights=CHECKPOINT training.init=keep)"
        )


def shortened(value: object) -> str:
    """A value as a message shows it."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def random_state(device: torch.device) -> dict[str, Tensor]:
    """The state of torch's random generators, which dropout draws from: the CPU's and, on a GPU, the device's."""
    state = {"cpu": torch.get_rng_state()}
    return {**state, "cuda": torch.cuda.get_rng_state(device)} if device.type == "cuda" else state


def set_random_state(state: Mapping[str, Tensor], device: torch.device) -> None:
    """Have the generators go on from what `random_state` returned."""
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)
