"""The console of a training run: what it shows, and that a run outlives those who read it."""

from __future__ import annotations

import csv
import os
import sys
from pathlib import Path

import pytest
import torch

from experiments.common.quiet import unheard
from experiments.observers.console import Console
from zfnet import build_model
from zfnet.data.frame import make_frame
from zfnet.network import Network
from zfnet.training import Checkpoints, Observer, Recipe, Tally, Trainer
from zfnet.training.reports import StepReport

ARGUMENTS = {"name": "zfnet", "num_classes": 4, "width": 0.02, "input_px": 64}


def run(folder: Path, array_source, observers=(), epochs: int = 2) -> Trainer:
    source, val = array_source(16), array_source(8, seed=1)
    recipe = Recipe(epochs=epochs, batch_size=8, init="kaiming", input_scale="torchvision", learning_rate=0.003)
    frame = make_frame("torchvision", source, 64)
    network = Network(build_model(**ARGUMENTS), frame, source.wnids, source.names, ARGUMENTS)
    everyone = [Checkpoints(folder / "checkpoints", network), *observers]
    return Trainer(network.model, recipe, frame, source, val, observers=everyone)


def epochs_in(table: Path) -> list[str]:
    with open(table, newline="") as file:
        return [row["epoch"] for row in csv.DictReader(file)]


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_a_reader_that_went_away_ends_no_run(tmp_path: Path, array_source, monkeypatch, name: str):
    """train.py ... | head -1, and 2>&1 before it."""
    source, sink = os.pipe()
    os.close(source)
    with os.fdopen(sink, "w", buffering=1) as closed:
        monkeypatch.setattr(sys, name, closed)
        monkeypatch.setattr("zfnet.progress.PLAIN_LINE_EVERY_S", 0.0)
        assert run(tmp_path, array_source, [Console(tmp_path)]).fit()
        print("and what is printed later", file=closed, flush=True)
    assert epochs_in(tmp_path / "metrics.csv") == ["1", "2"]
    assert (tmp_path / "checkpoints" / "step-00000004.pt").is_file()


def test_a_stream_without_a_file_is_replaced(monkeypatch):
    class HungUp:
        def write(self, text: str = "") -> None:
            raise OSError(5, "Input/output error")

        flush = write

    monkeypatch.setattr(sys, "stdout", HungUp())
    with unheard():
        print("a line")
    print("another")
    assert not isinstance(sys.stdout, HungUp)


def test_a_full_disk_is_not_taken_for_a_closed_pipe(tmp_path: Path, array_source, monkeypatch):
    def full(*given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("experiments.observers.console.write_csv", full)
    with pytest.raises(OSError, match="No space left"):
        run(tmp_path, array_source, [Console(tmp_path)]).fit()


def test_an_observer_that_fails_to_show_an_epoch_costs_nothing(tmp_path: Path, array_source):
    class Broken(Observer):
        def on_epoch(self, trainer, report):
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        run(tmp_path, array_source, [Broken()]).fit()
    held = torch.load(tmp_path / "checkpoints" / "step-00000002.pt", weights_only=True)["trainer"]
    assert held["position"]["epoch"] == len(held["history"]) == 1
    resumed = run(tmp_path, array_source, [Console(tmp_path)])
    resumed.load_state({**held, "model": torch.load(tmp_path / "checkpoints" / "best.pt")["model"]})
    resumed._stop = lambda: True
    resumed.fit()
    assert epochs_in(tmp_path / "metrics.csv") == ["1"]  # the row that was not written


def test_the_rate_is_that_of_all_steps_since_the_last_one_shown(tmp_path: Path, array_source, monkeypatch):
    trainer, console, shown = run(tmp_path, array_source), Console(tmp_path), []

    class Line:
        def advance(self, amount=1, **values):
            shown.append(values.get("images/s"))

    clock = iter([0.0, 10.0, 10.0])
    monkeypatch.setattr("experiments.observers.console.time.monotonic", lambda: next(clock))
    console._progress = Line()
    for step, wall_s in ((1, 0.1), (2, 0.7)):  # the second waits for the device
        tally = Tally(torch.tensor([8.0, 4.0, 0.0, 8.0], dtype=torch.float64))
        console.on_step(trainer, StepReport(step=step, tally=tally, learning_rate=0.1, wall_s=wall_s, wait_s=0.0))
    assert shown == [None, "20"]  # 16 images in 0.8 s
