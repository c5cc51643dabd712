"""Small things that many tests need."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from array_source import ArraySource

ROOT = Path(__file__).parents[1]
torch.set_num_threads(1)  # tests run two at a time


@pytest.fixture
def array_source() -> Callable[..., ArraySource]:
    def make(count: int = 48, classes: int = 4, side_px: int = 72, seed: int = 0) -> ArraySource:
        return ArraySource(count, classes, side_px, seed)

    return make


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a wheel puts into an environment. Not to be changed."""
    pytest.importorskip("setuptools", minversion="77", reason="builds the wheel")
    folder = tmp_path_factory.mktemp("wheel")
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard"], capture_output=True,
                            text=True, check=False).stdout.splitlines()  # fmt: skip
    if not listed:
        pytest.skip("not a git checkout: nothing says which files are the project's")
    for name in listed:
        if name.split("/")[0] in ("zfnet", "experiments", "conf") or "/" not in name:
            (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / "source" / name)
    words = ["-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(folder), str(folder / "source")]
    subprocess.run([sys.executable, *words], check=True, capture_output=True)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(folder / "site")
    return folder / "site"
