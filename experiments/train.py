"""Train a network: python experiments/train.py data=... model=... training=...  (or experiment=...)."""

from __future__ import annotations

from experiments.common.job import Run, resume_command, start

if __name__ == "__main__":
    start("experiments.train:train")

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf

from experiments.common.config import build, pick
from experiments.common.network import ModelChoice
from experiments.common.publish import events_folder
from experiments.observers.console import Console
from experiments.observers.evolution_folder import EvolutionFolder
from experiments.observers.tensorboard import Board
from zfnet.analysis.evolution import Evolution, Plan
from zfnet.data import ImageData, ImageSource, make_frame, unreadable
from zfnet.models import build_model, summary
from zfnet.network import Network, network_of
from zfnet.training import Checkpoints, Observer, Recipe, StuckLoss, Trainer, load_checkpoint, newest_checkpoint


@dataclass(frozen=True, kw_only=True)
class CheckpointSettings:
    """When a run is saved: every so many minutes, and after which epochs for good; how many of the newest stay."""

    every_minutes: float
    epochs: list[int]
    keep: int


@dataclass(frozen=True, kw_only=True)
class BoardSettings:
    """Epochs between pictures of filters, and between histograms, in TensorBoard; 0: none."""

    images_every: int
    histograms_every: int


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What conf/train.yaml says besides the images, the network and the recipe."""

    seed: int
    resume: str | None
    checkpoints: CheckpointSettings
    tensorboard: BoardSettings
    evolution: Plan | None


def train(config: DictConfig, run: Run) -> str:
    """Train as configured, in the run's folder; returns "finished" or "stopped"."""
    data, model = build(ImageData, config.data), build(ModelChoice, config.model)
    recipe, settings = build(Recipe, config.training), pick(Settings, config)
    check_weights_stay(model, recipe)
    torch.manual_seed(settings.seed)  # for what a network draws itself, where training.init=keep
    resumed = checkpoint_to_resume(settings.resume, run.folder / "checkpoints")
    if run.world.first:
        data.prepare()
    run.world.wait()
    images, val = data.open("train"), data.open("val")
    run.note(data={"train": images.fingerprint, "val": val.fingerprint, "images": len(images), "val_images": len(val)})
    network = new_network(model, recipe, images) if resumed is None else resumed_network(resumed, model, images)
    if run.world.first:
        describe(network, model, resumed, run.folder)
    run.note(parameters=sum(parameter.numel() for parameter in network.model.parameters()))
    configuration = OmegaConf.to_yaml(config, resolve=True)
    observers = observers_of(network, settings, run, configuration=configuration, hparams=hparams_of(recipe, model))
    with run.stop as stop:
        trainer = Trainer(
            model=network.model, recipe=recipe, frame=network.frame, train=images, val=val,
            hardware=run.hardware, world=run.world, observers=observers, seed=settings.seed, stop=stop,
        )  # fmt: skip
        if resumed is not None:
            trainer.load_state({**resumed["trainer"], "model": resumed["model"]})
        finished = trainer.fit()
    skipped = run.world.gather([*unreadable(images), *unreadable(val)])
    if run.world.first:
        report(run, trainer, sorted({path for of_process in skipped for path in of_process}))
        if not finished:
            print(f"stopped in epoch {trainer.position.epoch + 1} and saved; go on with:\n  {resume_command(run)}")
    return "finished" if finished else "stopped"


def check_weights_stay(model: ModelChoice, recipe: Recipe) -> None:
    """Raise ValueError where the recipe would draw weights over those that were given."""
    if model.weights is not None and recipe.init != "keep":
        raise ValueError(
            f"training.init={recipe.init} would overwrite model.weights={model.weights}: give training.init=keep"
        )


def checkpoint_to_resume(resume: str | None, folder: Path) -> dict[str, Any] | None:
    """The checkpoint to go on from; never a silent start over a run that is there."""
    if resume == "auto":
        found = newest_checkpoint(folder)
        return None if found is None else found[1]
    if resume is not None:
        return load_checkpoint(resume)
    if any(folder.glob("step-*.pt")):
        raise ValueError(f"{folder.parent} already holds a run: give resume=auto to go on with it, or another run_dir")
    return None


