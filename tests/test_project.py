"""What the project says of itself agrees: one version, licences of what it needs, types that a user's code sees."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import zfnet

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
SNIPPET = """\
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from zfnet import Deconvnet, Network, build_model, mine_top, occlude, open_network, plot, receptive_field

model: nn.Module = build_model("zfnet", num_classes=3, width=0.05, input_px=64)
deconvnet = Deconvnet(model)
images: Tensor = torch.randn(2, 3, 64, 64)
record = deconvnet.record(images)
pixels: Tensor = deconvnet.project(record, "conv2", torch.tensor([[0, 1, 2, 3]]))
top = mine_top(deconvnet, [images], layers=["conv2"], k=2)
numbers, units = top["conv2"].batch_of([0, 1])
first: int = numbers[0]
heat = occlude(model, images[0], target=1)
probability: Tensor = heat.probability
figure: Figure = plot(heat, images[0], names=("cat", "dog", "owl"))
network: Network = open_network(model, frame=open_network("zfnet").frame)
name: str = network.names[0]
field = receptive_field(model, "conv2")
if field is not None:
    size: tuple[int, int] = field.size_px
"""
CONFIG = """\
[mypy]
strict = true
disallow_any_unimported = false
[mypy-torch.*,torchvision.*,numpy.*,matplotlib.*,scipy.*,sklearn.*,PIL.*,tqdm.*]
ignore_missing_imports = true
"""  # which are not installed there: their own types are not ours to check, and take half a minute
WRONG = {
    "receptive_field(model, 3)": "incompatible type",
    "heat.no_such_thing": "no attribute",
    'open_network("zfnet", size_px="large")': "incompatible type",
}


def test_one_version_for_all():
    citation = (ROOT / "CITATION.cff").read_text()
    assert re.search(r"(?m)^version: (.+)$", citation)[1] == PROJECT["version"]  # type: ignore[index]
    assert f"## {PROJECT['version']}" in (ROOT / "CHANGELOG.md").read_text()
    assert zfnet.__version__
    said = [path for path in ROOT.joinpath("zfnet").rglob("*.py") if f'"{PROJECT["version"]}"' in path.read_text()]
    assert not said


def test_the_licence_of_every_dependency_is_listed():
    page = (ROOT / "docs" / "licences.md").read_text()
    extras = [
        one for name, extra in PROJECT["optional-dependencies"].items() if name not in ("docs", "dev") for one in extra
    ]
    for requirement in [*PROJECT["dependencies"], *extras]:
        name = re.match(r"[\w-]+", requirement)[0].replace("_", "-").lower()  # type: ignore[index]
        assert f"| {name} | " in page, f"{name} is not in docs/licences.md: scripts/licences writes it"
    assert "see the package" not in page


@pytest.fixture
def environment(installed: Path, tmp_path: Path) -> Path:
    """An environment with the wheel alone, as mypy finds packages: by site-packages, where py.typed counts."""
    home = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True)
    (site,) = home.glob("lib/python*/site-packages")
    shutil.copytree(installed, site, dirs_exist_ok=True)
    return home


def type_errors(environment: Path) -> dict[int, str]:
    """What mypy says of SNIPPET with the lines of WRONG under it, by line number."""
    folder = environment.parent
    (folder / "users.py").write_text(SNIPPET + "".join(f"{line}\n" for line in WRONG))
    (folder / "mypy.ini").write_text(CONFIG)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--python-executable", str(environment / "bin" / "python"), "users.py"],
        cwd=folder, capture_output=True, text=True, check=False, env={"PATH": ""},
    )  # fmt: skip
    errors = [line for line in done.stdout.splitlines() if ": error:" in line]
    assert all(line.startswith("users.py:") for line in errors), done.stdout + done.stderr
    return {int(line.split(":")[1]): line for line in errors}


def test_a_user_of_the_wheel_sees_our_types(environment: Path):
    pytest.importorskip("mypy")
    found = type_errors(environment)
    expected = dict(enumerate(WRONG.values(), start=SNIPPET.count("\n") + 1))
    assert set(found) == set(expected), found
    for number, words in expected.items():
        assert words in found[number]


def test_and_would_not_without_its_mark(environment: Path):
    pytest.importorskip("mypy")
    next(environment.rglob("py.typed")).unlink()
    assert "py.typed marker" in " ".join(type_errors(environment).values())
