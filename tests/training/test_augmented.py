"""Training with augmentation: exact resuming (law 9), what a step sees, and checkpoints from before there was any."""

import copy

import pytest
import torch

from zfnet import build_model
from zfnet.data.augment import Augmentation
from zfnet.data.frame import make_frame
from zfnet.data.views import crop_views, training_views
from zfnet.training import Hardware, Observer, Recipe, Trainer

LIMITS = {"rotation_deg": 40.0, "shift": 0.2, "shear": 0.2, "zoom": 0.2}
RECIPE = Recipe(
    epochs=2, batch_size=8, learning_rate=0.01, init="kaiming", input_scale="unit", views="anywhere", **LIMITS
)


def trainer_on(source, val, recipe: Recipe = RECIPE, **options) -> Trainer:
    model = build_model("cats_dogs_convnet", len(source.wnids), width=0.1, input_px=64)
    return Trainer(model, recipe, make_frame("unit", source, 64), source, val, seed=3, **options)


@pytest.fixture
def data(array_source):
    return array_source(36, seed=0), array_source(8, seed=1)


@pytest.mark.parametrize("workers", [0, 2])
def test_an_augmented_run_stopped_in_the_middle_resumes_exactly(data, workers: int):
    hardware = Hardware(workers=workers)
    whole = trainer_on(*data, hardware=hardware)
    assert whole.fit()
    first = trainer_on(*data, hardware=hardware)
    first._stop = lambda: first.position.step == 6  # the second of four steps of the second epoch
    assert not first.fit()
    state = copy.deepcopy(first.state())
    second = trainer_on(*data, hardware=hardware)
    second.load_state(state)
    assert second.fit()
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(
        second.model.state_dict().values(), whole.model.state_dict().values(), strict=True
    ))  # fmt: skip
    assert [report.train_loss for report in second.history] == [report.train_loss for report in whole.history]


def test_the_network_sees_the_tables_views_of_its_epoch(data):
    seen = []

    class Recorder(Observer):
        def on_batch(self, trainer, batch):
            table = training_views("anywhere", 36, 72, 64, 3, trainer.position.epoch, Augmentation(**LIMITS))
            again = crop_views(trainer.train.read(batch.indices.tolist())[0], table[batch.indices], trainer.frame)
            seen.append(torch.equal(again, batch.images))

    trainer_on(*data, observers=[Recorder()]).fit()
    assert seen == [True] * 8


def test_checkpoints_from_before_augmentation_go_on_without_it(data):
    plain = Recipe(**{**RECIPE.__dict__, **dict.fromkeys(LIMITS, 0.0)})
    state = trainer_on(*data, plain).state()
    for name in LIMITS:
        del state["settings"][name]
    trainer_on(*data, plain).load_state(copy.deepcopy(state))
    with pytest.raises(ValueError, match=r"had rotation_deg=0\.0, this one rotation_deg=40"):
        trainer_on(*data).load_state(state)


def test_a_recipe_refuses_limits_that_make_no_sense():
    with pytest.raises(ValueError, match=r"zoom=1\.5, expected a number from 0 to 0\.9"):
        Recipe(zoom=1.5)
