"""Half precision trains as full precision does, and what the hardware is asked for is checked."""

import copy

import pytest
import torch
from small_run import trainer_on, weights

from zfnet.training import Hardware, Recipe


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
