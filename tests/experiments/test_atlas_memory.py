"""What an atlas holds at once does not grow with the layers, maps and epochs that it shows."""

from __future__ import annotations

import gc
import tracemalloc
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from experiments.atlas_parts import settings as settings_module
from experiments.atlas_parts.epochs import Epoch
from experiments.atlas_parts.settings import MAPS_BYTES, LayerPlan, Settings, images_at_once
from experiments.atlas_parts.survey import survey
from experiments.common.job import Run
from zfnet.data import InputFrame, NoiseImages
from zfnet.mining import CentreViews
from zfnet.network import Network
from zfnet.pages.atlas import projection_tiles
from zfnet.runs import peak_memory_mib
from zfnet.training import Hardware, World

PEAK = Path("/proc/self/clear_refs")  # where Linux lets a process begin its peak anew
MIB = 2**20
SETTINGS = Settings(
    layers=None, top=1, whole_top=1, rule="deconvnet", rules=[], gain="p99.9", tile_px=16, photographs=False, shown=0,
    shown_maps=1, square_px=None, stride_px=None, time="none", compare=None, compare_weights=None, optimised=0,
    optimised_steps=1,
)  # fmt: skip


def plans(count: int) -> list[LayerPlan]:
    return [
        LayerPlan(
            number=number, name=f"conv{number}", kind="Conv2d", shape=(64, 128, 128), parameters=0, field=None,
            places=1, tile=(9, 9), rules=(),
        )
        for number in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize("copies", [1, 2])
def test_images_at_once_are_as_many_as_their_maps_allow(copies: int):
    image_bytes = 4 * 64 * 128 * 128  # of one layer
    assert images_at_once(plans(1), 32, copies=copies) == 32
    for count in (8, 20):
        images = images_at_once(plans(count), 32, copies=copies)
        assert images * copies * count * image_bytes <= MAPS_BYTES < (images + 1) * copies * count * image_bytes
    assert images_at_once(plans(100), 32, copies=copies) == 1


def surveyed_mib(layers: int, folder: Path) -> int:
    """How far the process's memory rises while a network of so many layers of 8 maps of 64 x 64 is surveyed."""
    torch.manual_seed(0)
    model = nn.Sequential()
    for number in range(layers):
        model.add_module(f"conv{number}", nn.Conv2d(3 if number == 0 else 8, 8, 3, padding=1))
        model.add_module(f"relu{number}", nn.ReLU())
    model.input_px = 64  # of the image that the network is traced on
    frame = InputFrame(64, 64, torch.full((3, 1, 1), 127.0), torch.full((3, 1, 1), 60.0))
    views = CentreViews(NoiseImages(32, 2, 64), frame, 32)
    gc.collect()
    PEAK.write_text("5")
    before = peak_memory_mib()
    run = Run(folder / str(layers), World(), Hardware(device="cpu"), None)
    survey(Network(model, frame, ("a", "b"), ("a", "b")), views, SETTINGS, run.folder, run)
    return peak_memory_mib() - before


@pytest.mark.skipif(not PEAK.exists(), reason="skipped: this system does not let a process measure its peak anew")
def test_the_peak_does_not_grow_with_the_layers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Forty layers' maps of 32 images are 160 MiB, twice over while they are drawn; 8 MiB hold those of one.

    Measured without the bound: 290 MiB more than of two layers; with it 35.
    """
    monkeypatch.setattr(settings_module, "MAPS_BYTES", 8 * MIB)
    surveyed_mib(2, tmp_path / "first")  # what is loaded on first use
    few, many = surveyed_mib(2, tmp_path), surveyed_mib(40, tmp_path)
    assert many - few < 100, (few, many)


def test_scaling_projections_holds_a_few_of_them():
    """They are float64 on the way, and several times over: of all at once that would be eight times their size."""
    projection = np.random.default_rng(0).normal(size=(160, 3, 96, 96)).astype(np.float32)  # 17 MiB
    whole = np.concatenate([projection_tiles(one[None], (24, 24), "p99.9") for one in projection])
    tracemalloc.start()
    tiles = projection_tiles(projection, (24, 24), "p99.9")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(tiles, whole)
    assert peak < 3 * projection.nbytes, peak / projection.nbytes


def test_of_an_epoch_the_network_is_not_kept():
    assert {field.name for field in fields(Epoch)} == {"mined", "peaks", "arrays", "drawn"}
