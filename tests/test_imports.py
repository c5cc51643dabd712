"""Imports point one way: models, data <- training, deconv <- analysis; figures and runs apart; no Hydra within."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ALLOWED = {
    "models": {"models"},
    "data": {"data"},
    "training": {"training", "models", "data"},
    "deconv": {"deconv", "models", "data"},
    "analysis": {"analysis", "deconv", "training", "models", "data"},
    "figures": {"figures"},
    "runs": {"runs"},
}
EVERYWHERE = {"files", "progress"}  # files written whole or not at all; a bar on anything over a few seconds
FILES = sorted((ROOT / "zfnet").rglob("*.py"))


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add(node.module or "")
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path: Path):
    package = path.relative_to(ROOT / "zfnet").parts[0]
    names = imported(path)
    assert not {"hydra", "omegaconf"} & {name.split(".")[0] for name in names}
    if package == "figures":
        assert "torch" not in {name.split(".")[0] for name in names}
    elif path.parent != ROOT / "zfnet":
        assert "matplotlib" not in {name.split(".")[0] for name in names}
    inner = {name.split(".")[1] for name in names if name.startswith("zfnet.")}
    assert inner <= ALLOWED.get(package, set(ALLOWED)) | EVERYWHERE


def test_nobody_wrote_utils():
    assert not [path for path in FILES if path.name in ("utils.py", "helpers.py", "misc.py")]
