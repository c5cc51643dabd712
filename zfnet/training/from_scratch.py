"""A network trained from scratch on a fold's few images: what transfer is measured against (Tables 4 and 5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zfnet.data import Fold, ImageSource, Subset, make_frame
from zfnet.models import build_model
from zfnet.training.loop import Trainer
from zfnet.training.machine import Hardware, World
from zfnet.training.observer import Observer
from zfnet.training.recipe import Recipe
from zfnet.training.scoring import evaluate

BATCH_SIZE = 128  # of testing


@dataclass(frozen=True)
class Attempt:
    """predicted (m,): the class of each of the fold's test images; train_error (0..1): of its training images."""

    predicted: NDArray[np.int64]
    train_error: float


def train_from_scratch(
    arguments: Mapping[str, Any],
    recipe: Recipe,
    source: ImageSource,
    fold: Fold,
    *,
    views: int = 1,
    hardware: Hardware | None = None,
    device: torch.device | None = None,
    observers: Sequence[Observer] = (),
    stop: Callable[[], bool] = lambda: False,
) -> Attempt | None:
    """Train build_model(**arguments), with the source's classes, on fold.train alone, and classify fold.test.

    The fold's seed draws the weights, the order and the views; the mean and the scale of the input are the training
    images'. The weights after the last epoch count: no test image is looked at before, and schedule="plateau" follows
    the training error. None where `stop` ended it early.
    """
    hardware, world = hardware or Hardware(), World(device=device or torch.device("cpu"))
    torch.manual_seed(fold.seed)  # for what a network draws itself, where recipe.init is "keep"
    model = build_model(**{**arguments, "num_classes": len(source.wnids)})
    train, test = Subset(source, fold.train), Subset(source, fold.test)
    frame = make_frame(recipe.input_scale, train, arguments["input_px"])
    watched = train if recipe.schedule == "plateau" else Subset(source, fold.train[:1])  # nothing else asks after it
    trainer = Trainer(
        model, recipe, frame, train, watched,
        hardware=hardware, world=world, observers=observers, seed=fold.seed, stop=stop,
    )  # fmt: skip
    if not trainer.fit():
        return None
    predicted = np.zeros(len(test), np.int64)

    def keep(indices: Tensor, labels: Tensor, log_probabilities: Tensor) -> None:
        predicted[indices.numpy()] = log_probabilities.argmax(1).cpu().numpy()

    member = trainer.model, trainer.frame
    shared: dict[str, Any] = {"batch_size": BATCH_SIZE, "world": world, "autocast": trainer.stepper.autocast}
    evaluate(member, test, views=views, workers=trainer.workers(test), on_batch=keep, **shared)
    learned = evaluate(member, train, workers=trainer.workers(train), **shared)
    return Attempt(predicted, learned.top1_error)
