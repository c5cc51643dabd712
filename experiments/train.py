"""Train a network: python experiments/train.py data=... model=... training=...  (or experiment=...)."""

from __future__ import annotations

from experiments.common.job import Run, resume_command, start

if __name__ == "__main__":
    start("experiments.train:train")

import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from experiments.common.config import build, pick
from experiments.common.events import events_folder
from experiments.common.images import check_one_label
from experiments.common.network import ModelChoice
from experiments.common.quiet import say
from experiments.observers.console import Console
from experiments.observers.evolution_folder import EvolutionFolder
from experiments.observers.skipped import Skipped
from experiments.observers.tensorboard import Board
from zfnet.analysis.evolution import Evolution, Plan
from zfnet.data import FolderImages, ImageData, ImageSource, ShuffledLabels, check_classes, make_frame, read_left_out
from zfnet.files import one_line, write_text
from zfnet.models import build_model, summary
from zfnet.network import Network, network_of
from zfnet.training import (
    Checkpoints,
    Observer,
    Recipe,
    StuckLoss,
    Trainer,
    load_checkpoint,
    newest_checkpoint,
    step_checkpoints,
)


@dataclass(frozen=True, kw_only=True)
class CheckpointSettings:
    """When a run is saved: every so many minutes, and after which epochs for good; how many of the newest stay."""

    every_minutes: float
    epochs: list[int]
    keep: int


@dataclass(frozen=True, kw_only=True)
class BoardSettings:
    """Epochs between pictures of filters, between histograms, and between sheets of mistakes; 0: none."""

    images_every: int
    histograms_every: int
    mistakes_every: int


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What conf/train.yaml says besides the images, the network and the recipe."""

    seed: int
    shuffle_labels: int | None
    resume: str | None
    checkpoints: CheckpointSettings
    tensorboard: BoardSettings
    evolution: Plan | None


def train(config: DictConfig, run: Run) -> str:
    """Train as configured, in the run's folder; returns "finished" or "stopped"."""
    data, model = build(ImageData, config.data), build(ModelChoice, config.model)
    recipe, settings = build(Recipe, config.training), pick(Settings, config)
    check_weights_stay(model, recipe)
    check_one_label(data)
    torch.manual_seed(settings.seed)  # for what a network draws itself, where training.init=keep
    source, resumed = checkpoint_to_resume(settings.resume, run.folder / "checkpoints")
    images, val = opened(data, run, settings.shuffle_labels)
    network = new_network(model, recipe, images) if resumed is None else resumed_network(resumed, source, model, images)
    if run.world.first:
        describe(network, model, resumed, run.folder)
    run.note(parameters=sum(parameter.numel() for parameter in network.model.parameters()))
    skipped = Skipped(run.world, images, val)
    board = Board(
        events_folder(run.folder),
        configuration=as_trained(config, network),
        hparams=hparams_of(recipe, model, network),
        **asdict(settings.tensorboard),
    )
    observers = observers_of(network, settings, run, skipped=skipped, board=board)
    with run.stop as stop:
        trainer = Trainer(
            network.model, recipe, network.frame, images, val,
            hardware=run.hardware, world=run.world, observers=observers, seed=settings.seed, stop=stop,
        )  # fmt: skip
        if resumed is not None:
            trainer.load_state({**resumed["trainer"], "model": resumed["model"]})
        finished = trainer.fit()
    if finished and run.world.first:
        read_left_out(images, recipe.batch_size, settings.seed, recipe.epochs)
    paths = skipped.paths()
    if run.world.first:
        report(run, trainer, paths)
        if not finished:
            say(f"stopped in epoch {trainer.position.epoch + 1} and saved; go on with:\n  {resume_command(run)}")
    return "finished" if finished else "stopped"


def check_weights_stay(model: ModelChoice, recipe: Recipe) -> None:
    """Raise ValueError where the recipe would draw weights over those that were given."""
    if model.weights is not None and recipe.init != "keep":
        raise ValueError(
            f"training.init={recipe.init} would overwrite model.weights={model.weights}: give training.init=keep"
        )


def checkpoint_to_resume(resume: str | None, folder: Path) -> tuple[Path, dict[str, Any] | None]:
    """The checkpoint to go on from and what it holds; never a silent start over a run that is there."""
    if resume == "auto":
        return newest_checkpoint(folder) or (folder, None)
    if resume is not None:
        return Path(resume), load_checkpoint(resume, to_resume=True)
    if step_checkpoints(folder):
        raise ValueError(f"{folder.parent} already holds a run: give resume=auto to go on with it, or another run_dir")
    return folder, None


