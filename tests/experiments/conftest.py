"""A small data set on disk and the command line, for tests of whole jobs."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from atlas_site import build_atlas
from atlas_visit import Visit
from chromium import open_browser
from in_process import ROOT, run_here
from PIL import Image
from report_page import build_report
from train_runs import settings
from trained_rows import sweep_words

Command = Callable[..., list[str]]


@pytest.fixture
def signals_heard() -> Iterator[None]:
    """Signals as at a terminal: in a script's background and under nohup they are ignored, and children inherit it."""
    wanted = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in wanted.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def image_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """root/{train,val}/<wnid>/*.JPEG: three classes of flat colours with noise, 16 and 4 images a class."""
    root = tmp_path_factory.mktemp("images")
    generator = np.random.default_rng(0)
    for split, count in (("train", 16), ("val", 4)):
        for label in range(3):
            folder = root / split / f"n0000000{label}"
            folder.mkdir(parents=True)
            for index in range(count):
                pixels = generator.integers(0, 100, (80, 90, 3), dtype=np.uint8)
                pixels[..., label] += 120
                Image.fromarray(pixels).save(folder / f"{wnid_name(label, index)}.JPEG")
    (root / "words.txt").write_text("n00000000\tred\nn00000001\tgreen\nn00000002\tblue\n")
    return root


def wnid_name(label: int, index: int) -> str:
    return f"n0000000{label}_{index}"


@pytest.fixture(scope="session")
def trained_rows(tmp_path_factory: pytest.TempPathFactory, image_root: Path) -> Path:
    """The rows of a table that one Hydra multirun trained: zfnet with seeds 0 and 1. Not to be changed."""
    folder = tmp_path_factory.mktemp("sweep") / "rows"
    words = [*sweep_words(image_root, "model=zfnet", "seed=0,1"), f"run_dir={folder}"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder.parent)
        assert run_here("train", "-m", *words) == 0
    return folder


@pytest.fixture(scope="session")
def whole_run(tmp_path_factory: pytest.TempPathFactory, image_root: Path) -> Path:
    """An uninterrupted run of 3 epochs of 6 steps."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    script = ROOT / "experiments" / "train.py"
    done = subprocess.run(
        [sys.executable, str(script), *settings(image_root, folder, "training.epochs=3")],
        env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (folder / "printed.txt").write_text(done.stdout)
    return folder


@pytest.fixture(scope="session")
def atlas_run(tmp_path_factory: pytest.TempPathFactory, whole_run: Path, image_root: Path) -> Path:
    """The run folder of a small atlas of that run's best network beside another. Not to be changed."""
    return build_atlas(tmp_path_factory.mktemp("atlas"), whole_run, image_root)


@pytest.fixture(scope="session")
def report_run(tmp_path_factory: pytest.TempPathFactory, trained_rows: Path, image_root: Path) -> Path:
    """The run folder of a small report of one of two trainings. Not to be changed."""
    return build_report(tmp_path_factory.mktemp("report"), trained_rows, image_root)


@pytest.fixture
def rows(trained_rows: Path, tmp_path: Path) -> Path:
    """A copy of them that a test may write to."""
    return shutil.copytree(trained_rows, tmp_path / "rows")


@pytest.fixture
def command() -> Command:
    """The words of a job's command line."""

    def words(job: str, *overrides: str) -> list[str]:
        return [sys.executable, str(ROOT / "experiments" / f"{job}.py"), *overrides]

    return words


@pytest.fixture
def carry_out(command: Command, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a job in an empty folder and return what it printed."""

    def run(job: str, *overrides: str, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        return subprocess.run(
            command(job, *overrides),
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    return run


@pytest.fixture
def carry_out_here(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Run a job in this process, which saves its start; returns its exit code and what it printed."""

    def run(job: str, *overrides: str) -> tuple[int, str]:
        monkeypatch.chdir(tmp_path)
        code = run_here(job, *overrides)
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return run


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """The system's chromium; pages of a module share it."""
    with open_browser() as opened:
        yield opened


@pytest.fixture
def visit(browser: Any, site: Path) -> Iterator[Visit]:
    """A tab of the module's `site`, in which nothing goes wrong and which asks for nothing from elsewhere."""
    one = Visit(browser, site, viewport={"width": 1100, "height": 800})
    yield one
    one.page.close()
    assert not one.wrong
    assert not [url for url in one.asked if not url.startswith((site.as_uri(), "about:"))]
