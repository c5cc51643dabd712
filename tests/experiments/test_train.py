"""The training command: run folder, refusal of wrong words, Ctrl-C, kill -9 and resume."""

from __future__ import annotations

import csv
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from zfnet.data.datasets.imagenet import list_folder
from zfnet.data.decode import decode_square
from zfnet.data.loader import training_order

SMALL = (
    "data=imagenet_folder", "data.side=72", "model.width=0.05", "model.input_px=64", "training=modern",
    "training.batch_size=8", "hardware.workers=0", "training.learning_rate=0.005",
)  # fmt: skip


def settings(root: Path, folder: Path, *more: str) -> list[str]:
    return [*SMALL, f"data.root={root}", f"run_dir={folder}", *more]


def metrics(folder: Path) -> list[dict[str, str]]:
    with open(folder / "metrics.csv", newline="") as file:
        return list(csv.DictReader(file))


def last_checkpoint(folder: Path) -> dict:
    return torch.load(sorted((folder / "checkpoints").glob("step-*.pt"))[-1], weights_only=True)


def assert_same_end(one: Path, two: Path) -> None:
    a, b = last_checkpoint(one), last_checkpoint(two)
    assert a["trainer"]["position"] == b["trainer"]["position"]
    assert all(torch.equal(tensor, b["model"][name]) for name, tensor in a["model"].items())
    for x, y in zip(metrics(one), metrics(two), strict=True):
        assert all(x[name] == y[name] for name in x if name not in ("images_per_s", "wait_share", "wall_s"))


@pytest.fixture(scope="session")
def whole_run(tmp_path_factory: pytest.TempPathFactory, image_root: Path) -> Path:
    """An uninterrupted run of 3 epochs of 6 steps."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    script = Path(__file__).parents[2] / "experiments" / "train.py"
    done = subprocess.run(
        [sys.executable, str(script), *settings(image_root, folder, "training.epochs=3")],
        env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (folder / "printed.txt").write_text(done.stdout)
    return folder


def test_a_run_folder_holds_everything(whole_run: Path):
    manifest = json.loads((whole_run / "manifest.json").read_text())
    assert manifest["outcome"] == "finished"
    assert manifest["seed"] == 0
    assert manifest["data"]["images"] == 48
    assert manifest["parameters"] == sum(t.numel() for t in last_checkpoint(whole_run)["model"].values())
    assert torch.__version__.startswith(manifest["packages"]["torch"])
    assert manifest["peak_memory_mib"] > 100
    assert manifest["wall_s"] > 0
    assert [row["epoch"] for row in metrics(whole_run)] == ["1", "2", "3"]
    assert [row["step"] for row in metrics(whole_run)] == ["6", "12", "18"]
    assert "conv5" in (whole_run / "summary.txt").read_text()
    config = (whole_run / ".hydra" / "config.yaml").read_text()
    assert "learning_rate: 0.005" in config
    printed = (whole_run / "printed.txt").read_text()
    assert "tensorboard --logdir" in printed
    assert printed.splitlines()[0].split()[:3] == ["epoch", "loss", "top-1"]


def test_tensorboard_has_curves_filters_histograms_and_the_configuration(whole_run: Path):
    events = EventAccumulator(str(whole_run))
    events.Reload()
    tags = events.Tags()
    for name in ("train_loss", "val_loss", "train_top1_error", "val_top1_error", "val_top5_error"):
        points = events.Scalars(f"epoch/{name}")
        assert [point.step for point in points] == [1, 2, 3]
        assert [point.value for point in points] == pytest.approx([float(row[name]) for row in metrics(whole_run)])
    assert {f"layers_dead_maps/conv{layer}" for layer in range(1, 6)} <= set(tags["scalars"])
    assert "layers_dead_maps/fc8" not in tags["scalars"]
    assert [image.step for image in events.Images("filters/first_layer")] == [0, 1, 2, 3]
    assert "weights/conv1.weight" in tags["histograms"]
    assert [image.step for image in events.Images("mistakes/worst")] == [3]
    configuration = events.Tensors("configuration/text_summary")[0].tensor_proto.string_val[0].decode()
    assert "num_classes: 3\n" in configuration  # the data's, not conf/model/zfnet.yaml's
    content = events.SummaryMetadata("_hparams_/experiment").plugin_data.content
    hparams = [one.name for one in HParamsPluginData.FromString(content).experiment.hparam_infos]
    assert hparams[:4] == ["training.learning_rate", "model.width", "training", "model.name"]
    start = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    chosen = HParamsPluginData.FromString(start).session_start_info.hparams
    assert (chosen["training"].string_value, chosen["model.num_classes"].number_value) == ("modern", 3)


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
    assert process.returncode == 0, told
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


def test_two_processes_share_one_run_folder(image_root: Path, tmp_path: Path, command):
    folder = tmp_path / "shared"
    _, script, *words = command("train", *settings(image_root, folder, "training.epochs=1"))
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*torchrun, script, *words], cwd=tmp_path, env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["shared"]
    assert json.loads((folder / "manifest.json").read_text())["processes"] == 2
    assert len(list(folder.glob("events*"))) == len(list((folder / "evolution").glob("events*"))) == 1
    assert sorted(path.name for path in (folder / "evolution").glob("*.npz")) == ["epoch-0000.npz", "epoch-0001.npz"]
    assert len(metrics(folder)) == 1
    assert len(last_checkpoint(folder)["trainer"]["random"]) == 2
    assert done.stdout.count("best: epoch 1") == 1


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
    assert process.returncode == 0, told
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


def test_the_run_starts_as_its_recipe_says(whole_run: Path, image_root: Path):
    """modern: unit-variance input, and a first layer at a quarter of Kaiming's weights."""
    content = last_checkpoint(whole_run)
    pixels = np.stack([decode_square(path, 72) for path in list_folder(image_root, "train").paths]).astype(np.float64)
    deviation = (pixels - pixels.mean(0)).std((0, 1, 2))
    assert np.allclose(content["network"]["frame"]["scale"].flatten(), deviation, rtol=1e-2)
    first = content["model"]["conv1.weight"]  # after 18 small steps still about what it started as
    assert first.std().item() == pytest.approx(0.25 * (2 / first[0].numel()) ** 0.5, rel=0.2)


