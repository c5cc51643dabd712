"""release: a training becomes a folder with its card, from which the same network comes back."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from train_runs import settings

from zfnet import open_network
from zfnet.runs import read_manifest

pytest.importorskip("huggingface_hub")

from zfnet.hub import HubNetwork


def test_a_run_becomes_a_folder_and_a_card(whole_run: Path, carry_out_here: Callable, tmp_path: Path):
    code, said = carry_out_here("release", f"run={whole_run}", "run_dir=out", "title=Three colours")
    assert code == 0, said
    back = HubNetwork.from_pretrained(tmp_path / "out" / "release")
    trained = open_network(whole_run / "checkpoints" / "best.pt")
    images = torch.randn(1, 3, trained.frame.size_px, trained.frame.size_px)
    assert torch.equal(back.network.model(images), trained.model(images))
    assert "# Three colours" in back.card
    assert "| epochs | 3 |" in back.card
    assert "top-1 error, epoch 3, the last" in back.card


@pytest.mark.parametrize("words", [("resume=auto",), ("resume=nowhere.pt",)])
def test_a_try_that_was_refused_is_not_on_the_card(
    whole_run: Path, image_root: Path, carry_out_here: Callable, tmp_path: Path, words: tuple[str, ...]
):
    run = shutil.copytree(whole_run, tmp_path / "run")
    trained_s = read_manifest(run / "manifest.json")["wall_s"]
    code, said = carry_out_here("train", *settings(image_root, run, *words, "seed=5", "training.momentum=0.1"))
    assert code == 2, said
    code, said = carry_out_here("release", f"run={run}", "run_dir=out")
    assert code == 0, said
    card = HubNetwork.from_pretrained(tmp_path / "out" / "release").card
    assert "| outcome | finished |" in card
    assert "| seed | 0 |" in card
    assert "| momentum | 0.9 |" in card
    refused_s = read_manifest(run / "manifest.json")["wall_s"]
    assert f"| seconds | {round(trained_s + refused_s, 1)} |" in card


@pytest.mark.parametrize("training_came_last", [False, True])
def test_results_put_beside_a_training_leave_it_its_configuration_and_its_card(
    whole_run: Path, image_root: Path, carry_out_here: Callable, tmp_path: Path, training_came_last: bool
):
    run = shutil.copytree(whole_run, tmp_path / "run")
    before = (run / ".hydra" / "config.yaml").read_bytes()
    data = ["data=imagenet_folder", f"data.root={image_root}", "data.side=72", "hardware.workers=0"]
    checkpoint = f"checkpoint={run / 'checkpoints' / 'best.pt'}"
    code, said = carry_out_here("evaluate", *data, checkpoint, "views=1", f"run_dir={run}", "reuse=true")
    assert code == 0, said
    assert (run / ".hydra" / "config.yaml").read_bytes() == before
    assert "split: val" in (run / ".hydra-evaluate" / "config.yaml").read_text()
    if training_came_last:
        (run / ".hydra").rename(run / ".hydra-train")
        (run / ".hydra-evaluate").rename(run / ".hydra")
    code, said = carry_out_here("release", f"run={run}", "run_dir=out")
    assert code == 0, said
    card = HubNetwork.from_pretrained(tmp_path / "out" / "release").card
    assert "| momentum | 0.9 |" in card
    assert "| seed | 0 |" in card


def test_a_folder_that_is_no_run_is_told(carry_out_here: Callable, tmp_path: Path):
    code, said = carry_out_here("release", f"run={tmp_path}")
    assert code == 2
    assert "expected run=FOLDER" in said
