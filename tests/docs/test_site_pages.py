"""The site's pages: lessons, notebooks and gallery run, in small; every page is listed; links and rooms are there."""

from __future__ import annotations

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import matplotlib as mpl
import pytest
import torch
from torch import Tensor

from zfnet import Network, build_model
from zfnet.command import main
from zfnet.data import InputFrame
from zfnet.data.parts_world import CLASSES
from zfnet.figures.drawing import style

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
LESSONS = sorted((DOCS / "lessons").glob("[0-9]*.md"))
NOTEBOOKS = sorted((DOCS / "notebooks").glob("*.ipynb"))
EXAMPLES = [path for path in sorted((DOCS / "examples").glob("plot_*.py")) if "subprocess" not in path.read_text()]
NOT_RUN = "config.cache,mystnb.unknown_mime_type,myst-nb.lexer"  # a page that did not run has no language
TRAINING = (
    "training.epochs=1", "training.batch_size=8", "model.width=0.05", "model.input_px=64", "data.side=72",
    "data.train_per_class=2", "data.val_per_class=1", "data.draw_px=72", "hardware.workers=0", "evolution.maps=2",
    "evolution.probe_images=4", "evolution.layers=[conv1]", "checkpoints.epochs=[1]",
)  # fmt: skip
SMALLER = {
    'weights="DEFAULT"': "weights=None", "train_per_class=40, val_per_class=20": "train_per_class=2, val_per_class=1",
    "epochs = 6": "epochs = 1", "size_px=48, stride_px=16": "size_px=112, stride_px=112", "maps=9": "maps=2",
    "size_px=24, stride_px=4": "size_px=56, stride_px=56",
    '["experiment=demo"]': f'["experiment=demo", {", ".join(map(repr, TRAINING))}]',
    "= subprocess.run(": "= run_here(", "[3, 7, 28, 75]": "[0, 1]", "steps=120": "steps=3",
}  # fmt: skip


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What the pages look into, with random weights and images: docs/_ext/demo.py has the trained ones."""
    names = tuple(one.name for one in CLASSES)

    def network() -> Network:
        arguments = {"name": "zfnet", "num_classes": len(names), "width": 0.05, "input_px": 112}
        torch.manual_seed(0)
        model = build_model(**arguments)  # type: ignore[arg-type]
        for parameter in model.parameters():
            if parameter.ndim > 1:
                torch.nn.init.kaiming_normal_(parameter)
        frame = InputFrame(128, 112, torch.full((3, 1, 1), 127.5), torch.full((3, 1, 1), 60.0))
        return Network(model.eval(), frame, names, names, arguments)

    def validation(network: Network, every: int = 2) -> Tensor:
        return torch.randn(160, 1, 1, 1).expand(-1, 3, 112, 112) + torch.randn(160, 3, 112, 112)

    module = ModuleType("demo")
    vars(module).update(network=network, validation=validation)
    monkeypatch.setitem(sys.modules, "demo", module)
    monkeypatch.chdir(tmp_path)
    mpl.use("agg")


def run_here(words: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
    """`python -m zfnet ...` in this process, which saves starting Python and torch."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", list(sys.argv))
        patch.setattr(sys, "path", list(sys.path))
        patch.setitem(sys.modules, "__main__", sys.modules["__main__"])
        patch.setenv("PYTHONPATH", "")
        with pytest.raises(SystemExit) as end:
            main(words[3:])
    assert not end.value.code
    return subprocess.CompletedProcess(words, 0, "", "")


def smaller(text: str) -> str:
    for given, small in SMALLER.items():
        text = text.replace(given, small)
    return text


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_runs(demo: None, path: Path, capsys: pytest.CaptureFixture[str]):
    text = path.read_text()
    cells = re.findall(r"```\{code-cell\} python\n(.*?)```", text, re.S)
    assert len(cells) >= 3
    assert "## Exercises" in text
    assert text.count("<details>") == text.count("</details>") == 1
    names: dict[str, Any] = {}
    for cell in cells:
        exec(compile(smaller(cell), str(path), "exec"), names)
    assert capsys.readouterr().out
    if path.stem.startswith("5"):
        assert torch.allclose(names["ours"], names["by_hand"], atol=1e-5 * float(names["ours"].abs().max()))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(demo: None, path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(style, "DPI", 40)
    notebook = json.loads(path.read_text())
    names: dict[str, Any] = {"run_here": run_here}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert not cell["outputs"], f"{path.name} keeps outputs: clear them"
            exec(compile(smaller("".join(cell["source"])), str(path), "exec"), names)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_of_the_gallery_runs(demo: None, path: Path, tmp_path: Path):
    text = path.read_text()
    assert "Command: ``zfnet " in text
    (tmp_path / "example.py").write_text(smaller(text))
    assert "figure" in runpy.run_path(str(tmp_path / "example.py"))


def test_every_page_is_in_a_list_of_pages():
    listed = {
        (page.parent / line.strip()).resolve()
        for page in DOCS.rglob("*.md")
        for block in re.findall(r"```\{toctree\}\n(.*?)```", page.read_text(), re.S)
        for line in block.splitlines()
        if line.strip() and not line.startswith(":")
    }
    pages = {
        path.with_suffix("") for path in [*DOCS.rglob("*.md"), *NOTEBOOKS] if not {"_build", "gallery"} & {*path.parts}
    }
    assert pages - listed == {DOCS / "index"}


def test_links_between_pages_are_there():
    for page in [*DOCS.glob("*.md"), *DOCS.glob("*/*.md")]:
        for link in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
            if "://" not in link and not link.startswith("gallery"):
                there = (page.parent / link).exists() or "gallery/" in link
                assert there, f"{page.relative_to(ROOT)} links to {link}"


def test_sphinx_reads_every_page_without_a_warning(tmp_path: Path):
    """But runs none of them, which the tests above do in small; `scripts/docs` builds the whole."""
    for name in ("sphinx", "myst_nb", "sphinx_gallery", "pydata_sphinx_theme"):
        pytest.importorskip(name)
    shutil.copytree(DOCS, tmp_path / "docs", ignore=shutil.ignore_patterns("_build", "gallery", "reference"))
    quick = ["plot_gallery=0", "nb_execution_mode=off", f"suppress_warnings={NOT_RUN}"]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "dummy",
         *(word for option in quick for word in ("-D", option)), str(tmp_path / "docs"), str(tmp_path / "built")],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_reference_describes_every_room(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(DOCS / "_ext"))
    faces = runpy.run_path(str(DOCS / "_ext" / "faces.py"))
    described = faces["rooms"]()
    assert {"zfnet", "zfnet.deconv", "zfnet.analysis.occlusion"} <= set(described)
    assert all(described.values())
    assert not [purpose for purpose in described.values() if purpose.count("(") != purpose.count(")")]  # cut short
    assert "   :value: ('strongest', 'changed')" in faces["directive_of"]("zfnet.analysis", "PICKS")
    assert "0x" not in " ".join(faces["directive_of"]("zfnet.data.parts_world", "CLASSES"))
    assert "plot" in faces["names_of"]("zfnet")


@pytest.fixture(autouse=True)
def figures_closed() -> Any:
    yield
    import matplotlib.pyplot as plt

    plt.close("all")
