"""Resuming is exact (law 9), and goes on only with what is the same run."""

import copy

import pytest
import torch
from small_run import RECIPE, trainer_on, weights

from zfnet.training import Hardware, Recipe


@pytest.mark.parametrize("schedule", ["plateau", "onecycle"])
@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("stop_at", [10, 13])  # five steps an epoch: after two epochs, and in the middle of one
def test_a_stopped_and_resumed_run_equals_the_uninterrupted_one(data, schedule: str, workers: int, stop_at: int):
    recipe = Recipe(**{**RECIPE.__dict__, "schedule": schedule, "plateau_patience": 1})
    hardware = Hardware(workers=workers)
    whole = trainer_on(*data, recipe, hardware=hardware, seed=5)
    assert whole.fit()

    first = trainer_on(*data, recipe, hardware=hardware, seed=5)
    first._stop = lambda: first.position.step >= stop_at
    assert not first.fit()
    state = copy.deepcopy(first.state())
    second = trainer_on(*data, recipe, hardware=hardware, seed=5)
    second.load_state(state)
    assert second.fit()

    assert second.position == whole.position
    for name, tensor in weights(whole).items():
        assert torch.equal(tensor, weights(second)[name]), name
    for one, two in zip(whole.history, second.history, strict=True):
        for name in ("train_loss", "train_top1_error", "val_loss", "val_top1_error", "learning_rate", "step"):
            assert getattr(one, name) == getattr(two, name), name
    momentum = [group["momentum_buffer"] for group in whole.stepper.optimizer.state_dict()["state"].values()]
    resumed = [group["momentum_buffer"] for group in second.stepper.optimizer.state_dict()["state"].values()]
    assert all(torch.equal(a, b) for a, b in zip(momentum, resumed, strict=True))


def test_the_number_of_workers_changes_nothing(data):
    plain = trainer_on(*data)
    plain.fit()
    busy = trainer_on(*data, hardware=Hardware(workers=2))
    busy.fit()
    assert all(torch.equal(tensor, weights(busy)[name]) for name, tensor in weights(plain).items())


def test_another_seed_or_number_of_processes_is_refused(data):
    state = trainer_on(*data).state()
    with pytest.raises(ValueError, match="had seed=0, this one seed=1"):
        trainer_on(*data, seed=1).load_state(state)
    with pytest.raises(ValueError, match="written by 2 processes and this run has 1"):
        trainer_on(*data).load_state({**state, "random": state["random"] * 2})


def test_other_images_or_class_names_are_refused(data, array_source):
    source, val = data
    state = trainer_on(source, val).state()
    others = copy.copy(val)
    others.fingerprint_ = "other arrays"
    with pytest.raises(ValueError, match=r"had validation images of fingerprint 'arrays', this one .* 'other arrays'"):
        trainer_on(source, others).load_state(state)
    renamed = copy.copy(source)
    renamed.names = ("ant", "bee", "cat", "dog")
    with pytest.raises(ValueError, match=r"had names\[0\]='n00000000', this one names\[0\]='ant': give the same"):
        trainer_on(renamed, val).load_state(state)
    with pytest.raises(ValueError, match="had training images of fingerprint 'arrays', this one"):
        trainer_on(others, others).load_state(state)


def test_a_checkpoint_from_before_these_were_settings_goes_on(data):
    source, val = data
    state = copy.deepcopy(trainer_on(source, val).state())
    for name in ("val", "names"):
        del state["settings"][name]
    known_by_another = copy.copy(source)
    known_by_another.fingerprint_, known_by_another.earlier_fingerprints = "as of now", ("older still", "arrays")
    trainer_on(known_by_another, val).load_state(state)
    known_by_another.earlier_fingerprints = ("older still",)
    with pytest.raises(ValueError, match=r"had training images of fingerprint 'arrays', this one .* 'as of now'"):
        trainer_on(known_by_another, val).load_state(state)