def opened(data: ImageData, run: Run, shuffle_labels: int | None) -> tuple[ImageSource, ImageSource]:
    """The training and the validation images. Raises ValueError for a class of which no image can be read."""
    if run.world.first:
        data.prepare()
    run.world.wait()
    images, val = data.open("train"), data.open("val")
    if run.world.first:
        for split in (images, val):
            if isinstance(split, FolderImages):  # packing has seen to it
                check_classes(split)
    images = images if shuffle_labels is None else ShuffledLabels(images, shuffle_labels)
    run.note(data={"train": images.fingerprint, "val": val.fingerprint, "images": len(images), "val_images": len(val)})
    return images, val


def new_network(model: ModelChoice, recipe: Recipe, images: ImageSource) -> Network:
    """A network as it is before training, with the images' classes and the recipe's frame."""
    frame = make_frame(recipe.input_scale, images, model.size_px)
    arguments = arguments_of(model, images, frame.channels)
    network = build_model(**arguments, weights=model.weights)
    return Network(model=network, frame=frame, wnids=images.wnids, names=images.names, arguments=arguments)


def resumed_network(resumed: dict[str, Any], source: Path, model: ModelChoice, images: ImageSource) -> Network:
    """The checkpoint's network. Raises ValueError where this run asks for another."""
    network = network_of(resumed, source)
    asked = arguments_of(model, images, network.frame.channels)
    if network.arguments != asked:
        raise ValueError(f"the checkpoint holds {network.arguments}, this run asks for {asked}: give the same model")
    return network


def arguments_of(model: ModelChoice, images: ImageSource, channels: int) -> dict[str, Any]:
    """build_model's arguments, but the weights."""
    classes = len(images.wnids)
    arguments = {"name": model.name, "num_classes": classes, "width": model.width, "input_px": model.size_px}
    return arguments if channels == 3 else {**arguments, "channels": channels}


def describe(network: Network, model: ModelChoice, resumed: dict[str, Any] | None, folder: Path) -> None:
    """Where the run goes on, what differs from what was asked for, and the network's layers in summary.txt."""
    if resumed is not None:
        print(f"going on after step {resumed['trainer']['position']['step']}")
    if (taken := network.frame.channels) != model.channels:
        print(f"the network takes {taken} channels, as the images have, not model.channels={model.channels}")
    write_text(folder / "summary.txt", summary(network.model, model.size_px) + "\n")


def observers_of(
    network: Network, settings: Settings, run: Run, *, skipped: Observer, board: Observer
) -> list[Observer]:
    """What watches the training, in order: what an epoch is saved with, the checkpoints, and then what is shown."""
    kept = settings.checkpoints
    checkpoints = Checkpoints(
        run.folder / "checkpoints", network,
        every_minutes=kept.every_minutes, epochs=tuple(kept.epochs), keep=kept.keep,
    )  # fmt: skip
    evolution = [] if settings.evolution is None else [Evolution(settings.evolution, EvolutionFolder(run.folder))]
    return [*evolution, skipped, checkpoints, Console(run.folder), board, StuckLoss()]


def as_trained(config: DictConfig, network: Network) -> str:
    """The configuration as YAML, with what the data decided: the number of classes and of channels."""
    asked = config.copy()
    OmegaConf.resolve(asked)
    for name, value in (("num_classes", len(network.wnids)), ("channels", network.frame.channels)):
        OmegaConf.update(asked, f"model.{name}", value, force_add=True)
    return OmegaConf.to_yaml(asked)


def hparams_of(recipe: Recipe, model: ModelChoice, network: Network) -> Mapping[str, bool | float | str]:
    """What runs are told apart by, in the order of TensorBoard's columns: rate, width and recipe first."""
    model = replace(model, num_classes=len(network.wnids), channels=network.frame.channels)  # as the data decided
    flat = {
        f"{group}.{name}": value
        for group, chosen in (("training", recipe), ("model", model))
        for name, value in asdict(chosen).items()
    }
    flat["training"] = HydraConfig.get().runtime.choices.get("training", "")  # paper, modern ...
    first = dict.fromkeys(("training.learning_rate", "model.width", "training", "model.name"))
    return {
        name: flat[name] if isinstance(flat[name], int | float | bool) else str(flat[name]) for name in first | flat
    }


def report(run: Run, trainer: Trainer, skipped: list[str]) -> None:
    """What was skipped, the best epoch, and where to look."""
    if skipped:
        say(f"{len(skipped)} images could not be read and were skipped; they are listed in {run.folder}/skipped.txt")
        write_text(run.folder / "skipped.txt", "".join(f"{one_line(path)}\n" for path in skipped))
    if trainer.history:
        best = min(trainer.history, key=lambda report: report.val_top1_error)
        run.note(
            best={"epoch": best.epoch, "val_top1_error": best.val_top1_error, "val_top5_error": best.val_top5_error}
        )
        say(f"best: epoch {best.epoch}, top-1 error {best.val_top1_error:.1%}, top-5 error {best.val_top5_error:.1%}")
    say(f"run folder: {run.folder}\nTensorBoard: tensorboard --logdir {shlex.quote(str(run.folder))}")
