"""About a minute's measurement, and what it says of the hours and the room on the disk that a plan takes."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hydra import compose, initialize_config_dir
from torch import Tensor, nn

from experiments.common.config import build
from experiments.common.network import ModelChoice
from experiments.common.options import CONF
from experiments.reproduction.step import Step
from zfnet import build_model
from zfnet.data import NoiseImages, Subset, make_frame
from zfnet.models import ContrastNorm
from zfnet.training import Hardware, Observer, Recipe, StepReport, Trainer, TrainingRun

PACKED_PER_CORE_S = 200.0  # images that one core packs a second: 5 ms each (scripts/pack_imagenet)
OF_A_STEP = 3.0  # a forward pass is about a third of a training step
COPIES = 4  # of weights and momentum that a run keeps: best.pt, two newest, one being written


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What one step takes: hours of this machine, bytes of the disk."""

    hours: float
    size_bytes: float


class Watch(Observer):
    """Notes when steps ended; `over` once some, and so many seconds, have passed."""

    def __init__(self, at_most_s: float) -> None:
        self.at_most_s, self.ended_s = at_most_s, list[float]()

    def on_step(self, trainer: TrainingRun, report: StepReport) -> None:
        if trainer.world.device.type == "cuda":
            torch.cuda.synchronize()
        self.ended_s.append(time.perf_counter())

    def over(self) -> bool:
        return len(self.ended_s) > 2 and self.ended_s[-1] - self.ended_s[0] > self.at_most_s


def estimates(
    steps: Sequence[Step], *, images: int, val_images: int, classes: int, side_px: int, processes: int = 1,
    measure_s: float = 25.0,
) -> dict[str, Estimate]:  # fmt: skip
    """What each step takes, by name. images, val_images, classes: of the data set; side_px: of its squares.

    ZFNet and AlexNet are trained on noise for measure_s each; the other networks are taken to train as fast as these,
    by their multiply-adds, and several processes as fast as so many machines like this one.
    """
    trainings = {step.work.model: composed(step) for step in steps if step.work.trains and step.work.model}
    per_multiply: dict[str, float] = {}
    for family in ("zfnet", "alexnet"):
        config = trainings[family]
        rate = training_rate(config, classes=classes, side_px=side_px, measure_s=measure_s)
        per_multiply[family] = 1 / rate / network_size(config, classes)[0]
    found = {}
    for step in steps:
        work = step.work
        hours, size_bytes = work.seconds / 3600, 2e7
        if work.pack_px:
            hours += (images + val_images) / PACKED_PER_CORE_S / cores() / 3600
            size_bytes += (images + val_images) * 3 * work.pack_px**2
        if work.model is not None:
            config = trainings[work.model]
            multiplies, parameters = network_size(config, classes)
            per_image_s = multiplies * per_multiply["alexnet" if "alexnet" in work.model else "zfnet"]
            epochs = config.training.epochs if work.trains else 0
            passes = (epochs + work.passes) * val_images / OF_A_STEP
            hours += per_image_s * (epochs * images / processes + passes) / 3600
            kept = len(config.checkpoints.epochs) + COPIES
            size_bytes += 8 * parameters * kept if work.trains else 0
        found[step.name] = Estimate(hours=hours, size_bytes=size_bytes)
    return found


def composed(step: Step) -> Any:
    """The configuration of a training step, as the job will read it."""
    words = [word for word in step.words if "=" in word and not word.startswith("--")]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", words)


def training_rate(config: Any, *, classes: int, side_px: int, measure_s: float) -> float:
    """Images a second that the configuration's network trains on, in this process, on images in memory."""
    recipe, model = build(Recipe, config.training), build(ModelChoice, config.model)
    noise = NoiseImages(4 * recipe.batch_size, max(classes, 2), side_px)
    network = build_model(model.name, num_classes=len(noise.wnids), width=model.width, input_px=model.size_px)
    watch = Watch(measure_s)
    recipe = Recipe(**{**vars(recipe), "epochs": 10_000, "schedule": "constant"})
    trainer = Trainer(
        network, recipe, make_frame(recipe.input_scale, noise, model.size_px), noise, Subset(noise, np.arange(1)),
        hardware=build(Hardware, config.hardware), observers=[watch], stop=watch.over,
    )  # fmt: skip
    trainer.fit()
    first, *others = watch.ended_s  # the first step warms up; an epoch's end validates on one image
    return recipe.batch_size / float(np.median(np.diff([first, *others])))


def network_size(config: Any, classes: int) -> tuple[int, int]:
    """Multiply-adds of an image in convolutions and fully connected layers, and parameters."""
    model = build(ModelChoice, config.model)
    counted: list[int] = []

    def count(module: nn.Module, _: Any, output: Tensor) -> None:
        weight: Any = module.weight
        counted.append(output[0].numel() * weight[0].numel())

    with torch.device("meta"):
        network = build_model(model.name, num_classes=max(classes, 2), width=model.width, input_px=model.size_px)
        for module in list(network.modules()):
            if isinstance(module, nn.Conv2d | nn.Linear):
                module.register_forward_hook(count)
            for name, child in module.named_children():
                if isinstance(
                    child, ContrastNorm
                ):  # which has no meaning without numbers, nor a multiplication by weights
                    setattr(module, name, nn.Identity())
        network.eval()(torch.zeros(1, 3, model.size_px, model.size_px))
    return sum(counted), sum(parameter.numel() for parameter in network.parameters())


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def count_images(root: Path, split: str) -> tuple[int, int]:
    """Files and class folders of root/split, by a look at the folders alone."""
    folders = [folder for folder in (root / split).iterdir() if folder.is_dir()]
    return sum(sum(1 for file in folder.iterdir() if file.is_file()) for folder in folders), len(folders)
