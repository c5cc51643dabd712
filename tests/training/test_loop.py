"""The loop: a step is the step, rates move as they should, a stuck or broken run says so."""

import copy
import logging

import pytest
import torch
import torch.nn.functional as F
from small_run import RECIPE, trainer_on, weights

from zfnet.data.loader import training_order
from zfnet.data.source import UNREADABLE
from zfnet.data.views import crop_views, training_views
from zfnet.training import Hardware, NonFiniteLoss, Observer, Recipe, StuckLoss


def test_a_step_is_the_mean_loss_gradient_over_the_batch(data):
    recipe = Recipe(epochs=1, batch_size=8, dropout=0.0, filter_rms_limit=None, schedule="constant", init="kaiming",
                    input_scale="unit", label_smoothing=0.1)  # fmt: skip
    source, val = data
    trainer = trainer_on(source, val, recipe)
    twin = copy.deepcopy(trainer.model).train()
    trainer.steps_per_epoch, trainer._end_epoch = 5, lambda: None
    stop = iter([False, False, True])
    trainer._stop = lambda: next(stop)
    trainer.fit()

    optimizer = torch.optim.SGD(
        [{"params": [p for p in twin.parameters() if p.ndim > 1], "weight_decay": 5e-4},
         {"params": [p for p in twin.parameters() if p.ndim == 1]}], lr=0.01, momentum=0.9,
    )  # fmt: skip
    order, views = training_order(44, 0, 0), training_views("ten", 44, 72, 64, 0, 0)
    for step in range(3):
        indices = torch.from_numpy(order[8 * step : 8 * step + 8].copy())
        images, labels = source.read(indices.tolist())
        loss = F.cross_entropy(twin(crop_views(images, views[indices], trainer.frame)), labels, label_smoothing=0.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for (name, ours), theirs in zip(trainer.model.named_parameters(), twin.parameters(), strict=True):
        assert (ours - theirs).norm() <= 1e-5 * theirs.norm(), name


class Rates(Observer):
    """The learning rate of each step, as it was taken, and whether the network was in training mode."""

    def __init__(self) -> None:
        self.rates, self.modes = [], []

    def on_batch(self, trainer, seen):
        self.rates.append(trainer.learning_rate)
        self.modes.append(trainer.model.training)


def test_the_rate_falls_in_a_run_whose_validation_error_stays(data):
    recipe = Recipe(epochs=4, batch_size=22, learning_rate=1e-6, plateau_patience=2, init="kaiming", input_scale="unit")
    rates = Rates()
    trainer = trainer_on(*data, recipe, observers=[rates])
    trainer.fit()
    assert [report.learning_rate for report in trainer.history] == pytest.approx([1e-6, 1e-6, 1e-6, 1e-7])
    assert rates.rates == pytest.approx([1e-6] * 6 + [1e-7] * 2)


def test_the_rate_of_one_cycle_moves_with_every_step(data):
    recipe = Recipe(
        epochs=2, batch_size=11, learning_rate=0.01, schedule="onecycle", init="kaiming", input_scale="unit"
    )
    rates, parameter = Rates(), torch.nn.Parameter(torch.zeros(1))
    trainer_on(*data, recipe, observers=[rates]).fit()
    optimizer = torch.optim.SGD([parameter], lr=0.01, momentum=0.9)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, total_steps=9, pct_start=0.2, cycle_momentum=False)
    expected = []
    for _ in range(8):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        cycle.step()
    assert rates.rates == pytest.approx(expected)


def test_a_network_that_came_in_eval_mode_is_trained_in_training_mode(data):
    rates = Rates()
    trainer = trainer_on(*data, Recipe(epochs=2, batch_size=22, input_scale="unit"), observers=[rates])
    trainer.model.eval()
    trainer.fit()
    assert rates.modes == [True] * 4


