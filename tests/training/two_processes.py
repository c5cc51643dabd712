"""Run under torchrun by test_parallel.py, in float64 where numbers are compared; rank 0 writes the outcomes."""

import multiprocessing
import os
import sys
import time
from pathlib import Path

import torch
from array_source import ArraySource
from torch import nn

from experiments.observers.tensorboard import Board
from zfnet import build_model
from zfnet.data.frame import make_frame
from zfnet.data.source import UNREADABLE
from zfnet.training import Hardware, Recipe, Trainer, VanishedImages, evaluate, join_world, leave_world


class Partly(ArraySource):
    """Some images of it are gone, or take the worker that reads them with them."""

    gone: tuple[int, ...] = ()
    deadly: tuple[int, ...] = ()

    def read(self, indices):
        if set(self.deadly) & set(indices) and multiprocessing.parent_process() is not None:
            os._exit(0)  # unseen until its batch is missed: torch lets a kill be raised anywhere, in C++ threads too
        images, labels = super().read(indices)
        for place, index in enumerate(indices):
            if index in self.gone:
                labels[place] = UNREADABLE
        return images, labels


def trainer_on(world, source, val, recipe: Recipe, width: float = 0.02, **options) -> Trainer:
    model = build_model("zfnet", 4, width=width, input_px=64).double()
    model.register_forward_pre_hook(lambda _module, inputs: (inputs[0].double(),))
    return Trainer(model, recipe, make_frame("unit", source, 64), source, val, world=world, **options)


def outcome(world, **options) -> dict[str, object]:
    """Ten steps and two validation passes."""
    recipe = Recipe(
        epochs=2, batch_size=8, dropout=0.0, init="kaiming", input_scale="unit", views="anywhere", **options
    )  # fmt: skip
    trainer = trainer_on(world, ArraySource(44, 4, 72, 0), ArraySource(13, 4, 72, 1), recipe, width=0.05)
    trainer.fit()
    last = trainer.history[-1]
    return {
        "weights": trainer.state()["model"],
        "errors": [last.train_loss, last.train_top1_error, last.val_loss, last.val_top1_error, last.val_top5_error],
        "steps": trainer.position.step,
        "rate": trainer.learning_rate,
    }


# conf/training/paper_large_batch.yaml at a size that a test has: a batch of 8 times the rule's, warm after one epoch
LARGE = {"linear_rule_batch": 1, "warmup_epochs": 1, "learning_rate": 0.002}


def fewer_images_than_processes(world, folder: Path) -> bool:
    """Validation on one image, with TensorBoard: the second process has none."""
    board = Board(folder, configuration="", hparams={}, mistakes_every=1)
    recipe = Recipe(epochs=1, batch_size=8, init="kaiming", input_scale="unit")
    return trainer_on(world, ArraySource(16, 4, 72, 0), Partly(1, 4, 72, 1), recipe, observers=[board]).fit()


def images_gone_on_one(world) -> str:
    """The images of rank 1's half of every batch are gone from a step on; it takes both halves to be a batch."""
    source = Partly(400, 4, 72, 0)
    trainer = trainer_on(world, source, ArraySource(4, 4, 72, 1), Recipe(epochs=1, batch_size=8, input_scale="unit"))

    def stop() -> bool:
        source.gone = range(400) if world.rank == 1 and trainer.position.step > 25 else ()
        return False

    trainer._stop = stop
    try:
        trainer.fit()
    except VanishedImages as error:
        return f"step {trainer.position.step}: {error}"
    return "trained on"


def stopped_with_a_dead_reader(world) -> list[object]:
    """Rank 1 is asked to stop and has lost the worker that reads for it."""
    source, recipe = Partly(80, 4, 72, 0), Recipe(epochs=1, batch_size=8, input_scale="unit")
    source.deadly = tuple(range(80)) if world.rank else ()
    trainer = trainer_on(world, source, ArraySource(4, 4, 72, 1), recipe, hardware=Hardware(workers=1))
    trainer._stop, trainer._check_every = lambda: world.rank == 1, 4  # as GPUs, which agree every few steps
    return [trainer.fit(), trainer.position.step]


def batch_statistics(world) -> tuple[float, float]:
    """The validation loss that is reported, and that of the weights and statistics that are saved."""
    source, val = ArraySource(32, 4, 32, 0), ArraySource(13, 4, 32, 1)
    layers = [nn.Conv2d(3, 8, 5), nn.BatchNorm2d(8), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4)]
    recipe = Recipe(epochs=1, batch_size=8, init="keep", input_scale="unit")
    trainer = Trainer(nn.Sequential(*layers), recipe, make_frame("unit", source, 28), source, val, world=world)
    trainer.fit()
    trainer.model.load_state_dict(world.from_first(trainer.state()["model"]))
    return trainer.history[-1].val_loss, evaluate((trainer.model, trainer.frame), val, batch_size=8).loss


def joined_again() -> list[int]:
    """The next job of a sweep: the first process comes to it late, when the other may find what it left before."""
    leave_world()
    time.sleep(1.0 if os.environ["RANK"] == "0" else 0.0)
    world = join_world("cpu")
    return world.gather(world.rank)


def first_draw(world) -> float:
    """What dropout would draw from."""
    trainer_on(world, ArraySource(16, 4, 72, 0), ArraySource(4, 4, 72, 1), Recipe(batch_size=8, input_scale="unit"))
    return torch.rand(1).item()


if __name__ == "__main__":
    world = join_world("cpu")
    found: dict[str, object] = {"numbers": outcome(world)}
    found["large"] = outcome(world, **LARGE)
    found["fewer"] = world.gather(fewer_images_than_processes(world, Path(sys.argv[1]).parent / "events"))
    found["gone"] = world.gather(images_gone_on_one(world))
    found["stopped"] = world.gather(stopped_with_a_dead_reader(world))
    found["statistics"] = batch_statistics(world)
    found["draws"] = world.gather(first_draw(world))
    found["again"] = joined_again()
    if world.first:
        torch.save(found, sys.argv[1])
    leave_world()
