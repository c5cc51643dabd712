"""Run under torchrun by test_parallel.py: ten steps and a validation pass in float64; rank 0 writes the outcome."""

import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from array_source import ArraySource

from zfnet import build_model
from zfnet.data.frame import make_frame
from zfnet.training import Recipe, Trainer, join_world, leave_world


def outcome(world) -> dict[str, object]:
    recipe = Recipe(epochs=2, batch_size=8, dropout=0.0, init="kaiming", input_scale="unit", views="anywhere")
    source, val = ArraySource(44, 4, 72, 0), ArraySource(13, 4, 72, 1)
    model = build_model("zfnet", 4, width=0.05, input_px=64).double()
    frame = make_frame("unit", source, 64)
    model.register_forward_pre_hook(lambda _module, inputs: (inputs[0].double(),))
    trainer = Trainer(model, recipe, frame, source, val, world=world)
    trainer.fit()
    last = trainer.history[-1]
    return {
        "weights": trainer.state()["model"],
        "errors": [last.train_loss, last.train_top1_error, last.val_loss, last.val_top1_error, last.val_top5_error],
        "steps": trainer.position.step,
    }


if __name__ == "__main__":
    world = join_world("cpu")
    result = outcome(world)
    if world.first:
        torch.save(result, sys.argv[1])
    leave_world()
