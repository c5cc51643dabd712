"""Settings under conf/experiment: what they compose to, and the small convnets' trained on a folder of images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from in_process import ROOT
from omegaconf import DictConfig
from PIL import Image

from zfnet.data.datasets.imagenet import list_folder

QUICK = (
    "data=imagenet_folder", "training.epochs=1", "training.batch_size=16", "hardware.workers=0", "evolution=null",
    "tensorboard.images_every=0", "tensorboard.histograms_every=0", "tensorboard.mistakes_every=0", "run_dir=run",
)  # fmt: skip


def composed(job: str, *words: str) -> DictConfig:
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose(job, list(words))


def trained(folder: Path) -> dict:
    return torch.load(next((folder / "checkpoints").glob("step-*.pt")), weights_only=True)["network"]


@pytest.mark.parametrize("job", ["tab4_caltech101", "tab5_caltech256"])
def test_transfer_on_the_parts_world_has_images_enough_that_no_network_was_trained_on(job: str):
    config = composed(job, "experiment=transfer_parts_world", "checkpoint=a.pt")
    usual = composed("train", "experiment=demo").data
    assert config.split == "val"
    assert config.data.val_per_class >= max(config.per_class) + config.test_per_class
    for name in ("root", "pack", "seed"):
        assert config.data[name] != usual[name]
    assert (config.data.side, config.data.draw_px) == (usual.side, usual.draw_px)


@pytest.mark.parametrize("data", ["mnist", "imagenet_folder"])
def test_digits_are_seen_whole(data: str):
    for words, side in ([], 28), (["model.input_px=32"], 32):
        config = composed("train", "experiment=mnist", f"data={data}", "data.root=x", *words)
        assert config.data.side == config.model.input_px == side


def test_the_mnist_setting_sees_whole_images_of_a_folder_and_tells_that_they_are_in_colour(
    carry_out_here, image_root: Path, tmp_path: Path
):
    code, printed = carry_out_here("train", "experiment=mnist", f"data.root={image_root}", "model.width=0.25", *QUICK)
    assert code == 0, printed
    assert "the network takes 3 channels, as the images have, not model.channels=1" in printed
    frame = trained(tmp_path / "run")["frame"]
    assert (frame["side_px"], frame["size_px"], len(frame["mean"])) == (28, 28, 3)
    squares = [
        np.asarray(Image.open(path).resize((28, 28), Image.Resampling.BILINEAR, box=(5, 0, 85, 80)))
        for path in list_folder(image_root, "train").paths
    ]
    np.testing.assert_allclose(frame["mean"].permute(1, 2, 0), np.mean(squares, axis=0), atol=0.01)


def test_the_cats_and_dogs_setting_trains_on_a_folder(carry_out_here, image_root: Path, tmp_path: Path):
    words = ["experiment=cats_dogs", f"data.root={image_root}", "model.width=0.1", "model.input_px=72", *QUICK]
    code, printed = carry_out_here("train", *words)
    assert code == 0, printed
    assert "model.channels" not in printed
    network = trained(tmp_path / "run")
    assert (network["frame"]["side_px"], network["frame"]["size_px"]) == (72, 72)
    assert network["arguments"]["num_classes"] == 3
    assert "rotation_deg: 40" in (tmp_path / "run" / ".hydra" / "config.yaml").read_text()
