"""What the program wrote before it moved into rooms is read as it was: saved_before/ holds a small file of each kind.

Its files are those of commit 9bf92a4, and expected.json is what that commit's own functions read in them. They stand
for files that people keep, so none of them is ever written anew to please a changed program.
"""

from __future__ import annotations

import csv
import hashlib
import json
import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from experiments.history import read_histories
from experiments.tables.kept_folds import load_fold
from zfnet.analysis.evolution.saved import load_moment
from zfnet.data import ImageData, fingerprints, frame_fingerprints
from zfnet.data.pack import open_pack
from zfnet.figures.activations.channels import draw_channels
from zfnet.figures.activations.means import draw_means
from zfnet.figures.activations.over import draw_over
from zfnet.figures.activations.saved import Activations, load_activations
from zfnet.figures.augmentations import draw_variants, load_variants
from zfnet.figures.class_map import draw_classmaps, load_maps
from zfnet.figures.curves.depth import draw_depth, load_depth
from zfnet.figures.curves.fig9 import draw_fig9, load_curves as load_accuracies
from zfnet.figures.curves.history import draw_history, load_histories
from zfnet.figures.curves.settling import draw_settling
from zfnet.figures.drawing import style
from zfnet.figures.fig2 import draw_fig2
from zfnet.figures.fig2_saved import ImageClasses, load_features
from zfnet.figures.fig4 import draw_fig4, load_evolution
from zfnet.figures.fig5 import draw_fig5, load_curves
from zfnet.figures.fig6 import draw_fig6, load_panels
from zfnet.figures.fig7 import draw_fig7, load_rows
from zfnet.figures.filter_sheet import draw_filters, load_filters
from zfnet.figures.pointing import draw_pointing, load_points
from zfnet.figures.unit_sheet import draw_sheet, load_sheet
from zfnet.mining import Mined
from zfnet.models import weights_fingerprint
from zfnet.network import open_network

SAVED = Path(__file__).parent / "saved_before"
EXPECTED = json.loads((SAVED / "expected.json").read_text())
SINCE = {".frame.interpolation": "bilinear"}  # what came to be told of a file later, and holds of all before
EPOCHS = 4
RUN = SAVED / "rows" / "zfnet-seed0"
CHECKPOINT = RUN / "checkpoints" / "step-00000012.pt"

DATA = (f"data.root={SAVED / 'images'}", "data=imagenet_folder", "data.side=68", "hardware.workers=0",
        "hardware.device=cpu")  # fmt: skip
TRAINING = (
    *DATA, "training=paper", "model.width=0.016", "model.input_px=64", "training.batch_size=4",
    "training.learning_rate=0.05", "training.init=kaiming", "training.input_scale=unit", "training.rotation_deg=5",
    "training.views=anywhere", "tensorboard.images_every=0", "tensorboard.histograms_every=0", "checkpoints.keep=1",
    f"checkpoints.epochs=[1,{EPOCHS}]", "evolution.layers=[conv1]", "evolution.maps=2", "evolution.probe_images=5",
    "evolution.probe_projections=4",
)  # fmt: skip
FOLDS = (*DATA, f"checkpoint={CHECKPOINT}", "split=train", "splits=2", "costs=[1.0]", "test_per_class=2", "folds=2")
KEPT = {  # what a job keeps for the next time: the job, and its words
    "rows": ("tab3_ablation", *TRAINING, f"training.epochs={EPOCHS}", "models=[zfnet]"),
    "kept": ("tab4_caltech101", *FOLDS, "per_class=[2]", "training.epochs=1", "training.batch_size=4"),
    "cache": ("tab7_depth", *FOLDS, "svm=[5]", "softmax=[7]", "train_per_class=2"),
}  # fmt: skip


def read_network(path: Path) -> dict[str, Any]:
    network = open_network(path)
    about = {name: getattr(network, name) for name in ("wnids", "names", "arguments", "frame")}
    return {**about, "weights": dict(network.model.state_dict())}


def read_features(path: Path) -> tuple[Any, Sequence[str]]:
    """Layers and names: of which class an image is, files of then do not say."""
    layers, classes = load_features(path)
    assert classes.images is None
    return layers, classes.names


def read_mined(path: Path) -> Mined:
    """By the fingerprints that the images and the network have today, and those that images and frames had then."""
    network, images = open_network(CHECKPOINT), ImageData(str(SAVED / "images"), side=68).open("val")
    frame, weights = frame_fingerprints(network.frame), weights_fingerprint(network.model)
    return Mined.load(path, {"data": fingerprints(images), "weights": weights, "frame": frame})


def read_pack(path: Path) -> dict[str, Any]:
    pack = open_pack(path.parent)
    images, labels = pack.read(range(len(pack)))
    about = {"names": pack.names, "data": pack.earlier_fingerprints[0], "path": pack.path(0)}
    return {**about, "images": images, "labels": labels, "mean": pack.mean()}


READERS: dict[str, Callable[[Path], Any]] = {
    "rows/*/step-*.pt": read_network,
    "rows/*/epoch-*.npz": load_moment,
    "rows/*/metrics.csv": lambda path: read_histories([path.parent], None),
    "kept/*.npz": load_fold,
    "pack/pack.json": read_pack,
    "mined.npz": read_mined,
    "fig2.npz": read_features,
    "fig4.npz": load_evolution,
    "fig5.npz": load_curves,
    "fig6.npz": load_panels,
    "fig7.npz": load_rows,
    "fig9.npz": load_accuracies,
    "tab4.npz": load_accuracies,
    "tab7.npz": load_depth,
    "project.npz": load_sheet,
    "activations.npz": load_activations,
    "classmap.npz": load_maps,
    "filters.npz": load_filters,
    "history.npz": load_histories,
    "pointing.npz": load_points,
    "augmentations.npz": load_variants,
}


