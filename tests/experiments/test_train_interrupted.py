"""A training that is interrupted, killed or left alone: what it saves, and that it goes on to the same end."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import time
from pathlib import Path

import pytest
from train_runs import assert_same_end, last_checkpoint, metrics, settings

pytestmark = pytest.mark.usefixtures("signals_heard")


def test_ctrl_c_saves_and_the_printed_command_goes_on_to_the_same_end(
    whole_run: Path, image_root: Path, tmp_path: Path, command
):
    folder = tmp_path / "stopped"
    words = command("train", *settings(image_root, folder, "training.epochs=3"))
    process = subprocess.Popen(
        words, cwd=tmp_path, env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_for(lambda: list((folder / "checkpoints").glob("step-*.pt")), process)
    process.send_signal(signal.SIGINT)
    printed, told = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGINT, told  # or a script would go on with its next command
    assert "finishing this step, then saving" in told
    assert json.loads((folder / "manifest.json").read_text())["outcome"] == "stopped"
    again = shlex.split(printed.strip().splitlines()[-1])
    assert again[0] == "python"
    assert again[1].endswith("experiments/train.py")
    assert again[-1] == "resume=auto"
    done = subprocess.run(command("train", *again[2:]), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "going on after step" in done.stdout
    assert_same_end(whole_run, folder)


def test_kill_9_costs_at_most_the_work_since_the_last_checkpoint(
    whole_run: Path, image_root: Path, tmp_path: Path, command
):
    folder = tmp_path / "killed"
    words = settings(image_root, folder, "training.epochs=3", "checkpoints.every_minutes=0")
    process = subprocess.Popen(command("train", *words), cwd=tmp_path, env={**os.environ, "OMP_NUM_THREADS": "1"})
    wait_for(lambda: len(metrics(folder)) if (folder / "metrics.csv").exists() else 0, process)
    process.kill()
    process.wait()
    reached = last_checkpoint(folder)["trainer"]["position"]["step"]
    assert reached >= 6
    done = subprocess.run(command("train", *words, "resume=auto"), cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert_same_end(whole_run, folder)


def test_a_signal_and_its_echo_ask_once_and_a_later_one_ends_at_once(capsys, monkeypatch):
    from experiments.common.stop_signal import StopSignal

    before = signal.getsignal(signal.SIGINT)
    with StopSignal() as stop:
        assert not stop()
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        assert stop()
        assert capsys.readouterr().err.count("finishing this step") == 1
        monkeypatch.setattr(StopSignal, "ECHO_S", -1.0)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_terminal_that_hangs_up_asks_too_unless_that_was_to_be_ignored():
    from experiments.common.stop_signal import StopSignal

    with StopSignal() as stop:
        os.kill(os.getpid(), signal.SIGHUP)
        assert stop()
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with StopSignal() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not stop()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_sigterm_to_all_processes_of_a_job_saves_and_a_reader_that_leaves_stops_nothing(
    whole_run: Path, image_root: Path, tmp_path: Path, command
):
    """As `timeout` and Slurm send it, with processes that read; then `| head -1` on the rest of the run."""
    folder = tmp_path / "ended"
    words = [*settings(image_root, folder, "training.epochs=3"), "hardware.workers=2", "evolution=null"]
    start = {"cwd": tmp_path, "env": {**os.environ, "OMP_NUM_THREADS": "1"}, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command("train", *words), start_new_session=True, stderr=subprocess.PIPE, **start)
    wait_for(lambda: list((folder / "checkpoints").glob("step-*.pt")), process)
    os.killpg(process.pid, signal.SIGTERM)
    printed, told = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM, told
    assert json.loads((folder / "manifest.json").read_text())["outcome"] == "stopped"
    assert "go on with:" in printed
    process = subprocess.Popen(command("train", *words, "resume=auto"), stderr=subprocess.PIPE, **start)
    process.stdout.readline()
    process.stdout.close()
    told = process.stderr.read()
    assert process.wait(timeout=60) == 0, told
    assert "Broken pipe" not in told
    assert "BrokenPipeError" not in told
    assert json.loads((folder / "manifest.json").read_text())["outcome"] == "finished"
    assert_same_end(whole_run, folder)


def test_a_run_is_saved_before_it_is_shown_and_with_what_its_observers_know(
    image_root: Path, carry_out_here, tmp_path: Path, monkeypatch
):
    from experiments.observers.console import Console

    def broken(self, trainer, report):
        raise RuntimeError("no terminal")

    monkeypatch.setattr(Console, "on_epoch", broken)
    words = settings(image_root, tmp_path / "run", "training.epochs=3", "evolution.epochs=[1]")
    code, printed = carry_out_here("train", *words)
    assert (code, "no terminal" in printed) == (1, True)
    held = last_checkpoint(tmp_path / "run")["trainer"]
    assert held["position"] == {"epoch": 1, "batch": 0, "step": 6}
    assert held["observers"]["evolution"]["epoch"] is None  # its search of the epoch is over and its images are known
    assert set(held["observers"]["evolution"]["images"]) == {f"conv{layer}" for layer in range(1, 6)}


def wait_for(condition, process: subprocess.Popen, timeout_s: float = 60) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert process.poll() is None, "the run ended before it could be stopped"
        assert time.monotonic() < end
        time.sleep(0.005)
