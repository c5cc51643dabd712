"""What the live page saves comes to its numbers again: lines of Python in a process of their own, and commands."""

from __future__ import annotations

import io
import json
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("starlette", reason="skipped: starlette is not installed (the extra live)")
from in_process import ROOT, run_here
from PIL import Image
from small_network import small_network

from zfnet.live import Lens, Page, Pictures
from zfnet.models import zoo_of
from zfnet.network import open_network

DRAWN = """
import json, sys, numpy as np, torch, zfnet
real, drawn = zfnet.plot, []
def plot(what, *given, **named):
    drawn.append(what)
    return real(what, *given, **named)
zfnet.plot = plot
for kind, text in json.load(open("texts.json")).items():
    drawn.clear()
    exec(text, {})
    if kind == "occlusion":
        drawn[:] = [drawn[0].probability, drawn[0].activity]
    np.savez(f"{kind}.npz", *[np.asarray(one) for one in drawn])
"""
HIDDEN = [-3, 40, 24]


@dataclass
class Saved:
    """A page, two of its pictures, and what it said of each kind, with the squares saved to the folder."""

    page: Page
    asked: dict[str, dict[str, Any]]
    told: dict[str, dict[str, Any]]
    folder: Path


def asked_of(page: Page, keys: list[str]) -> dict[str, dict[str, Any]]:
    """The questions, each about units that answer to its picture."""

    def strong(at: int, layer: str, **more: Any) -> dict[str, Any]:
        said = {"picture": keys[at], "layer": layer, **more}
        told = page.answer("strongest", {key: one for key, one in said.items() if key != "hidden"})["units"]
        return {**said, "units": [[one["map"], one["row"], one["column"]] for one in told[:2]]}

    return {
        "projection": {**strong(0, "conv5", rule="guided")},
        "place": strong(0, "conv3"),
        "hidden": strong(0, "conv3", hidden=HIDDEN),
        "pictures": {"columns": [strong(0, "conv3"), strong(1, "conv3")]},
        "networks": {"columns": [strong(0, "conv3"), strong(0, "conv3", network=1)]},
        "rules": {"columns": [strong(0, "conv3", rule=rule) for rule in ("guided", "gradient")]},
        "random": strong(0, "features.3.squeeze", network=2),
    }


KINDS = ("projection", "place", "hidden", "pictures", "networks", "rules", "random")
HEAT = {"layer": "conv5", "target": 1, "size": 20, "stride": 12}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Saved:
    folder = tmp_path_factory.mktemp("saved 'here'")  # as folders are called
    lenses = []
    for number in (0, 1):
        path = small_network(folder / f"net{number}.pt", seed=number)
        lenses.append(Lens(open_network(path), number=number, source=str(path), weights=None, title="small"))
    torch.manual_seed(5)
    name = "torchvision:squeezenet1_0"
    assert zoo_of(name) is not None
    untrained = open_network(name, None, 64)
    lenses.append(Lens(untrained, number=2, source=name, weights=None, title="random", crop_px=64, seed=5))
    page = Page(lenses=lenses, pictures=Pictures([lens.network.frame for lens in lenses]))
    keys = []
    for seed in (0, 1):
        coarse, file = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), dtype=np.uint8), io.BytesIO()
        Image.fromarray(coarse).resize((120, 90), Image.Resampling.BICUBIC).save(file, "PNG")
        keys.append(page.upload(file.getvalue(), f"a picture, {seed}.png")["picture"])
    asked = asked_of(page, keys)
    told = {kind: page.answer("words", one) for kind, one in asked.items()}
    *_, last = (json.loads(line) for line in page.occlusion({"picture": keys[0], **HEAT}))
    told["occlusion"] = last
    for one in told.values():
        for file in one["files"]:
            _, key, number = file["address"].removesuffix(".png").split("/")
            Image.fromarray(page.pictures[key].squares[int(number)]).save(folder / file["name"])
    return Saved(page, asked, told, folder)


