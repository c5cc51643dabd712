"""README.md: every command and every line of Python runs as it stands, with small data, sizes and random weights.

Weights are not downloaded, eight processes are one, and places that the page leaves to its reader are filled in.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from mnist_files import write_idx
from PIL import Image
from small_network import small_network

from zfnet.figures.drawing import style

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "README.md").read_text()
JOB, PACK = re.compile(r"(?:python|torchrun --nproc-per-node=8) experiments/(\w+)\.py"), "scripts/pack_imagenet "
LINES = [
    line
    for block in re.findall(r"```bash\n(.*?)```", PAGE, re.S)
    for line in block.splitlines()
    if JOB.match(line) or line.startswith(PACK)
]
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
    "activations": ("size_px=64",),
    "project": ("size_px=96",),
    "classmap": ("size_px=96", "sides=[128]"),
    "atlas": ("layers=[conv1,conv2]", "top=2", "shown=1", "hardware.workers=0"),
    "fig2_features": ("maps=2", "top=2", "hardware.workers=0"),
    "fig5_invariance": ("hardware.workers=0",),
    "fig7_occlusion": ("size_px=96", "square_px=48", "stride_px=48", "hardware.workers=0"),
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
        "[runs/train/A,runs/train/B]": f"[{whole_run},{shutil.copytree(whole_run, folder / 'run')}]",
        "/data/imagenet": str(image_root), "/ssd/imagenet256": str(folder / "pack"),
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


def test_the_page_has_its_commands():
    assert len(LINES) >= 20
    assert {match[1] for match in map(JOB.match, LINES) if match} >= {"train", "evaluate", "summary", "fig7_occlusion"}


@pytest.mark.parametrize("line", LINES)
def test_a_command_runs(carry_out_here, places: Callable[[str], str], tmp_path: Path, line: str):
    words = shlex.split(places(line), comments=True)
    if line.startswith(PACK):
        assert len(list(pack(places).rglob("pack.json"))) == 2
        return
    if "data=imagenet_pack" in words:
        pack(places)
    job = JOB.match(line)
    assert job
    own = words[words.index(f"experiments/{job[1]}.py") + 1 :]
    asked = (job[1], *own) if job[1] == "train" else (job[1],)
    more = [word for given, smaller in SMALLER.items() if given in asked for word in smaller]
    if "experiment=mnist" in own:
        write_idx(tmp_path / "mnist")  # data.download=true finds it
        more.append(f"data.root={tmp_path / 'mnist'}")
    code, printed = carry_out_here(job[1], *own, *more)
    assert code == 0, printed
    assert "nan" not in printed.split()


def test_the_lines_of_python_run():
    torch.manual_seed(0)
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    images = torch.randn(2, 3, 64, 64)
    units = torch.tensor([[0, 5, 1, 2], [1, 9, 0, 0]])
    names = {"images": images, "loader": [images, images + 1], "units": units}
    exec(compile(block.replace('weights="DEFAULT"', "weights=None"), "README.md", "exec"), names)
    assert names["pixels"].shape == (2, 3, 64, 64)
    assert names["top"]["features.28"].image.unique().tolist() == [-1, 0, 1, 2, 3]  # nine of four images
    assert names["heat"].probability.shape == (3, 3)
