"""README.md and the how-tos: every command and every program runs as it stands, with small data and random weights.

Weights are not downloaded, several processes are one, and places that the page leaves to its reader are filled in.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from mnist_files import write_idx
from PIL import Image
from small_network import small_network
from torch import nn

from zfnet.command import job_named, jobs, jobs_folder
from zfnet.figures.drawing import style

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs" / "howto").glob("*.md"))]
README = PAGES[0].read_text()
JOB, PACK = re.compile(r"(?:torchrun --nproc-per-node=\d -m )?zfnet (\w+)"), "scripts/pack_imagenet "
SERVES = "zfnet live"  # until Ctrl-C: test_live.py runs it
LINES = list(
    dict.fromkeys(
        line.partition(" #")[0].rstrip()
        for page in PAGES
        for block in re.findall(r"```bash\n(.*?)```", page.read_text(), re.S)
        for line in block.splitlines()
        if (JOB.match(line) or line.startswith(PACK)) and not line.startswith(SERVES)
    )
)
KNOWN = list(jobs(jobs_folder()))
TRAINING = (
    "training.epochs=1", "training.batch_size=8", "hardware.workers=0", "evolution=null", "tensorboard.images_every=0",
    "tensorboard.histograms_every=0", "tensorboard.mistakes_every=0",
)  # fmt: skip
SMALL = ("model.width=0.05", "model.input_px=64", "data.side=72")
SMALLER = {  # by the job, or a word of a training's line
    "train": TRAINING,
    "experiment=parts_world": (*SMALL, "data.train_per_class=2", "data.val_per_class=1", "data.draw_px=72"),
    "data=imagenet_folder": SMALL,
    "data=imagenet_pack": SMALL[:2],
    "--cfg": (),
    "activations": ("size_px=64",),
    "project": ("size_px=96",),
    "classmap": ("size_px=96", "sides=[128]"),
    "atlas": ("layers=[conv1,conv2]", "top=2", "shown=1", "hardware.workers=0"),
    "fig2_features": ("maps=2", "top=2", "hardware.workers=0"),
    "fig5_invariance": ("hardware.workers=0",),
    "fig7_occlusion": ("size_px=96", "square_px=48", "stride_px=48", "hardware.workers=0"),
    "report": ("maps=2", "hardware.workers=0", "items=[fig6]"),  # tests/experiments/test_report.py has the others
    "visualise": ("maps=2", "steps=3"),
    "evaluate": ("hardware.workers=0",),
}  # fmt: skip


@pytest.fixture(autouse=True)
def small_drawings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most of a job's time goes into its 300 dpi."""
    monkeypatch.setattr(style, "DPI", 40)


