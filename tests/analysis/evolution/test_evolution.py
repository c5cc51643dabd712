"""Feature evolution: the strongest views of the epoch exactly, also after resume; training is left as it was."""

from __future__ import annotations

import copy
import logging

import pytest
import torch
from evolution_oracle import RECIPE, Kept, Slow, assert_strongest, same_moment, trainer_on
from torch import nn

from zfnet.analysis.evolution.observer import Evolution, Plan
from zfnet.data.frame import make_frame
from zfnet.training import Hardware, Observer, Recipe, Trainer

PLAN = Plan(epochs=(1, 2, 64), maps=4, probe_images=8, probe_projections=6)


@pytest.fixture
def data(array_source):
    return array_source(44, seed=0), array_source(10, seed=1)


def followed(data, plan: Plan = PLAN, recipe: Recipe = RECIPE, slow: Slow | None = None, **options):
    kept = Kept()
    observers = [Evolution(plan, kept), *([slow] if slow else [])]
    return trainer_on(*data, recipe, observers=observers, **options), kept


def weights(trainer: Trainer) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}


@pytest.mark.parametrize(
    "hardware",
    [Hardware(), Hardware(accumulate=4, channels_last=False), Hardware(precision="bfloat16")],
    ids=["plain", "parts of batches", "bfloat16"],
)
def test_online_finds_the_strongest_view_of_the_epoch(data, hardware: Hardware):
    slow = Slow()
    plan = Plan(epochs=(1, 3), layers=("conv1", "conv3", "conv5", "fc6"), maps=4, probe_images=4, probe_projections=4)
    trainer, kept = followed(data, plan, slow=slow, hardware=hardware)
    trainer.fit()
    assert sum(assert_strongest(kept.moments[epoch], slow) for epoch in (1, 3)) > 20
    assert list(kept.moments) == [0, 1, 2, 3]
    assert not kept.moments[2].layers
    assert (kept.begun, kept.ended) == ([0], [True])


def test_training_is_the_same_bit_for_bit_and_nothing_is_left_behind(data):
    bare = trainer_on(*data)
    bare.fit()
    trainer, _ = followed(data)
    trainer.fit()
    assert all(torch.equal(tensor, weights(trainer)[name]) for name, tensor in weights(bare).items())
    assert [r.val_loss for r in trainer.history] == [r.val_loss for r in bare.history]
    assert torch.equal(trainer.state()["random"][0]["cpu"], bare.state()["random"][0]["cpu"])
    assert not any(module._forward_hooks for module in trainer.model.modules())
    assert torch.is_grad_enabled()
    assert [m.training for m in trainer.model.modules()] == [m.training for m in bare.model.modules()]


