"""The training loop over few and over many images: time to the first step, steps a second, memory.

scripts/bench many_images                          2,000 and 1,281,167 images (ImageNet's) of 256 px, a small ZFNet

The packs are sparse files: their pixels are all 0 and take no room, their labels are drawn. Each is trained on in a
process of its own, in turn, so that neither finds what the other has left in memory.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from harness import black_pack, hardware, table

from zfnet import build_model
from zfnet.data import make_frame
from zfnet.data.pack import open_pack
from zfnet.runs import peak_memory_mib
from zfnet.training import Hardware, Observer, Recipe, StepReport, Trainer, TrainingRun, World, keep_freed_memory

SIDE_PX, SIZE_PX, CLASSES = 256, 224, 1000
WARM_UP = 3


class Clock(Observer):
    """When each step ended; the loop is stopped after so many."""

    def __init__(self, steps: int) -> None:
        self.steps, self.ended_s = steps, list[float]()
        self.wait_s = list[float]()

    def on_step(self, trainer: TrainingRun, report: StepReport) -> None:
        self.ended_s.append(time.perf_counter())
        self.wait_s.append(report.wait_s)

    def enough(self) -> bool:
        return len(self.ended_s) >= self.steps


def train(folder: Path, out: Path, given: argparse.Namespace) -> None:
    """A process of its own: writes what it measured."""
    keep_freed_memory()
    began_s = time.perf_counter()
    images = open_pack(folder)
    clock = Clock(given.steps + WARM_UP)
    model = build_model("zfnet", CLASSES, width=given.width, input_px=SIZE_PX)
    recipe = Recipe(epochs=1, batch_size=given.batch, init="kaiming", input_scale="unit", views="anywhere")
    frame = make_frame("torchvision", images, SIZE_PX)
    trainer = Trainer(
        model, recipe, frame, images, images, hardware=Hardware(), world=World(), observers=[clock], stop=clock.enough
    )
    trainer.fit()
    steps_s = np.diff(clock.ended_s[WARM_UP - 1 :])
    told = {
        "start_s": clock.ended_s[0] - began_s - float(np.median(steps_s)),
        "step_s": statistics.median(steps_s.tolist()),
        "wait_share": sum(clock.wait_s[WARM_UP:]) / float(steps_s.sum()),
        "peak_mib": peak_memory_mib(),
    }
    out.write_text(json.dumps(told))


def measure(folder: Path, given: argparse.Namespace) -> dict[str, float]:
    out = folder.with_suffix(".json")
    process = multiprocessing.get_context("spawn").Process(target=train, args=(folder, out, given))
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(f"the training on {folder.name} images failed")
    told: dict[str, float] = json.loads(out.read_text())
    return told


def main() -> None:
    parser = argparse.ArgumentParser("scripts/bench many_images", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=int, nargs="+", default=[2_000, 1_281_167])
    parser.add_argument("--width", type=float, default=0.0625, help="of the network (default 1/16)")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=12, help="counted ones (default 12, of the 15 of 2,000 images)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work", type=Path, help="an existing folder on a disk that keeps sparse files")
    given = parser.parse_args()
    print(hardware())
    with tempfile.TemporaryDirectory(prefix="bench_many_", dir=given.work) as work:
        folders = {count: Path(work) / str(count) for count in given.images}
        for count, folder in folders.items():
            black_pack(folder, count, SIDE_PX, CLASSES)
        rounds = [{count: measure(folder, given) for count, folder in folders.items()} for _ in range(given.rounds)]
    first, rows = given.images[0], []
    for count in given.images:
        of = {name: statistics.median(one[count][name] for one in rounds) for name in rounds[0][count]}
        ratio = statistics.median(one[first]["step_s"] / one[count]["step_s"] for one in rounds)
        cells = f"{of['start_s']:.2f}", f"{1 / of['step_s']:.2f}", f"{ratio:.3f}", f"{100 * of['wait_share']:.1f} %"
        rows.append([f"{count:,}", *cells, f"{of['peak_mib']:,.0f}"])
    head = ["images", "start, s", "steps/s", "times the first's", "waiting for images", "peak memory, MiB"]
    print(table(head, rows))


if __name__ == "__main__":
    main()
