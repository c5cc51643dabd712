"""A training step through our loop, beside the bare forward, backward and optimiser step of the same network."""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from harness import hardware, noise_pack, table

from zfnet import build_model
from zfnet.data import InputFrame, crop_views, training_order, training_views
from zfnet.data.pack import open_pack
from zfnet.training import (
    Hardware,
    Observer,
    Recipe,
    StepReport,
    Trainer,
    TrainingRun,
    World,
    join_world,
    keep_freed_memory,
)


class TakeTurns(Observer):
    """After each of the loop's steps, the bare step on the same batch; keeps both times."""

    def __init__(self, bare: Any) -> None:
        self.bare, self.loop_s, self.bare_s = bare, list[float](), list[float]()
        self.clock = bare.clock
        self._ended_s = self.clock()

    def on_start(self, trainer: TrainingRun) -> None:
        self._ended_s = self.clock()

    def on_step(self, trainer: TrainingRun, report: StepReport) -> None:
        synchronize(trainer.world)
        self.loop_s.append(self.clock() - self._ended_s)
        self.bare_s.append(self.bare(trainer, trainer.position.batch - 1))
        self._ended_s = self.clock()


def synchronize(world: World) -> None:
    if world.device.type == "cuda":
        torch.cuda.synchronize()


class BareStep:
    """Forward, backward and SGD on the batch that the loop just saw, already cut and on the device."""

    def __init__(
        self, model: torch.nn.Module, recipe: Recipe, tools: Hardware, world: World, clock: Callable[[], float]
    ) -> None:
        self.clock = clock
        self.model = model.to(world.device).to(memory_format=tools.memory_format())
        weights = [parameter for parameter in self.model.parameters() if parameter.ndim > 1]
        vectors = [parameter for parameter in self.model.parameters() if parameter.ndim == 1]
        groups = [{"params": weights, "weight_decay": recipe.weight_decay}, {"params": vectors, "weight_decay": 0.0}]
        self.optimizer = torch.optim.SGD(groups, recipe.learning_rate, recipe.momentum, fused=tools.fused or None)
        self.autocast, self.world = tools.autocast(world.device), world

    def __call__(self, trainer: TrainingRun, batch: int) -> float:
        size = trainer.recipe.batch_size
        order = training_order(len(trainer.train), trainer.seed, trainer.position.epoch)
        indices = torch.from_numpy(order[batch * size : (batch + 1) * size].copy())
        frame = trainer.frame
        views = training_views(
            trainer.recipe.views, len(trainer.train), frame.side_px, frame.size_px, trainer.seed, trainer.position.epoch
        )
        images, labels = trainer.train.read(indices.tolist())
        ready = crop_views(images.to(self.world.device), views[indices], frame)
        truth = labels.to(self.world.device)
        synchronize(self.world)
        began_s = self.clock()
        with self.autocast():
            scores = self.model(ready)
        F.cross_entropy(scores.float(), truth).backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        synchronize(self.world)
        return self.clock() - began_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=float, default=0.5)
    parser.add_argument("--input", type=int, default=112, help="pixels")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--classes", type=int, default=40)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--processor", action="store_true", help="processor time, for a machine with other work")
    parser.add_argument("--plain-sgd", action="store_true", help="SGD a weight at a time in both, as torch has it")
    given = parser.parse_args()
    keep_freed_memory()  # as our jobs do; the bare step gains from it alike
    world, tools = join_world(), Hardware(precision=given.precision, fused=not given.plain_sgd)
    recipe = Recipe(epochs=1, batch_size=given.batch, init="kaiming", input_scale="unit", views="anywhere")
    side_px = given.input * 8 // 7
    frame = InputFrame(side_px, given.input, torch.full((3, side_px, side_px), 127.5), torch.full((3, 1, 1), 60.0))
    models = [build_model("zfnet", given.classes, width=given.width, input_px=given.input) for _ in range(2)]
    clock = time.process_time if given.processor else time.perf_counter
    turns = TakeTurns(BareStep(models[1].train(), recipe, tools, world, clock))
    with tempfile.TemporaryDirectory() as work:
        packs = []
        for name, count in (("train", given.batch * given.steps), ("val", given.batch)):
            noise_pack(Path(work) / name, count, side_px, given.classes)
            packs.append(open_pack(Path(work) / name))
        Trainer(models[0], recipe, frame, *packs, hardware=tools, world=world, observers=[turns]).fit()
    loop_s, bare_s = turns.loop_s[3:], turns.bare_s[3:]  # the first steps warm up
    ratio = statistics.median(a / b for a, b in zip(loop_s, bare_s, strict=True))
    rows = [
        [name, f"{1e3 * statistics.median(times):.0f}", f"{given.batch / statistics.median(times):.0f}"]
        for name, times in (("our loop, data to filter limit", loop_s), ("bare step, batch ready", bare_s))
    ]
    print(f"{hardware()}\nZFNet width {given.width} at {given.input} px, batches of {given.batch}, {len(loop_s)} steps")
    print(table(["step", "median ms", "images/s"], rows))
    print(f"our loop takes {ratio:.3f} times the bare step (median of the ratios step by step)")


if __name__ == "__main__":
    main()