def test_weights_that_the_recipe_would_overwrite_are_refused_and_kept_otherwise(
    whole_run: Path, image_root: Path, carry_out_here, tmp_path: Path
):
    weights = sorted((whole_run / "checkpoints").glob("step-*.pt"))[-1]
    words = settings(image_root, tmp_path / "new", "training.epochs=1", f"model.weights={weights}")
    code, printed = carry_out_here("train", *words)
    assert code == 2
    assert f"training.init=kaiming would overwrite model.weights={weights}: give training.init=keep" in printed
    code, printed = carry_out_here("train", *words, "training.init=keep", "training.learning_rate=1e-12")
    assert code == 0, printed
    before, after = last_checkpoint(whole_run)["model"], last_checkpoint(tmp_path / "new")["model"]
    assert all(torch.allclose(tensor, after[name], atol=1e-6) for name, tensor in before.items())


def test_a_resumed_run_must_be_the_same_one(whole_run: Path, image_root: Path, carry_out_here):
    words = settings(image_root, whole_run, "training.epochs=3", "resume=auto")
    code, printed = carry_out_here("train", *words, "model.width=0.1")
    assert code == 2
    assert "'width': 0.05" in printed
    assert "'width': 0.1" in printed
    code, printed = carry_out_here("train", *words, "training.batch_size=16")
    assert code == 2
    assert "the checkpoint's run had batch_size=8, this one batch_size=16: give the same" in printed


