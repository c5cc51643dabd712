"""Train a network: python experiments/train.py data=... model=... training=...  (or experiment=...)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig

from experiments.common.board import Board
from experiments.common.console import Console
from experiments.common.evolution import EvolutionFolder
from experiments.common.job import Run, again, build, start
from experiments.common.skipped import Skipped
from zfnet.analysis.evolution import Evolution, Plan
from zfnet.data.folder import FolderImages
from zfnet.data.frames import make_frame
from zfnet.data.loader import read_left_out
from zfnet.data.opening import ImageData
from zfnet.data.source import ImageSource, check_classes
from zfnet.files import one_line, write_text
from zfnet.models import build_model, summary
from zfnet.training import (
    Checkpoints,
    Network,
    Observer,
    Recipe,
    StuckLoss,
    Trainer,
    load_checkpoint,
    network_of,
    newest_checkpoint,
)


def train(config: DictConfig, run: Run) -> str:
    """Train as configured, in the run's folder; returns "finished" or "stopped"."""
    recipe, data = build(Recipe, config.training), build(ImageData, config.data)
    folder = run.folder / "checkpoints"
    if config.model.weights is not None and recipe.init != "keep":
        raise ValueError(
            f"training.init={recipe.init} would overwrite model.weights={config.model.weights}: give training.init=keep"
        )
    torch.manual_seed(config.seed)  # for what a network draws itself, where training.init=keep
    source, resumed = _resumed(config.resume, folder)
    if run.world.first:
        data.prepare()
    run.world.wait()
    images, val = data.open("train"), data.open("val")
    if run.world.first:
        for split in (images, val):
            if isinstance(split, FolderImages):  # packing has seen to it
                check_classes(split)
    run.note(data={"train": images.fingerprint, "val": val.fingerprint, "images": len(images), "val_images": len(val)})
    if resumed is None:
        network = _network(config.model, recipe, images)
    else:
        network = network_of(resumed, source)
        _check_same(network, _arguments(config.model, images, network.frame.channels))
        if run.world.first:
            print(f"going on after step {resumed['trainer']['position']['step']}")
    if run.world.first:
        taken, asked = network.frame.channels, config.model.channels
        if taken != asked:
            print(f"the network takes {taken} channels, as the images have, not model.channels={asked}")
        (run.folder / "summary.txt").write_text(summary(network.model, config.model.input_px) + "\n")
    run.note(parameters=sum(parameter.numel() for parameter in network.model.parameters()))
    checkpoints = Checkpoints(
        folder, network, config.checkpoints.every_minutes, tuple(config.checkpoints.epochs), config.checkpoints.keep
    )
    board = Board(run.folder / "tensorboard", config, **config.tensorboard)
    observers: list[Observer] = [Console(run.folder), board, StuckLoss()]
    if config.evolution is not None:
        observers.append(Evolution(build(Plan, config.evolution), EvolutionFolder(run.folder)))
    skipped = Skipped(run.world, images, val)
    observers.append(skipped)
    observers.append(checkpoints)  # last, so that it saves what the others know of the epoch
    with run.stop as stop:
        trainer = Trainer(
            network.model, recipe, network.frame, images, val,
            hardware=run.hardware, world=run.world, observers=observers, seed=config.seed, stop=stop,
        )  # fmt: skip
        if resumed is not None:
            trainer.load_state({**resumed["trainer"], "model": resumed["model"]})
        finished = trainer.fit()
    if finished and run.world.first:
        read_left_out(images, recipe.batch_size, config.seed, recipe.epochs)
    paths = skipped.paths()
    if run.world.first:
        _report(run, trainer, paths, finished)
    return "finished" if finished else "stopped"


def _resumed(resume: str | None, folder: Path) -> tuple[Path, dict[str, Any] | None]:
    """The checkpoint to go on from and what it holds; never a silent start over a run that is there."""
    if resume == "auto":
        return newest_checkpoint(folder) or (folder, None)
    if resume is not None:
        return Path(resume), load_checkpoint(resume, to_resume=True)
    if any(folder.glob("step-*.pt")):
        raise ValueError(f"{folder.parent} already holds a run: give resume=auto to go on with it, or another run_dir")
    return folder, None


def _network(config: DictConfig, recipe: Recipe, images: ImageSource) -> Network:
    frame = make_frame(recipe.input_scale, images, config.input_px)
    arguments = _arguments(config, images, frame.channels)
    model = build_model(**arguments, weights=config.weights)
    return Network(model, frame, images.wnids, images.names, arguments)


def _arguments(config: DictConfig, images: ImageSource, channels: int) -> dict[str, Any]:
    classes = len(images.wnids)
    arguments = {"name": config.name, "num_classes": classes, "width": config.width, "input_px": config.input_px}
    return arguments if channels == 3 else {**arguments, "channels": channels}


def _check_same(network: Network, asked: dict[str, Any]) -> None:
    """A resumed run trains the checkpoint's network; asking for another is an error."""
    if network.arguments != asked:
        raise ValueError(f"the checkpoint holds {network.arguments}, this run asks for {asked}: give the same model")


def _report(run: Run, trainer: Trainer, skipped: list[str], finished: bool) -> None:
    if skipped:
        print(f"{len(skipped)} images could not be read and were skipped; they are listed in {run.folder}/skipped.txt")
        write_text(run.folder / "skipped.txt", "".join(f"{one_line(path)}\n" for path in skipped))
    if trainer.history:
        best = min(trainer.history, key=lambda report: report.val_top1_error)
        run.note(
            best={"epoch": best.epoch, "val_top1_error": best.val_top1_error, "val_top5_error": best.val_top5_error}
        )
        print(f"best: epoch {best.epoch}, top-1 error {best.val_top1_error:.1%}, top-5 error {best.val_top5_error:.1%}")
    print(f"run folder: {run.folder}\nTensorBoard: tensorboard --logdir {run.folder}")
    if not finished:
        print(f"stopped in epoch {trainer.position.epoch + 1} and saved; go on with:\n  {again(run)}")


if __name__ == "__main__":
    start(train, "train")
