"""Following features in training (Fig. 4, search=online): what it adds to the steps and to the end of an epoch.

scripts/bench evolution            experiment=tiny_imagenet_cpu's network and batches, random images; two minutes or so
scripts/bench evolution --width 1 --input 224 --batch 128 --images 1281167 --device cuda

Training steps take turns, with and without the hooks; then the end of a chosen epoch (the probe, five layers' views cut
and projected, arrays and TensorBoard pictures written) and of another one (the probe and its arrays) are timed on the
same network. Both are set against the steps of an epoch of `--images`.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from harness import hardware, table
from train import synchronize

from experiments.observers.evolution_folder import EvolutionFolder
from zfnet import Deconvnet, build_model
from zfnet.analysis.evolution import OnlineSearch, Plan, ReferenceImages, moment_at, watch_maps
from zfnet.data import InputFrame, NoiseImages
from zfnet.training import (
    Hardware,
    Observer,
    Recipe,
    Seen,
    StepReport,
    Trainer,
    TrainingRun,
    join_world,
    keep_freed_memory,
)

WARM_UP = 6


class Turns(Observer):
    """Looks at every second step, and keeps the seconds of both kinds; then the end of an epoch, several times."""

    def __init__(self, plan: Plan, rounds: int) -> None:
        self.plan, self.rounds = plan, rounds
        self.step_s: dict[bool, list[float]] = {True: [], False: []}
        self.end_s: dict[bool, list[float]] = {True: [], False: []}

    def on_start(self, trainer: TrainingRun) -> None:
        self.deconvnet = Deconvnet(trainer.model)
        self.probe = ReferenceImages(trainer.val, trainer.frame, self.plan.probe_images, self.plan.probe_projections, 0)
        self.watched = watch_maps(self.deconvnet, self.probe, self.plan)
        self.search = OnlineSearch(trainer.model, self.watched, trainer.world.device)
        self._began_s = time.perf_counter()

    def on_batch(self, trainer: TrainingRun, seen: Seen) -> None:
        if trainer.position.step % 2:
            self.search.see(seen)

    def on_step(self, trainer: TrainingRun, report: StepReport) -> None:
        self.search.end()
        synchronize(trainer.world)
        if report.step > WARM_UP:
            self.step_s[report.step % 2 == 0].append(time.perf_counter() - self._began_s)
        self._began_s = time.perf_counter()

    def on_validation(self, trainer: TrainingRun) -> None:
        with tempfile.TemporaryDirectory() as folder:
            keeper = EvolutionFolder(Path(folder))
            keeper.begin(0)
            for epoch in range(2 * (self.rounds + 1)):
                chosen = epoch % 2 == 0
                found = self.search.strongest if chosen else {}
                begun_s = time.perf_counter()
                keeper.keep(
                    moment_at(epoch, self.deconvnet, self.probe, self.watched, trainer.train, found, {})
                )  # fmt: skip
                if epoch > 1:
                    self.end_s[chosen].append(time.perf_counter() - begun_s)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--width", type=float, default=0.5)
    parser.add_argument("--input", type=int, default=112, help="pixels")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=66)
    parser.add_argument("--rounds", type=int, default=3, help="ends of epochs")
    parser.add_argument("--images", type=int, default=20_000, help="of an epoch, for the shares")
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    keep_freed_memory()
    world, tools = join_world(given.device), Hardware(device=given.device)
    recipe = Recipe(epochs=1, batch_size=given.batch, init="kaiming", input_scale="unit", views="anywhere")
    side_px = given.input * 8 // 7
    train, val = NoiseImages(given.batch * given.steps, 40, side_px), NoiseImages(2000, 40, side_px)
    frame = InputFrame(side_px, given.input, torch.from_numpy(train.mean()), torch.full((3, 1, 1), 60.0))
    model = build_model("zfnet", 40, width=given.width, input_px=given.input)
    turns = Turns(Plan(), given.rounds)
    Trainer(model, recipe, frame, train, val, hardware=tools, world=world, observers=[turns]).fit()
    report(turns, given.images // given.batch)
    print(f"{hardware()}\nZFNet width {given.width} at {given.input} px, batches of {given.batch}")


def report(turns: Turns, steps: int) -> None:
    median: Callable[[list[float]], float] = statistics.median
    without, looked = turns.step_s[False], turns.step_s[True]
    pairs = list(zip(looked, without, strict=False))
    more, more_s = median([on / off - 1 for on, off in pairs]), median([on - off for on, off in pairs])
    epoch_s = steps * median(without)
    ends = {chosen: median(seconds) for chosen, seconds in turns.end_s.items()}
    rows = [
        [f"a step of {1e3 * median(without):.0f} ms", f"{1e3 * more_s:+.1f} ms", f"{more:+.1%}"],
        ["the end of a chosen epoch", f"{ends[True]:+.2f} s", f"{ends[True] / epoch_s:+.1%} of its {steps} steps"],
        ["the end of another epoch", f"{ends[False]:+.2f} s", f"{ends[False] / epoch_s:+.1%} of its {steps} steps"],
    ]
    print(table(["", "more with evolution", f"share (medians of {len(pairs)} pairs of steps)"], rows))
    print(f"a chosen epoch takes {more + ends[True] / epoch_s:.1%} longer, another {ends[False] / epoch_s:.1%}")


if __name__ == "__main__":
    main()