def test_accumulated_parts_make_the_same_step(data):
    recipe = Recipe(epochs=1, batch_size=8, dropout=0.0, init="kaiming", input_scale="unit")
    whole, parts = trainer_on(*data, recipe), trainer_on(*data, recipe, hardware=Hardware(accumulate=4))
    whole.fit()
    parts.fit()
    for name, tensor in weights(whole).items():
        assert (tensor - weights(parts)[name]).norm() <= 1e-4 * tensor.norm(), name
    assert whole.history[0].train_loss == pytest.approx(parts.history[0].train_loss, rel=1e-5)


def test_an_unreadable_image_neither_teaches_nor_counts(data):
    source, val = data
    recipe = Recipe(epochs=1, batch_size=8, dropout=0.0, init="kaiming", input_scale="unit", schedule="constant")
    trainer = trainer_on(source, val, recipe)
    batch = next(trainer._feed.batches(0, start=0))
    views = training_views("centre", 8, 72, 64, 0, 0)
    twin = copy.deepcopy(trainer.model).train()
    batch.labels[[2, 5]] = UNREADABLE
    counted = trainer.stepper(batch, views)
    assert counted.images == 6
    readable = [0, 1, 3, 4, 6, 7]
    loss = F.cross_entropy(
        twin(crop_views(batch.images, views, trainer.frame))[readable], batch.labels[readable], reduction="sum"
    )
    (loss / 8).backward()
    velocity = trainer.stepper.optimizer.state[trainer.model.get_submodule("fc8").bias]["momentum_buffer"]
    assert torch.allclose(velocity, twin.get_submodule("fc8").bias.grad, atol=1e-6)


def test_a_loss_that_is_not_finite_stops_the_run(data):
    source, val = data
    trainer = trainer_on(source, val, Recipe(epochs=9, batch_size=8, init="kaiming", learning_rate=1e6))
    with pytest.raises(NonFiniteLoss, match=r"the training loss is (nan|inf) in epoch \d.*training\.learning_rate"):
        trainer.fit()


def test_a_loss_that_stays_at_guessing_is_warned_about_once(data, caplog):
    source, val = data
    recipe = Recipe(epochs=4, batch_size=8, learning_rate=1e-9, init="paper", input_scale="unit")
    with caplog.at_level(logging.WARNING):
        trainer_on(source, val, recipe, observers=[StuckLoss(after_steps=10, window=5)]).fit()
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 1
    assert "has not left log(4) = 1.3863" in told[0]
    assert "training=modern" in told[0]


def test_observers_are_told_in_order_and_see_what_the_network_sees(data):
    events: list[str] = []

    class Recorder(Observer):
        def on_start(self, trainer):
            events.append("start")

        def on_epoch_start(self, trainer):
            events.append("epoch start")

        def on_batch(self, trainer, seen):
            again = crop_views(trainer.train.read(seen.indices.tolist())[0], seen.views, trainer.frame)
            assert torch.equal(again, seen.images)
            events.append("batch")

        def on_step(self, trainer, report):
            assert report.step == trainer.position.step
            events.append("step")

        def on_validation(self, trainer):
            events.append("validation")

        def on_epoch(self, trainer, report):
            events.append("epoch")

        def on_end(self, trainer, finished):
            events.append(f"end {finished}")

    recipe = Recipe(**{**RECIPE.__dict__, "epochs": 1, "batch_size": 22})
    trainer_on(*data, recipe, observers=[Recorder()]).fit()
    assert events == ["start", "epoch start", *["batch", "step"] * 2, "validation", "epoch", "end True"]


def test_what_cannot_be_trained_is_told_before_it_starts(data, array_source):
    source, val = data
    with pytest.raises(ValueError, match=r"batch_size=8 does not divide into 1 processes x 3 .* near it 6 does"):
        trainer_on(source, val, hardware=Hardware(accumulate=3))
    with pytest.raises(
        ValueError, match=r"44 training images do not fill one batch of training\.batch_size=64: give a"
    ):
        trainer_on(source, val, Recipe(batch_size=64))
    with pytest.raises(ValueError, match="different classes: n00000003"):
        trainer_on(source, array_source(9, classes=3))
    one = array_source(44, classes=1)
    with pytest.raises(ValueError, match=r"all training images are of one class, n00000000 \(one is image 0\)"):
        trainer_on(one, one)