@pytest.fixture(scope="module")
def places(image_root: Path, whole_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """A line of the page with what its reader would fill in."""
    folder = tmp_path_factory.mktemp("readme")
    nets = [small_network(folder / f"{name}.pt", seed=seed) for seed, name in enumerate("abc")]
    generator = np.random.default_rng(0)
    for name in ("photo.jpg", "cat.jpg", "dogs/Samoyed/1.jpg", "dogs/beagle/1.jpg"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(generator.integers(0, 255, (120, 100, 3), dtype=np.uint8)).save(folder / name)
    words = {
        "data=...": f"data=imagenet_folder data.root={image_root} data.side=72",
        "data.root=DATA": f"data.root={image_root}", "data.root=FOLDER": f"data.root={image_root}",
        "images=FOLDER": f"images={folder}/dogs", "image=": f"image={folder}/", " weights=DEFAULT": "",
        "checkpoint=runs/.../best.pt": f"checkpoint={nets[0]}",
        "[a.pt,b.pt,c.pt]": "[{},{},{}]".format(*nets), "run=runs/train/...": f"run={whole_run}",
        "run=runs/demo": f"run={whole_run.parent}",
        "[runs/train/A,runs/train/B]": f"[{whole_run},{shutil.copytree(whole_run, folder / 'run')}]",
        "=a.pt ": f"={nets[0]} ", "=b.pt ": f"={nets[1]} ", "[a.pt,b.pt]": "[{},{}]".format(*nets),
        "runs/train/A": str(whole_run), "/data/imagenet": str(image_root), "/ssd/imagenet256": str(folder / "pack"),
    }  # fmt: skip

    def filled_in(line: str) -> str:
        for given, own in words.items():
            line = line.replace(given, own)
        return line

    return filled_in


def pack(places: Callable[[str], str]) -> Path:
    """What the page's own command packs, unless it has done so."""
    script, *words = shlex.split(places(next(line for line in LINES if line.startswith(PACK))), comments=True)
    folder = Path(words[words.index("--out") + 1])
    if not folder.exists():
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        subprocess.run([str(ROOT / script), *words], check=True, capture_output=True, env={**os.environ, "PATH": path})
    return folder


def test_the_pages_have_their_commands():
    assert len(LINES) >= 30
    named = {job_named(match[1], KNOWN) for match in map(JOB.match, LINES) if match}
    assert named >= {"train", "evaluate", "summary", "fig2_features", "fig7_occlusion"}


def test_the_readme_is_short():
    assert README.count("\n") < 150


@pytest.mark.parametrize("line", LINES)
def test_a_command_runs(carry_out_here, places: Callable[[str], str], tmp_path: Path, line: str):
    words = shlex.split(places(line), comments=True)
    if line.startswith(PACK):
        assert len(list(pack(places).rglob("pack.json"))) == 2
        return
    if "data=imagenet_pack" in words:
        pack(places)
    match = JOB.match(line)
    assert match
    job, own = job_named(match[1], KNOWN), words[words.index("zfnet") + 2 :]
    asked = (job, *own) if job == "train" else (job,)
    more = [word for given, smaller in SMALLER.items() if given in asked for word in smaller]
    if "model=torchvision" in own:
        more.remove("model.width=0.05")  # only our own networks have one
    if "experiment=mnist" in own:
        write_idx(tmp_path / "mnist")  # data.download=true finds it
        more.append(f"data.root={tmp_path / 'mnist'}")
    code, printed = carry_out_here(job, *own, *more)
    assert code == 0, printed
    assert "nan" not in printed.split()


def blocks_of(page: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", page.read_text(), re.S)


def test_the_program_of_the_readme_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    program, _ = blocks_of(PAGES[0])
    lines = [line for line in program.splitlines() if line.strip() and not line.startswith(("from", "import"))]
    assert len(lines) <= 12
    small = program.replace("val_per_class=20", "val_per_class=1").replace("dpi=200", "dpi=40")
    exec(compile(small, "README.md", "exec"), {"__name__": "__main__"})
    with Image.open(tmp_path / "fig2.png") as picture:
        assert picture.width == 400


def test_the_lines_of_python_run():
    torch.manual_seed(0)
    _, block = blocks_of(PAGES[0])
    images = torch.randn(2, 3, 64, 64)
    units = torch.tensor([[0, 5, 1, 2], [1, 9, 0, 0]])
    names: dict[str, Any] = {"images": images, "units": units}
    exec(compile(block.replace('weights="DEFAULT"', "weights=None"), "README.md", "exec"), names)
    assert names["pixels"].shape == (2, 3, 64, 64)
    assert names["heat"].probability.shape == (3, 3)


def test_the_page_on_own_networks_runs():
    first, _, third = blocks_of(ROOT / "docs" / "howto" / "own_network.md")
    model = nn.Sequential(nn.Conv2d(3, 4, 5, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(64, 3))
    dataset = [(image, 0) for image in torch.randn(6, 3, 48, 48)]
    names: dict[str, Any] = {"model": model, "dataset": dataset, "layer": "0"}
    names["loader"] = torch.utils.data.DataLoader(dataset, batch_size=3)  # type: ignore[arg-type]
    exec(compile(first.replace("maps=9", "maps=3"), "own_network.md", "exec"), names)
    exec(compile(third, "own_network.md", "exec"), names)
    assert len(names["units"]) == 6
    assert isinstance(names["figure"], Figure)


def test_a_network_of_timm_is_a_module_like_any_other():
    pytest.importorskip("timm")
    names: dict[str, Any] = {}
    exec(compile(blocks_of(ROOT / "docs" / "howto" / "own_network.md")[1], "own_network.md", "exec"), names)
    assert "layer2.0.conv1" in names["deconvnet"].layers


@pytest.mark.parametrize("page", [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")], ids=str)
def test_what_the_page_links_to_is_there(page: Path):
    links = re.findall(r"\]\(([^)#]+)", page.read_text())
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not missing


def demo_lines() -> list[list[str]]:
    """The jobs of ./scripts/demo, each with its options."""
    text = (ROOT / "scripts" / "demo").read_text().replace("\\\n", " ").replace("$run", "runs/demo")
    lines = [shlex.split(line.replace("$best", "best.pt")) for line in text.splitlines() if line.startswith('job "')]
    return [list(takewhile(lambda word: word != ">", words[2:])) for words in lines]  # without where it is written


def test_a_second_demo_looks_into_its_own_network(tmp_path: Path):
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "demo", tmp_path / "scripts")
    (tmp_path / "run").write_text('#!/bin/sh\necho "$@" >> "$(dirname "$0")/asked"\n')
    (tmp_path / "run").chmod(0o755)
    (tmp_path / "scripts" / "venv").write_text(f"home={tmp_path}\npython={tmp_path}/run\ninstall() {{ :; }}\n")
    (tmp_path / "runs" / "demo").mkdir(parents=True)  # the first one's
    trained = 'mkdir -p "$run/fig2"\njob "a slim'
    demo = (tmp_path / "scripts" / "demo").read_text().replace('job "a slim', trained, 1)  # a stub makes no folder
    (tmp_path / "scripts" / "demo").write_text(demo)
    subprocess.run(
        [tmp_path / "scripts" / "demo"], check=True, capture_output=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    asked = (tmp_path / "asked").read_text()
    used = set(re.findall(r"(?:checkpoint|zfnet)=(\S+?)/zfnet/checkpoints/", asked))
    made = set(re.findall(r"experiment=demo run_dir=(\S+)/zfnet\n", asked))
    assert used == made != {"runs/demo"}


@pytest.mark.parametrize("words", demo_lines(), ids=lambda words: words[0])
def test_the_jobs_of_the_demo_take_their_options(carry_out_here, words: list[str]):
    """It takes minutes; what it asks for is composed, so that an option that was renamed does not break it unseen."""
    code, printed = carry_out_here(*words, "--cfg", "job")
    assert code == 0, printed
    assert "run_dir: runs/demo/" in printed