def read(name: str) -> Any:
    reader = next(reader for pattern, reader in READERS.items() if fnmatch(name, pattern))
    return reader(SAVED / name)


def facts(value: Any, name: str = "") -> dict[str, Any]:
    """The numbers and words in a value by where they stand; of an array type, shape, sum and a hash of its bytes."""
    if isinstance(value, torch.Tensor):
        value = value.numpy()
    if is_dataclass(value):
        value = {
            field.name: getattr(value, field.name) for field in fields(value) if getattr(value, field.name) is not None
        }
    if isinstance(value, np.ndarray) and value.size > 1 and value.dtype.kind != "U":
        digest = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()[:16]
        return {name: f"{value.dtype} {value.shape} sum {math.fsum(value.ravel().tolist())!r} sha256 {digest}"}
    if isinstance(value, np.ndarray):
        return {name: f"{value.dtype} {value.tolist()}"}
    if isinstance(value, Mapping):
        return {key: fact for part, one in value.items() for key, fact in facts(one, f"{name}.{part}").items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return {key: fact for at, one in enumerate(value) for key, fact in facts(one, f"{name}[{at}]").items()}
    return {name: value}


def draw_activations(kept: Activations) -> list[Figure]:
    first, means = kept.layers[0], {layer: mean[0] for layer, mean in kept.means.items()}
    over, channels = draw_over(first, kept.pictures, [0, 1]), draw_channels(first, kept.pictures[0], 0)
    return [over, channels, draw_means(means, kept.pictures[0])]


FIGURES: dict[str, Callable[[Any], list[Figure]]] = {
    "fig2.npz": lambda kept: [draw_fig2(kept[0], ImageClasses(names=kept[1]))],
    "fig4.npz": lambda kept: [draw_fig4(kept[0]), draw_fig4(kept[0], picture="patch"), draw_settling(kept[1])],
    "fig5.npz": lambda kept: [draw_fig5(*kept)],
    "fig6.npz": lambda kept: [draw_fig6(kept)],
    "fig7.npz": lambda kept: [draw_fig7(kept)],
    "fig9.npz": lambda kept: [draw_fig9(kept, {})],
    "tab7.npz": lambda kept: [draw_depth(*kept)],
    "project.npz": lambda kept: [draw_sheet(kept)],
    "activations.npz": draw_activations,
    "classmap.npz": lambda kept: [draw_classmaps(kept)],
    "filters.npz": lambda kept: [draw_filters(kept)],
    "history.npz": lambda kept: [draw_history(kept)],
    "pointing.npz": lambda kept: [draw_pointing(kept)],
    "augmentations.npz": lambda kept: [draw_variants(kept)],
}


@pytest.mark.parametrize("name", EXPECTED["files"])
def test_a_file_is_read_as_it_was(name: str):
    found = facts(read(name))
    for since, meant in SINCE.items():
        assert found.pop(since, meant) == meant
    assert found == EXPECTED["files"][name]


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_drawn_from_its_arrays(name: str):
    for figure in FIGURES[name](read(name)):
        drawn = style.pixels(figure, dpi=20)
        assert drawn.min() < 100
        assert drawn.max() == 255


def test_a_checkpoint_s_network_gives_the_scores_that_it_gave():
    network = open_network(CHECKPOINT)
    images = torch.linspace(-1, 1, 2 * 3 * 64 * 64).reshape(2, 3, 64, 64)
    with torch.no_grad():
        scores = network.model(images)
    np.testing.assert_allclose(scores.numpy(), EXPECTED["scores"], rtol=1e-5, atol=1e-5)


def test_a_run_goes_on_where_it_was(carry_out_here: Callable[..., tuple[int, str]], tmp_path: Path):
    """With its momentum, its random numbers, the best error so far and what was followed of its features."""
    run = shutil.copytree(RUN, tmp_path / "run")
    words = (*TRAINING, f"training.epochs={EPOCHS + 1}")
    code, printed = carry_out_here("train", *words, f"run_dir={run}", "resume=auto")
    assert code == 0, printed
    assert "going on after step 12" in printed
    before, after = (path.read_text().splitlines() for path in (RUN / "metrics.csv", run / "metrics.csv"))
    assert after[:-1] == before
    (last,) = csv.DictReader([after[0], after[-1]])
    losses = [float(last["train_loss"]), float(last["val_loss"])]
    np.testing.assert_allclose(losses, EXPECTED["next_epoch"], rtol=1e-4)
    kept = {path.name for path in (run / "checkpoints").iterdir()}
    assert kept == {"epoch-0004.pt", "step-00000015.pt"}  # a chosen epoch's is made up for, and there is no better one
    followed = load_moment(run / "evolution" / f"epoch-{EPOCHS + 1:04d}.npz")
    assert list(followed.changed) == ["conv1"]  # since the epoch before, which only the checkpoint knows of


@pytest.mark.parametrize("name", KEPT)
def test_what_a_job_kept_is_not_computed_again(
    carry_out_here: Callable[..., tuple[int, str]], tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
):
    """A file that no longer fits is left and made again under another name, or replaced: either shows."""
    monkeypatch.setattr(style, "DPI", 20)
    job, *words = KEPT[name]
    folder = shutil.copytree(SAVED / name, tmp_path / name)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    code, printed = carry_out_here(job, *words, f"{name}={folder}", f"run_dir={tmp_path / 'run'}")
    assert code == 0, printed
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
