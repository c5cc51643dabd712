"""The training command: run folder, refusal of wrong words, bad images."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from train_runs import SMALL, last_checkpoint, metrics, settings

from zfnet.data.datasets.imagenet import list_folder
from zfnet.data.decode import decode_square
from zfnet.data.loader import training_order
from zfnet.training import NonFiniteLoss


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


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


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
    configuration = contents(whole_run / ".hydra")
    code, printed = carry_out_here("train", *settings(image_root, whole_run, "training.epochs=4", "seed=5"))
    assert code == 2
    assert "already holds a run: give resume=auto to go on with it" in printed
    assert sorted((path.name, path.stat().st_mtime_ns) for path in (whole_run / "checkpoints").iterdir()) == before
    assert contents(whole_run / ".hydra") == configuration  # a release and Fig. 4 say by it what the run was
    code, printed = carry_out_here("train", *settings(image_root, whole_run, "training.epochs=9", "resume=nowhere.pt"))
    assert code == 2
    assert "no checkpoint at nowhere.pt" in printed
    assert contents(whole_run / ".hydra") == configuration


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["data=imagenet_folder", "training=modern"], "no value for data.root: give it as data.root=..."),
        (["training=modern"], "no value for data: give it as data=..., one of caltech101"),
        (
            [*SMALL, "data.root=nowhere", "training.rate=1"],
            "training.rate is no option of train.py: did you mean training.init",
        ),
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


def test_a_stray_file_is_no_run(tmp_path: Path):
    from experiments.train import checkpoint_to_resume

    (tmp_path / "step-latest.pt").write_bytes(b"")
    assert checkpoint_to_resume(None, tmp_path) == (tmp_path, None)
    (tmp_path / "step-00000012.pt").write_bytes(b"")
    with pytest.raises(ValueError, match="already holds a run"):
        checkpoint_to_resume(None, tmp_path)


def test_a_training_that_diverges_is_the_users_to_mend_and_a_bug_is_not():
    from experiments.common.job import _is_users

    assert [_is_users(error) for error in (NonFiniteLoss("nan"), ValueError(), RuntimeError(), KeyError())] == [
        True, True, False, False,
    ]  # fmt: skip
