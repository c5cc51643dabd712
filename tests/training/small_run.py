"""A small network in training, for tests of the loop."""

from __future__ import annotations

import torch

from zfnet import build_model
from zfnet.data.frame import make_frame
from zfnet.training import Recipe, Trainer

RECIPE = Recipe(epochs=4, batch_size=8, learning_rate=0.01, init="kaiming", input_scale="unit", views="anywhere")


def trainer_on(source, val, recipe: Recipe = RECIPE, **options) -> Trainer:
    torch.manual_seed(99)  # the trainer's own seed decides, not this one
    model = build_model("zfnet", len(source.wnids), width=0.05, input_px=64)
    return Trainer(model, recipe, make_frame(recipe.input_scale, source, 64), source, val, **options)


def weights(trainer: Trainer) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}
