"""An atlas that is killed at any step goes on from there, and is the one that was never killed, byte for byte."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from _pytest.monkeypatch import derive_importpath
from atlas_site import SMALL
from in_process import ROOT, run_here
from small_network import small_network

FEW = (*SMALL, "layers=[conv1,conv2]", "shown=2", "optimised=9", "optimised_steps=2")
STEPS = {  # what is called, and the call at which the process ends
    "mining": ("zfnet.analysis.atlas.peaks.Peaks.add", 2),
    "projecting": ("experiments.atlas_parts.survey.focus_of", 3),
    "sprites": ("zfnet.pages.atlas.layer_files.save_picture", 7),
    "images": ("zfnet.pages.atlas.site.resized", 5),
    "pages of images": ("experiments.atlas_parts.shown.occlude", 2),
    "made for maps": ("experiments.atlas_parts.optimised.maximise", 2),
    "numbers": ("experiments.atlas.save_numbers", 2),
    "front page": ("zfnet.pages.atlas.site.copy_static", 1),
    "its name": ("zfnet.pages.atlas.site.Site.commit", 1),
    "after it": ("experiments.atlas.shutil.rmtree", 4),
}

KILLED = """
import os, runpy, signal, sys
from PIL import Image

saves, real = 0, Image.Image.save

def save(image, file, *given, **named):
    global saves
    saves += 1
    if saves == 7:
        file.write(b"half a picture")
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    real(image, file, *given, **named)

Image.Image.save = save
runpy.run_path(sys.argv[0], run_name="__main__")
"""  # ends in the middle of its seventh picture


class Killed(BaseException):
    """Nothing that the job would catch."""


def killed_at(monkeypatch: pytest.MonkeyPatch, target: str, call: int) -> None:
    name, holder = derive_importpath(target, True)
    real, calls = getattr(holder, name), 0

    def until(*given: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            raise Killed(target)
        return real(*given, **named)

    monkeypatch.setattr(holder, name, until)


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory, image_root: Path) -> list[str]:
    network = small_network(tmp_path_factory.mktemp("net") / "net.pt")
    return [*FEW, f"checkpoint={network}", f"data.root={image_root}"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, words: list[str]) -> Path:
    """A site that was never killed."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert run_here("atlas", *words, f"run_dir={folder / 'run'}") == 0
    return folder / "run" / "atlas"


def files_of(site: Path) -> dict[str, bytes]:
    """All but the front page, which holds the command."""
    found = {str(path.relative_to(site)): path.read_bytes() for path in site.rglob("*") if path.is_file()}
    del found["index.html"]
    return found


@pytest.mark.parametrize("step", STEPS)
def test_it_goes_on_from_any_step(
    carry_out_here: Callable[..., tuple[int, str]], whole: Path, words: list[str], tmp_path: Path, step: str
):
    given = [*words, f"run_dir={tmp_path / 'run'}"]
    with pytest.MonkeyPatch.context() as patch:
        killed_at(patch, *STEPS[step])
        with pytest.raises(Killed):
            carry_out_here("atlas", *given)
    assert (tmp_path / "run" / "atlas").exists() == (step == "after it")
    code, printed = carry_out_here("atlas", *given)
    assert code == 0, printed
    assert files_of(tmp_path / "run" / "atlas") == files_of(whole)
    assert sorted(path.name for path in (tmp_path / "run").glob("atlas*")) == ["atlas", "atlas.log"]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="skipped: this system has no SIGKILL")
def test_it_goes_on_after_kill_9_within_a_picture(
    carry_out_here: Callable[..., tuple[int, str]], whole: Path, words: list[str], tmp_path: Path
):
    """A process of its own that the system ends: nothing is cleaned up, no buffer is written, no lock given back."""
    given, script = [*words, f"run_dir={tmp_path / 'run'}"], str(ROOT / "experiments" / "atlas.py")
    threads = {"OMP_NUM_THREADS": str(torch.get_num_threads())}  # the sums of the run that was never killed
    start = f"import sys; sys.argv[0] = {script!r}; {KILLED}"
    done = subprocess.run(
        [sys.executable, "-c", start, *given], cwd=tmp_path, env={**os.environ, **threads}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr
    left = list((tmp_path / "run" / "atlas.partial" / "pictures").iterdir())
    assert [path.read_bytes() for path in left if path.suffix == ".partial"] == [b"half a picture"]
    assert not (tmp_path / "run" / "atlas").exists()
    code, printed = carry_out_here("atlas", *given)
    assert code == 0, printed
    assert files_of(tmp_path / "run" / "atlas") == files_of(whole)


def test_photographs_do_not_outlive_their_being_left_out(
    carry_out_here: Callable[..., tuple[int, str]], words: list[str], tmp_path: Path
):
    """What a killed run has drawn with them is not passed on by one without."""
    given = [*words, f"run_dir={tmp_path / 'run'}"]
    with pytest.MonkeyPatch.context() as patch:
        killed_at(patch, *STEPS["front page"])
        with pytest.raises(Killed):
            carry_out_here("atlas", *given)
    assert list((tmp_path / "run" / "atlas.partial" / "images").iterdir())
    code, printed = carry_out_here("atlas", *given, "photographs=false")
    assert code == 2
    assert "was begun for another network, data or options" in printed
    (plan,) = (tmp_path / "run").rglob("plan.json")
    plan.write_text(json.dumps({"fingerprint": json.loads(plan.read_text())["fingerprint"]}))
    code, printed = carry_out_here("atlas", *given)
    assert (code, "was begun by an earlier version: give another run_dir, or remove it" in printed) == (2, True)


def test_pictures_whose_work_is_gone_are_made_anew(
    carry_out_here: Callable[..., tuple[int, str]], words: list[str], tmp_path: Path
):
    left = tmp_path / "run" / "atlas.partial" / "images"
    left.mkdir(parents=True)
    (left / "i-000000.webp").write_bytes(b"a photograph")
    code, printed = carry_out_here("atlas", *words, "photographs=false", f"run_dir={tmp_path / 'run'}")
    assert code == 0, printed
    assert not list((tmp_path / "run" / "atlas" / "images").iterdir())


def test_the_network_that_is_compared_may_be_another_once_the_work_on_it_is_gone(
    carry_out_here: Callable[..., tuple[int, str]], words: list[str], tmp_path: Path
):
    """As the error says that tells of the first one's work: nothing that was drawn of that one is left."""
    one, two = (small_network(tmp_path / f"{seed}.pt", seed=seed) for seed in (5, 6))
    given = [*words, "time=none", f"run_dir={tmp_path / 'run'}"]
    with pytest.MonkeyPatch.context() as patch:
        killed_at(patch, "experiments.atlas_parts.compared.match", 1)
        with pytest.raises(Killed):
            carry_out_here("atlas", *given, f"compare={one}")
    work = tmp_path / "run" / "atlas.work" / "other"
    code, printed = carry_out_here("atlas", *given, f"compare={two}")
    assert code == 2
    assert f"{work} was begun for another network" in printed
    shutil.rmtree(work)
    assert carry_out_here("atlas", *given, f"compare={two}")[0] == 0
    assert carry_out_here("atlas", *given[:-1], f"run_dir={tmp_path / 'whole'}", f"compare={two}")[0] == 0
    found, whole = (files_of(tmp_path / name / "atlas" / "other") for name in ("run", "whole"))
    assert found == whole