def new_network(model: ModelChoice, recipe: Recipe, images: ImageSource) -> Network:
    """As it is before the recipe draws its weights, with the images' classes."""
    frame = make_frame(recipe.input_scale, images, model.input_px)
    arguments = arguments_of(model, images, frame.channels)
    built = build_model(**arguments, weights=model.weights)
    return Network(model=built, frame=frame, wnids=images.wnids, names=images.names, arguments=arguments)


def resumed_network(checkpoint: dict[str, Any], model: ModelChoice, images: ImageSource) -> Network:
    """The checkpoint's. Raises ValueError where another one is asked for."""
    network = network_of(checkpoint, "the checkpoint")
    asked = arguments_of(model, images, network.frame.channels)
    if network.arguments != asked:
        raise ValueError(f"the checkpoint holds {network.arguments}, this run asks for {asked}: give the same model")
    return network


def arguments_of(model: ModelChoice, images: ImageSource, channels: int) -> dict[str, Any]:
    """What build_model is given, but the weights."""
    classes = len(images.wnids)
    arguments = {"name": model.name, "num_classes": classes, "width": model.width, "input_px": model.input_px}
    return arguments if channels == 3 else {**arguments, "channels": channels}


def describe(network: Network, model: ModelChoice, resumed: dict[str, Any] | None, folder: Path) -> None:
    """Where the run goes on, what differs from what was asked for, and the network's layers in summary.txt."""
    if resumed is not None:
        print(f"going on after step {resumed['trainer']['position']['step']}")
    taken = network.frame.channels
    if taken != model.channels:
        print(f"the network takes {taken} channels, as the images have, not model.channels={model.channels}")
    (folder / "summary.txt").write_text(summary(network.model, model.input_px) + "\n")


def observers_of(
    network: Network, settings: Settings, run: Run, *, configuration: str, hparams: Mapping[str, bool | float | str]
) -> list[Observer]:
    """What watches the training; the checkpoints last, so that they save what the others know of the epoch."""
    board = Board(
        events_folder(run.folder), configuration=configuration, hparams=hparams, **asdict(settings.tensorboard)
    )
    observers: list[Observer] = [Console(run.folder), board, StuckLoss()]
    if settings.evolution is not None:
        observers.append(Evolution(settings.evolution, EvolutionFolder(run.folder)))
    kept = settings.checkpoints
    checkpoints = Checkpoints(
        run.folder / "checkpoints", network,
        every_minutes=kept.every_minutes, epochs=tuple(kept.epochs), keep=kept.keep,
    )  # fmt: skip
    return [*observers, checkpoints]


def hparams_of(recipe: Recipe, model: ModelChoice) -> dict[str, bool | float | str]:
    """What runs are told apart by: the recipe and the model."""
    return {
        f"{group}.{name}": value if isinstance(value, int | float | bool) else str(value)
        for group, given in (("training", recipe), ("model", model))
        for name, value in asdict(given).items()
    }


def report(run: Run, trainer: Trainer, skipped: list[str]) -> None:
    """What became of the run, where it lies, and which images could not be read."""
    if skipped:
        print(f"{len(skipped)} images could not be read and were skipped; they are listed in {run.folder}/skipped.txt")
        (run.folder / "skipped.txt").write_text("".join(f"{path}\n" for path in skipped))
    if trainer.history:
        best = min(trainer.history, key=lambda report: report.val_top1_error)
        run.note(
            best={"epoch": best.epoch, "val_top1_error": best.val_top1_error, "val_top5_error": best.val_top5_error}
        )
        print(f"best: epoch {best.epoch}, top-1 error {best.val_top1_error:.1%}, top-5 error {best.val_top5_error:.1%}")
    print(f"run folder: {run.folder}\nTensorBoard: tensorboard --logdir {run.folder}")