def test_a_folder_with_a_run_in_it_is_not_overwritten(whole_run: Path, image_root: Path, carry_out_here):
    before = sorted((path.name, path.stat().st_mtime_ns) for path in (whole_run / "checkpoints").iterdir())
    code, printed = carry_out_here("train", *settings(image_root, whole_run, "training.epochs=3"))
    assert code == 2
    assert "already holds a run: give resume=auto to go on with it" in printed
    assert sorted((path.name, path.stat().st_mtime_ns) for path in (whole_run / "checkpoints").iterdir()) == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["data=imagenet_folder", "training=modern"], "no value for data.root: give it as data.root=..."),
        (["training=modern"], "You must specify 'data'"),
        ([*SMALL, "data.root=nowhere", "training.rate=1"], "Key 'rate' is not in struct"),
        ([*SMALL, "data.root=nowhere"], "nowhere: no such folder; expected images as root/{train,val}/<wnid>"),
        ([*SMALL, "data.root=.", "training.epochs=0"], "training.epochs=0, expected a whole number above 0"),
    ],
)
def test_wrong_words_end_in_one_line_that_says_what_is_wanted(carry_out_here, words: list[str], told: str):
    code, printed = carry_out_here("train", *words)
    assert code != 0
    assert told in printed
    assert "Traceback" not in printed


def test_all_images_that_cannot_be_read_are_listed_whatever_their_names(carry_out_here, tmp_path: Path):
    for folder in ("train/n0", "train/n1", "val/n0", "val/n1"):
        (tmp_path / "root" / folder).mkdir(parents=True)
        for index in range(25):
            Image.new("L", (72, 72), 10 * index).save(tmp_path / "root" / folder / f"{index:02d}.png")
    names = [b"a\nb.png", b"caf\xe9.png", b"tail.png"]
    folder = tmp_path / "root" / "train" / "n1"
    for name in names:
        (folder / os.fsdecode(name)).write_bytes(b"")
    order = training_order(53, seed=0, epoch=0)
    assert set(order[45:]) & {50, 51, 52} == {52}  # of the last batch, which is dropped
    run = tmp_path / "run"
    words = settings(tmp_path / "root", run, "training.epochs=1", "training.batch_size=45")
    for more in ([], ["resume=auto"]):  # the second finds that all is done, and reads none of the first 45 again
        code, printed = carry_out_here("train", *words, *more)
        assert code == 0, printed
        assert "3 images could not be read and were skipped" in printed
        listed = [os.fsencode(folder) + b"/" + name.replace(b"\n", b"\\n") for name in names]
        assert (run / "skipped.txt").read_bytes().splitlines() == listed
        (run / "skipped.txt").unlink()


def test_a_truncated_image_is_skipped_with_a_report_and_strict_stops(carry_out_here, tmp_path: Path):
    generator = torch.Generator().manual_seed(0)
    for split in ("train", "val"):
        for wnid in ("n0", "n1"):
            (tmp_path / "root" / split / wnid).mkdir(parents=True)
            for index in range(5):
                pixels = torch.randint(0, 255, (80, 80, 3), dtype=torch.uint8, generator=generator).numpy()
                Image.fromarray(pixels).save(tmp_path / "root" / split / wnid / f"{index}.JPEG")
    folder = tmp_path / "root" / "train" / "n1"
    bad = folder / "3.JPEG"
    bad.write_bytes(bad.read_bytes()[:600])
    words = settings(tmp_path / "root", tmp_path / "run", "training.epochs=1", "training.batch_size=10")
    code, printed = carry_out_here("train", *words)
    assert code == 0, printed
    assert f"skipped an image that cannot be read: {bad}" in printed
    assert "1 images could not be read and were skipped" in printed
    assert (tmp_path / "run" / "skipped.txt").read_text() == f"{bad}\n"
    code, printed = carry_out_here("train", *words, "data.strict=true", f"run_dir={tmp_path / 'strict'}")
    assert code == 2
    assert str(bad) in printed
    for path in folder.iterdir():
        path.write_bytes(b"")
    code, printed = carry_out_here("train", *words, f"run_dir={tmp_path / 'lost'}")
    assert code == 2
    assert "neither this nor any other image of class n1 can be read" in printed
    assert not (tmp_path / "lost" / "checkpoints").exists()