@pytest.mark.parametrize("stop_at", [3, 5, 7])  # five steps an epoch: in the first, at its end, in the second
def test_a_resumed_run_finds_the_same(data, stop_at: int):
    whole, expected = followed(data)
    whole.fit()
    first, before = followed(data)
    first._stop = lambda: first.position.step >= stop_at
    assert not first.fit()
    assert not any(module._forward_hooks for module in first.model.modules())
    state = copy.deepcopy(first.state())
    second, after = followed(data)
    second.load_state(state)
    assert second.fit()
    assert after.begun == [(stop_at - 1) // 5]  # the step that fills an epoch does not end it
    for epoch, moment in expected.moments.items():
        same_moment(moment, (before.moments | after.moments)[epoch])


def test_a_stopped_trainer_goes_on_with_what_it_found(data):
    whole, expected = followed(data)
    whole.fit()
    trainer, kept = followed(data)
    trainer._stop = lambda: trainer.position.step == 3
    trainer.fit()
    trainer._stop = lambda: False
    trainer.fit()
    same_moment(expected.moments[1], kept.moments[1])


def test_an_epoch_that_was_begun_without_it_is_left_out(data, caplog):
    bare = trainer_on(*data)
    bare._stop = lambda: bare.position.step == 3
    bare.fit()
    state = copy.deepcopy(bare.state())
    trainer, kept = followed(data)
    trainer.load_state(state)
    with caplog.at_level(logging.WARNING):
        trainer.fit()
    assert "epoch 1 was begun without looking" in caplog.text
    assert [epoch for epoch, moment in kept.moments.items() if moment.layers] == [2, 3]


def test_other_maps_after_a_resume_are_refused(data):
    first, _ = followed(data)
    first._stop = lambda: True
    first.fit()
    for plan, told in (
        (Plan(epochs=(1,), maps=[0, 1], layers=("conv5",), probe_images=4), "conv5 maps 0, 1 by online with"),
        (Plan(maps=4, probe_images=9, probe_projections=6), "of 9 images and 6 projections, seed 0, of arrays"),
    ):
        second, _ = followed(data, plan)
        second.load_state(copy.deepcopy(first.state()))
        with pytest.raises(ValueError, match=rf"followed conv1 maps .* 8 images .*, this one follows .*{told}"):
            second.fit()


def test_reference_images_that_an_earlier_version_named_are_known(data, monkeypatch):
    first, _ = followed(data)
    first._stop = lambda: True
    first.fit()
    state, val = copy.deepcopy(first.state()), data[1]
    monkeypatch.setattr(type(val), "fingerprint", "as this version says it")
    second, _ = followed(data)
    state["settings"].update(data=second.train.fingerprint, val=val.fingerprint)
    second.load_state(copy.deepcopy(state))
    with pytest.raises(ValueError, match=r"seed 0, of arrays, this one follows .* of as this version says it"):
        second.fit()
    monkeypatch.setattr(type(val), "earlier_fingerprints", ("arrays",), raising=False)
    third, _ = followed(data)
    third.load_state(state)
    assert third.fit()


def test_an_epoch_that_is_no_longer_chosen_after_a_resume_is_left_out(data):
    first, _ = followed(data)
    first._stop = lambda: first.position.step == 3
    first.fit()
    trainer, kept = followed(data, Plan(epochs=(2,), maps=4, probe_images=8, probe_projections=6))
    trainer.load_state(copy.deepcopy(first.state()))
    trainer.fit()
    assert [epoch for epoch, moment in kept.moments.items() if moment.layers] == [2, 3]


@pytest.mark.parametrize("where", ["on_batch", "on_step"])
def test_what_breaks_a_training_off_leaves_no_hooks(data, where: str):
    broken = Observer()
    forwards = []

    def stop(trainer: Trainer, _: object) -> None:
        forwards.append(sum(len(module._forward_hooks) for module in trainer.model.modules()))
        if trainer.position.step == 2:
            raise KeyboardInterrupt

    setattr(broken, where, stop)
    trainer = trainer_on(*data, observers=[broken, Evolution(PLAN, Kept())])
    with pytest.raises(KeyboardInterrupt):
        trainer.fit()
    assert not any(forwards)
    assert not any(module._forward_hooks for module in trainer.model.modules())


def test_too_few_images_to_compare_epochs_by_are_told_at_the_start(array_source):
    trainer, _ = followed((array_source(44, seed=0), array_source(3, classes=4, seed=1)))
    with pytest.raises(
        ValueError, match=r"3 of the 3 validation images can be read, expected 4 or more .*evolution=null"
    ):
        trainer.fit()
    assert trainer.position.step == 0


@pytest.mark.parametrize("resumed", [False, True])
def test_a_network_without_a_reverse_is_told_before_any_step(data, resumed: bool):
    """MobileNetV3 and its like: a resumed run found it out at the end of its first epoch."""
    layers = [nn.Conv2d(3, 4, 7, 8), nn.Hardswish(), nn.Conv2d(4, 4, 3), nn.Flatten(), nn.Linear(4 * 36, 4)]
    model, (source, val) = nn.Sequential(*layers), data
    plan, frame = Plan(layers=("2",), maps=2, probe_images=4, probe_projections=4), make_frame("unit", source, 64)
    trainer = Trainer(model, RECIPE, frame, source, val, observers=[Evolution(plan, Kept())])
    trainer.position.step = 3 if resumed else 0
    with pytest.raises(
        ValueError, match=r"cannot be followed .*no sound reverse .*Hardswish.*: give evolution=null to"
    ):
        trainer.fit()
    assert trainer.position.step == (3 if resumed else 0)
