"""The recipe: each rule against arithmetic written out here."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

from zfnet import build_model
from zfnet.training.recipe import Recipe, filter_rms, limit_filters, make_optimizer, prepare, share_at_limit
from zfnet.training.schedule import Schedule


def small() -> torch.nn.Module:
    return build_model("zfnet", 4, width=0.1, input_px=64)


def test_the_defaults_are_the_papers():
    recipe = Recipe()
    paper = {
        "epochs": 70, "batch_size": 128, "learning_rate": 1e-2, "momentum": 0.9, "weight_decay": 5e-4,
        "init": "paper", "dropout": 0.5, "filter_rms_limit": 0.1, "views": "ten", "input_scale": "paper",
    }  # fmt: skip
    assert {name: getattr(recipe, name) for name in paper} == paper


def test_the_papers_weights_start_at_a_hundredth_and_biases_at_zero():
    model = build_model("zfnet", 10, width=0.5, input_px=112)
    prepare(model, Recipe(dropout=0.25), torch.Generator().manual_seed(0))
    for name, parameter in model.named_parameters():
        if parameter.ndim == 1:
            assert parameter.abs().max() == 0, name
        else:
            assert abs(parameter.std().item() / 1e-2 - 1) < 4 / math.sqrt(parameter.numel()), name
    assert [module.p for module in model.modules() if isinstance(module, torch.nn.Dropout)] == [0.25, 0.25]


def test_kaiming_keeps_the_size_of_the_signal():
    model = build_model("zfnet", 10, width=0.5, input_px=112)
    prepare(model, Recipe(init="kaiming"), torch.Generator().manual_seed(0))
    weight = model.get_submodule("conv3").weight
    assert weight.std().item() == pytest.approx(math.sqrt(2 / weight[0].numel()), rel=0.02)


def test_the_first_layer_and_the_scores_start_small():
    plain, scaled = build_model("zfnet", 10, width=0.5, input_px=112), build_model("zfnet", 10, width=0.5, input_px=112)
    prepare(plain, Recipe(init="kaiming"), torch.Generator().manual_seed(0))
    prepare(scaled, Recipe(init="kaiming", first_layer_gain=0.25), torch.Generator().manual_seed(0))
    assert torch.allclose(scaled.get_submodule("conv1").weight * 4, plain.get_submodule("conv1").weight)
    assert torch.equal(scaled.get_submodule("conv2").weight, plain.get_submodule("conv2").weight)
    assert plain.get_submodule("fc8").weight.std().item() == pytest.approx(1e-2, rel=0.05)


def test_the_rms_limit_touches_only_filters_over_it():
    model = small()
    conv = model.get_submodule("conv1")
    with torch.no_grad():
        conv.weight[0] *= 0.3 / conv.weight[0].square().mean().sqrt()
        conv.weight[1] *= 0.05 / conv.weight[1].square().mean().sqrt()
    before = conv.weight.detach().numpy().copy()
    limit_filters(model, 0.1)
    after = conv.weight.detach().numpy()
    for old, new in zip(before, after, strict=True):
        rms = np.sqrt(np.mean(old.astype(np.float64) ** 2))
        expected = old * (0.1 / rms) if rms > 0.1 else old
        assert np.allclose(new, expected, rtol=1e-5)
    assert np.array_equal(after[1], before[1])
    assert filter_rms(conv.weight)[0].item() == pytest.approx(0.1, rel=1e-6)
    at_limit = np.mean([np.sqrt(np.mean(f.astype(np.float64) ** 2)) > 0.0999 for f in after])
    assert share_at_limit(conv.weight, 0.1) == pytest.approx(at_limit)


def test_one_step_is_momentum_sgd_with_decayed_weights():
    model = small().double()
    recipe = Recipe(learning_rate=0.1, momentum=0.5, weight_decay=0.01)
    optimizer = make_optimizer(model, recipe)
    start = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    velocity = {name: torch.zeros_like(parameter) for name, parameter in start.items()}
    for seed in range(3):
        generator = torch.Generator().manual_seed(seed)
        for name, parameter in model.named_parameters():
            parameter.grad = torch.randn(parameter.shape, dtype=torch.float64, generator=generator)
            decay = 0.01 * start[name] if parameter.ndim > 1 else 0
            velocity[name] = 0.5 * velocity[name] + parameter.grad + decay
            start[name] = start[name] - 0.1 * velocity[name]
        optimizer.step()
    for name, parameter in model.named_parameters():
        assert (parameter.detach() - start[name]).norm() <= 1e-12 * start[name].norm(), name


def test_the_rate_falls_when_the_validation_error_stays():
    optimizer = make_optimizer(small(), Recipe())
    schedule = Schedule(optimizer, Recipe(plateau_patience=2), steps_per_epoch=10)
    rates = []
    for error in (0.9, 0.8, 0.8, 0.8, 0.7, 0.7, 0.7):
        schedule.after_epoch(error)
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx([1e-2, 1e-2, 1e-2, 1e-3, 1e-3, 1e-3, 1e-4])


def test_one_cycle_rises_and_falls_over_the_whole_run():
    recipe = Recipe(schedule="onecycle", epochs=4, learning_rate=0.1, warmup_share=0.25)
    optimizer = make_optimizer(small(), recipe)
    schedule = Schedule(optimizer, recipe, steps_per_epoch=25)
    rates = []
    for _ in range(100):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.after_step()
    assert max(rates) == pytest.approx(0.1, rel=1e-2)
    assert 22 <= rates.index(max(rates)) <= 27
    assert rates[0] < 0.005
    assert rates[-1] < 0.001


def rates_of(schedule: Schedule, optimizer: torch.optim.SGD, steps: int) -> list[float]:
    """The rate of each of so many steps."""
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.after_step()
    return rates


def large_batch(**options: object) -> Recipe:
    """conf/training/paper_large_batch.yaml over conf/training/paper.yaml."""
    folder = Path(__file__).parents[2] / "conf" / "training"
    paper, own = (OmegaConf.load(folder / f"{name}.yaml") for name in ("paper", "paper_large_batch"))
    assert own.pop("defaults") == ["paper", "_self_"]
    return Recipe(**{**paper, **own, **options})


def test_large_batches_have_the_rate_of_the_linear_rule_after_a_warm_up():
    recipe = large_batch()
    assert (recipe.batch_size, recipe.full_rate) == (1024, pytest.approx(8 * 0.01))
    assert large_batch(batch_size=512).full_rate == pytest.approx(0.04)
    optimizer = make_optimizer(small(), recipe)
    rates = rates_of(Schedule(optimizer, recipe, steps_per_epoch=20), optimizer, 120)
    assert rates[:100] == pytest.approx([0.01 + 0.07 * step / 100 for step in range(1, 101)])
    assert rates[100:] == pytest.approx([0.08] * 20)


def test_a_warm_up_without_the_linear_rule_rises_from_nothing():
    recipe = Recipe(schedule="constant", warmup_epochs=2, learning_rate=0.1)
    optimizer = make_optimizer(small(), recipe)
    assert rates_of(Schedule(optimizer, recipe, 2), optimizer, 6) == pytest.approx([0.025, 0.05, 0.075, 0.1, 0.1, 0.1])


def test_no_plateau_counts_before_the_rate_is_warm():
    recipe = large_batch(plateau_patience=1)
    optimizer = make_optimizer(small(), recipe)
    schedule, rates = Schedule(optimizer, recipe, steps_per_epoch=2), []
    for _ in range(7):
        rates += rates_of(schedule, optimizer, 2)[1:]
        schedule.after_epoch(0.9)
    assert rates == pytest.approx([0.024, 0.038, 0.052, 0.066, 0.08, 0.08, 0.008])


def test_a_warm_up_goes_on_where_it_was_saved():
    recipe = large_batch()
    first, second = (make_optimizer(small(), recipe) for _ in range(2))
    one, other = Schedule(first, recipe, 2), Schedule(second, recipe, 2)
    rates_of(one, first, 3)
    other.load_state(one.state())
    second.load_state_dict(first.state_dict())
    assert rates_of(other, second, 9) == rates_of(one, first, 9)


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5, 9])
def test_the_shortest_runs_have_their_cycle_too(steps: int):
    recipe = Recipe(schedule="onecycle", epochs=1, learning_rate=0.1, warmup_share=0.2)
    optimizer = make_optimizer(small(), recipe)
    schedule, rates = Schedule(optimizer, recipe, steps), []  # of 4 steps, 5 points, a fifth is one: torch's 0 / 0
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.after_step()
    assert max(rates) <= 0.1
    assert steps == 1 or rates[1:] == sorted(rates[1:], reverse=True)
    assert optimizer.param_groups[0]["lr"] < 1e-4


def test_another_schedule_than_the_checkpoints_is_refused():
    state = Schedule(make_optimizer(small(), Recipe()), Recipe(schedule="onecycle", epochs=4), 10).state()
    longer = Recipe(schedule="onecycle", epochs=5)
    with pytest.raises(ValueError, match="onecycle over 40 steps, this run asks for onecycle over 50 steps"):
        Schedule(make_optimizer(small(), longer), longer, 10).load_state(state)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"schedule": "cosine"}, "training.schedule='cosine' is not one of plateau, onecycle, constant"),
        ({"init": "xavier"}, "training.init='xavier' is not one of paper, kaiming, keep"),
        ({"views": "five"}, "training.views='five'"),
        ({"epochs": 0}, "training.epochs=0, expected a whole number above 0"),
        ({"epochs": 2.5}, "training.epochs=2.5, expected a whole number"),
        ({"momentum": None}, "training.momentum=None"),
        ({"dropout": 1.0}, "training.dropout=1.0, expected a number from 0 to below 1"),
        ({"filter_rms_limit": 0.0}, "training.filter_rms_limit=0.0: expected"),
        ({"learning_rate": float("nan")}, "training.learning_rate=nan"),
        ({"linear_rule_batch": 0}, "training.linear_rule_batch=0, expected a whole number above 0, or null"),
        ({"warmup_epochs": -1}, "training.warmup_epochs=-1 with schedule=plateau: expected 0 or more whole epochs"),
        ({"warmup_epochs": 1, "schedule": "onecycle"}, "and 0 with onecycle, whose own is warmup_share"),
    ],
)
def test_a_wrong_number_is_named(wrong: dict[str, object], message: str):
    with pytest.raises(ValueError, match=message):
        Recipe(**wrong)