def projected(saved: Saved, kind: str) -> list[np.ndarray]:
    """The page's own projections of what stands in each column, as whole pictures (N, 3, H, W)."""
    found = []
    for seen in saved.page.asked(saved.asked[kind]).columns():
        windows = seen.lens.project(seen.shown, seen.layer, seen.units, seen.rule)
        whole = torch.zeros(len(seen.units), 3, seen.lens.size_px, seen.lens.size_px)
        (high, wide), side = windows.pixels.shape[2:], seen.lens.size_px
        for picture, window, (top, left) in zip(whole, windows.pixels, windows.corners.tolist(), strict=True):
            inside = slice(max(0, -top), min(high, side - top)), slice(max(0, -left), min(wide, side - left))
            picture[:, max(0, top) : top + high, max(0, left) : left + wide] = window[:, inside[0], inside[1]]
        found.append(whole.numpy())
    return found


def close(found: np.ndarray, expected: np.ndarray) -> None:
    assert np.abs(expected).max() > 0, "nothing to compare"
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_the_lines_of_python(saved: Saved):
    """All kinds in one process, which saves starting torch for each."""
    (saved.folder / "texts.json").write_text(json.dumps({kind: one["python"] for kind, one in saved.told.items()}))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", DRAWN], cwd=saved.folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for kind in KINDS:
        with np.load(saved.folder / f"{kind}.npz") as arrays:
            expected = projected(saved, kind)
            assert len(arrays) == len(expected)
            for name, one in zip(arrays, expected, strict=True):
                close(arrays[name], one)
    heat = saved.told["occlusion"]["heat"]
    with np.load(saved.folder / "occlusion.npz") as arrays:
        probability, activity = (arrays[name] for name in arrays)
    assert probability.max() == pytest.approx(heat["highest"], rel=1e-4)
    assert probability.min() == pytest.approx(heat["least"], rel=1e-4)
    for values, drawn in ((probability, heat["probability"]), (activity, heat["activity"])):
        np.testing.assert_allclose(255 * (values - values.min()) / np.ptp(values), drawn, atol=0.6)  # they are rounded
    lines = {kind: len(one["python"].splitlines()) for kind, one in saved.told.items()}
    assert {lines[kind] for kind in ("projection", "place", "occlusion")} == {6}
    assert lines["hidden"] == 7  # the square's own
    for figure in ("projection.png", "projection-1.png", "projection-2.png", "occlusion.png"):
        assert (saved.folder / figure).is_file()


@pytest.mark.parametrize("kind", ["projection", "hidden", "networks"])
def test_the_commands_of_projections(saved: Saved, kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(saved.folder)
    seen = saved.page.asked(saved.asked[kind]).columns()
    for number, (line, one) in enumerate(zip(saved.told[kind]["command"].splitlines(), seen, strict=True)):
        program, job, *words = shlex.split(line)
        assert program == "zfnet"
        assert run_here(job, *words, f"run_dir={tmp_path / str(number)}", "hardware.device=cpu") == 0
        found = one.lens.project(one.shown, one.layer, one.units, one.rule)
        with np.load(tmp_path / str(number) / "project.npz") as arrays:
            close(arrays["projection"], found.pixels.numpy())
            close(arrays["value"], found.values.numpy())
            close(arrays["probability"][0], one.lens.probabilities(one.shown).numpy().max())
            np.testing.assert_array_equal(arrays["picture"], one.shown.pixels[one.lens.number])


def test_the_command_of_an_occlusion_map(saved: Saved, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(saved.folder)
    program, job, *words = shlex.split(saved.told["occlusion"]["command"])
    assert (program, job) == ("zfnet", "fig7")
    assert run_here("fig7_occlusion", *words, f"run_dir={tmp_path / 'run'}", "hardware.device=cpu") == 0
    heat = saved.told["occlusion"]["heat"]
    with np.load(tmp_path / "run" / "fig7.npz") as arrays:
        probability, activity = arrays["probability"][0], arrays["activity"][0]
        assert int(arrays["map"][0]) == heat["map"]
        assert arrays["rows"].tolist() == heat["rows"]
    assert probability.max() == pytest.approx(heat["highest"], rel=1e-4)
    np.testing.assert_allclose(
        255 * (probability - probability.min()) / np.ptp(probability), heat["probability"], atol=0.6
    )
    np.testing.assert_allclose(255 * (activity - activity.min()) / np.ptp(activity), heat["activity"], atol=0.6)


def test_the_figures_hold_their_settings(saved: Saved):
    for kind, asked in saved.asked.items():
        with Image.open(io.BytesIO(saved.page.figure(asked))) as figure:
            assert figure.text["command"] == saved.told[kind]["command"]  # type: ignore[attr-defined]
            assert figure.text["python"] == saved.told[kind]["python"]  # type: ignore[attr-defined]
