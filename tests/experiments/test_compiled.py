"""hardware.compile=true in the loop, by the inductor, with all that watches a training: the same numbers."""

from __future__ import annotations

import os
import shutil
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from array_source import ArraySource
from torch import nn

from experiments.observers.console import Console
from experiments.observers.evolution_folder import EvolutionFolder
from experiments.observers.tensorboard import Board
from zfnet.analysis.evolution import FOLDER, Evolution, Plan, load_moments
from zfnet.data.frame import make_frame
from zfnet.models.norm import ContrastNorm
from zfnet.network import Network
from zfnet.training import Checkpoints, Hardware, Recipe, StuckLoss, Trainer


@pytest.fixture(params=["aot_eager", "inductor"])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The inductor, where it is asked for, for g++ takes a minute; and all of it but the writing of kernels, always."""
    torch._dynamo.reset()
    if request.param != "inductor":
        real = nn.Module.compile
        monkeypatch.setattr(nn.Module, "compile", lambda self, mode=None: real(self, backend=request.param))
        return request.param
    if "ZFNET_TEST_INDUCTOR" not in os.environ:
        pytest.skip("g++ takes about a minute: ZFNET_TEST_INDUCTOR=1 runs it")
    if shutil.which("g++") is None and shutil.which("c++") is None:
        pytest.skip("torch's inductor needs a C++ compiler, and there is none here")
    monkeypatch.setattr("torch._inductor.config.compile_threads", 1)
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "inductor"))
    return request.param


def trained(folder: Path, hardware: Hardware) -> tuple[Trainer, list[Any]]:
    """Two epochs of three steps with every observer of experiments/train.py; the kept moments of Fig. 4."""
    torch.manual_seed(0)
    layers = {
        "conv1": nn.Conv2d(3, 4, 5, stride=4), "relu1": nn.ReLU(), "norm1": ContrastNorm(), "pool1": nn.MaxPool2d(3, 3),
        "flatten": nn.Flatten(), "fc2": nn.Linear(4 * 25, 4),
    }  # fmt: skip
    model = nn.Sequential(OrderedDict(layers))
    source, val = ArraySource(26, 4, 72, 0), ArraySource(8, 4, 72, 1)
    recipe = Recipe(
        epochs=2, batch_size=8, learning_rate=0.05, init="kaiming", input_scale="unit", views="anywhere",
        filter_rms_limit=0.15, schedule="constant",
    )  # fmt: skip
    frame = make_frame("unit", source, 64)
    network = Network(model=model, frame=frame, wnids=source.wnids, names=source.names)
    plan = Plan(epochs=(1, 2), layers=("conv1",), maps=2, probe_images=4, probe_projections=4)
    observers = [
        Evolution(plan, EvolutionFolder(folder)), Checkpoints(folder / "checkpoints", network, every_minutes=0),
        Console(folder), Board(folder, configuration="", hparams={}, mistakes_every=1, histograms_every=1), StuckLoss(),
    ]  # fmt: skip
    trainer = Trainer(model, recipe, frame, source, val, hardware=hardware, observers=observers)
    assert trainer.fit()
    return trainer, [moment for moment in load_moments(folder / FOLDER) if moment.layers]


def test_a_compiled_training_is_the_same_for_all_who_watch_it(backend: str, tmp_path: Path):
    plain, of_plain = trained(tmp_path / "plain", Hardware(device="cpu"))
    compiled, of_compiled = trained(tmp_path / "compiled", Hardware(device="cpu", compile=True))
    assert compiled.model._compiled_call_impl is not None
    for one, other in zip(plain.history, compiled.history, strict=True):
        for name in ("train_loss", "val_loss", "train_top1_error", "val_top1_error", "learning_rate"):
            assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-4), name
    for one, other in zip(plain.model.parameters(), compiled.model.parameters(), strict=True):
        assert (one - other).norm() <= 1e-4 * one.norm()
    rms = compiled.model.get_submodule("conv1").weight.detach().square().mean((1, 2, 3)).sqrt()
    assert rms.max() == pytest.approx(0.15, rel=1e-4)  # some are at the limit
    assert [moment.epoch for moment in of_plain] == [moment.epoch for moment in of_compiled]
    for one, other in zip(of_plain, of_compiled, strict=True):
        for layer, seen in one.layers.items():
            np.testing.assert_allclose(seen.value, other.layers[layer].value, rtol=1e-4)
            np.testing.assert_array_equal(seen.image, other.layers[layer].image)
    content = torch.load(sorted((tmp_path / "compiled" / "checkpoints").glob("step-*.pt"))[-1], weights_only=True)
    assert sorted(content["model"]) == sorted(plain.model.state_dict())
    events = [sum(path.stat().st_size for path in (tmp_path / name).glob("events*")) for name in ("plain", "compiled")]
    assert events[1] == pytest.approx(events[0], rel=0.2)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"compile": "fast"}, "hardware.compile='fast' is not true, false or default, reduce-overhead")],
)
def test_a_mode_that_is_none_is_refused(wrong: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        Hardware(**wrong)


@pytest.fixture
def backends() -> Iterator[list[Any]]:
    """Those that have a precision, which is put back."""
    found = [torch.backends.cudnn.conv, torch.backends.cuda.matmul]
    before = [one.fp32_precision for one in found], torch.backends.cudnn.benchmark
    yield found
    for one, precision in zip(found, before[0], strict=True):
        one.fp32_precision = precision
    torch.backends.cudnn.benchmark = before[1]


def test_kernels_are_chosen_as_asked_for(backends: list[Any]):
    Hardware(tf32=True, cudnn_benchmark=True).set_backends()
    assert [backend.fp32_precision for backend in backends] == ["tf32", "tf32"]
    assert torch.backends.cudnn.benchmark
    Hardware(tf32=False).set_backends()
    assert [backend.fp32_precision for backend in backends] == ["ieee", "ieee"]
    assert not torch.backends.cudnn.benchmark
    Hardware().set_backends()  # leaves it to torch
    assert [backend.fp32_precision for backend in backends] == ["ieee", "ieee"]
