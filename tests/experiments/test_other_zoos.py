"""Jobs take networks of timm and pytorchcv by name, and say where images are not made as a network's hub makes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from train_runs import settings

from experiments.common.network import ModelChoice, NetworkChoice
from zfnet.data import hub_frame
from zfnet.models import ZOOS, build_model
from zfnet.network import Network, open_network
from zfnet.training.checkpoint import save_checkpoint

HAVE = {zoo.package: zoo.installed for zoo in ZOOS}
needs_timm = pytest.mark.skipif(not HAVE["timm"], reason="timm is an extra: pip install 'zfnet[timm]'")


def test_pytorchcvs_zfnet_is_laid_out_as_ours_without_the_package(carry_out_here):
    code, printed = carry_out_here("summary", "model=pytorchcv", "run_dir=run")
    assert code == 0, printed
    assert "62,357,608" in printed
    rows = [line.split()[0] for line in printed.splitlines() if line.split()]
    assert [row for row in rows if row in ("conv1", "relu1", "norm1", "pool1")] == ["conv1", "relu1", "norm1", "pool1"]


@needs_timm
def test_a_job_sees_what_the_hub_shows(carry_out_here, image_root: Path, tmp_path: Path):
    image = next((image_root / "val").rglob("*.JPEG"))
    words = [f"image={image}", "checkpoint=timm:test_resnet", "top=1", "layer=layer1.0.conv1"]
    code, printed = carry_out_here("project", *words, f"run_dir={tmp_path / 'run'}")
    assert code == 0, printed
    assert "warning: timm:test_resnet without weights" in printed
    (arrays,) = (tmp_path / "run").glob("*.npz")
    assert 160 in {side for name in np.load(arrays).files for side in np.load(arrays)[name].shape}


@needs_timm
def test_training_takes_the_hubs_size_and_its_checkpoint_opens_again(carry_out_here, image_root: Path, tmp_path: Path):
    words = settings(image_root, tmp_path / "run", "training.epochs=1", "model=timm", "model.name=timm:test_resnet")
    given = [word for word in words if not word.startswith(("model.width", "model.input_px", "data.side"))]
    code, printed = carry_out_here("train", *given, "data.side=160", "evolution=null")
    assert code == 0, printed
    network = open_network(tmp_path / "run" / "checkpoints" / "best.pt")
    assert network.arguments == {"name": "timm:test_resnet", "num_classes": 3, "width": 1.0, "input_px": 160}
    assert network.names == ("red", "green", "blue")


def test_squares_made_by_another_filter_are_told(carry_out_here, image_root: Path, tmp_path: Path):
    arguments = {"name": "zfnet_norm_first", "num_classes": 3, "width": 0.05, "input_px": 64}
    torch.manual_seed(0)
    frame = hub_frame(64, 72, mean=(0.5,) * 3, std=(0.5,) * 3, interpolation="bicubic")
    wnids = tuple(f"n0000000{label}" for label in range(3))
    network = Network(build_model(**arguments), frame, wnids, wnids, arguments)
    save_checkpoint(tmp_path / "c.pt", {"network": network.state(), "model": network.model.state_dict(), "trainer": {}})
    data = ["data=imagenet_folder", f"data.root={image_root}", "data.side=72", "hardware.workers=0"]
    words = [*data, f"checkpoint={tmp_path / 'c.pt'}", "views=1"]
    probabilities = []
    for filter_name in ("bilinear", "bicubic"):
        folder = tmp_path / filter_name
        code, printed = carry_out_here("evaluate", *words, f"data.interpolation={filter_name}", f"run_dir={folder}")
        assert code == 0, printed
        assert ("the network is meant to see bicubic squares, these images are" in printed) == (
            filter_name == "bilinear"
        )
        probabilities.append(np.load(folder / "val_1views.npz")["probability"])
    assert not np.array_equal(*probabilities)
    code, printed = carry_out_here("evaluate", *words, "data.interpolation=bicubic", "data.pack=packed", "run_dir=p")
    assert code != 0
    assert "data.interpolation=bicubic: packs and MNIST are bilinear, give pack=null" in printed


def test_the_size_is_the_one_asked_for_or_the_models_or_the_networks_own():
    zoo, ours = ModelChoice(name="torchvision:efficientnet_b1", input_px=None), ModelChoice(name="zfnet", input_px=96)
    assert (zoo.size_px, ours.size_px, ModelChoice(name="zfnet", input_px=None).size_px) == (240, 96, 224)
    assert NetworkChoice(model=ours).crop_px == 96
    assert NetworkChoice(model=zoo).crop_px is None
    assert NetworkChoice(model=ours, size_px=64).crop_px == 64
    assert NetworkChoice(model=ours, checkpoint="torchvision:alexnet").crop_px is None  # model=... is not looked into
