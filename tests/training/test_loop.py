"""The loop: a step is the step, resuming is exact (law 9), a stuck or broken run says so."""

import copy
import logging

import pytest
import torch
import torch.nn.functional as F

from zfnet import build_model
from zfnet.data.frames import make_frame
from zfnet.data.loader import training_order
from zfnet.data.source import UNREADABLE
from zfnet.data.views import cut, training_views
from zfnet.training import Hardware, NonFiniteLoss, Observer, Recipe, StuckLoss, Trainer

RECIPE = Recipe(epochs=4, batch_size=8, learning_rate=0.01, init="kaiming", input_scale="unit", views="anywhere")


def trainer_on(source, val, recipe: Recipe = RECIPE, **options) -> Trainer:
    torch.manual_seed(99)  # the trainer's own seed decides, not this one
    model = build_model("zfnet", len(source.wnids), width=0.05, input_px=64)
    return Trainer(model, recipe, make_frame(recipe.input_scale, source, 64), source, val, **options)


def weights(trainer: Trainer) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}


@pytest.fixture
def data(array_source):
    return array_source(44, seed=0), array_source(10, seed=1)


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
        loss = F.cross_entropy(twin(cut(images, views[indices], trainer.frame)), labels, label_smoothing=0.1)
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
        twin(cut(batch.images, views, trainer.frame))[readable], batch.labels[readable], reduction="sum"
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
            again = cut(trainer.train.read(seen.indices.tolist())[0], seen.views, trainer.frame)
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
    with pytest.raises(ValueError, match=r"44 training images do not fill one batch of training\.batch_size=64"):
        trainer_on(source, val, Recipe(batch_size=64))
    with pytest.raises(ValueError, match="different classes: n00000003"):
        trainer_on(source, array_source(9, classes=3))


def test_mixed_precision_trains_close_to_full(data):
    recipe = Recipe(epochs=1, batch_size=8, dropout=0.0, init="kaiming", input_scale="unit")
    full, mixed = trainer_on(*data, recipe), trainer_on(*data, recipe, hardware=Hardware(precision="bfloat16"))
    full.fit()
    mixed.fit()
    assert mixed.history[0].train_loss == pytest.approx(full.history[0].train_loss, rel=0.05)
    assert all(tensor.dtype == torch.float32 for tensor in weights(mixed).values())


def test_float16_skips_steps_that_overflow_and_resumes_from_full_precision(data):
    recipe = Recipe(epochs=2, batch_size=8, dropout=0.0, init="kaiming", input_scale="unit", filter_rms_limit=None)
    full = trainer_on(*data, recipe)
    full._stop = lambda: full.position.step == 3
    full.fit()
    half = trainer_on(*data, recipe, hardware=Hardware(precision="float16"))
    half.load_state(copy.deepcopy(full.state()))
    half.stepper.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**20)  # overflows at once
    before = weights(half)
    half._stop = lambda: half.position.step == 4
    half.fit()
    assert all(torch.equal(tensor, before[name]) for name, tensor in weights(half).items())
    half._stop = lambda: False
    assert half.fit()
    assert all(tensor.isfinite().all() for tensor in weights(half).values())
    assert any(not torch.equal(tensor, before[name]) for name, tensor in weights(half).items())


@pytest.mark.parametrize("native", [True, False])
def test_auto_takes_bfloat16_only_where_the_gpu_computes_it(monkeypatch, native: bool):
    """As torch 2.11 answers on a V100 or a T4, which emulate it."""
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation or native)
    expected = torch.bfloat16 if native else None
    assert Hardware().dtype(torch.device("cuda")) is expected
    assert Hardware().dtype(torch.device("cpu")) is None
    assert Hardware(precision="float16").dtype(torch.device("cpu")) is torch.float16


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"precision": "half"}, "hardware.precision='half' is not one of auto, float32, bfloat16, float16"),
        ({"accumulate": 0}, "hardware.accumulate=0"),
        ({"workers": -1}, "hardware.workers=-1"),
        ({"workers": "many"}, "hardware.workers='many'"),
    ],
)
def test_a_wrong_hardware_option_is_named(wrong: dict[str, object], message: str):
    with pytest.raises(ValueError, match=message):
        Hardware(**wrong)
