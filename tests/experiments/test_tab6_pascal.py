"""Table 6 on a small VOC 2012 of flat colours: one or two classes a picture, some of them difficult."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.stats import t
from sklearn.metrics import average_precision_score
from small_network import small_network

from zfnet.data.datasets.voc import CLASSES
from zfnet.files import load_arrays

COLORS = {"bird": (220, 30, 30), "car": (30, 220, 30), "dog": (30, 30, 220)}
LEFT, RIGHT = slice(0, 45), slice(45, 90)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 + 12 pictures, each half a colour with noise; two colours are two classes, the second of some is difficult."""
    root, generator = tmp_path_factory.mktemp("voc"), np.random.default_rng(0)
    devkit = root / "VOCdevkit" / "VOC2012"
    for name in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (devkit / name).mkdir(parents=True)
    names = list(COLORS)
    for split, count in (("train", 24), ("val", 12)):
        stems = [f"{split}_{number:06d}" for number in range(count)]
        (devkit / "ImageSets" / "Main" / f"{split}.txt").write_text("\n".join(stems) + "\n")
        for number, stem in enumerate(stems):
            inside = [names[number % 3], names[(number + number // 3 % 2) % 3]]
            pixels = generator.integers(0, 30, (80, 90, 3), dtype=np.uint8)
            for half, name in zip((LEFT, RIGHT), inside, strict=True):
                pixels[:, half] += np.array(COLORS[name], np.uint8)
            Image.fromarray(pixels).save(devkit / "JPEGImages" / f"{stem}.jpg")
            objects = "".join(
                f"<object><name>{name}</name><difficult>{int(place == 1 and number % 6 == 5)}</difficult></object>"
                for place, name in enumerate(inside)
            )
            (devkit / "Annotations" / f"{stem}.xml").write_text(f"<annotation>{objects}</annotation>")
    small_network(root / "a.pt")
    return root


def test_the_table_ranks_each_class_by_its_probability(carry_out_here, root: Path, tmp_path: Path):
    words = [f"data.root={root}", "data.side=72", f"checkpoint={root / 'a.pt'}", "hardware.workers=0"]
    (tmp_path / "out.txt").write_text("JPEGImages/val_000003.jpg\n")
    code, printed = carry_out_here("tab6_pascal", *words, "costs=[10.0]", "exclude.val=out.txt", "run_dir=run")
    assert code == 0, printed
    with open(tmp_path / "run" / "tab6.csv", newline="") as file:
        rows = {row["class"]: row for row in csv.DictReader(file)}
    assert list(rows) == [*CLASSES, "mean"]
    assert rows["cat"]["average_precision"] == "nan"
    assert "24 images to train on, each once for each of its classes (32 times in all" in printed
    arrays = load_arrays(tmp_path / "run" / "tab6.npz", "tab6")
    scores, presence = arrays["scores"], arrays["presence"]
    assert [Path(path).stem[-2:] for path in arrays["paths"][:4]] == ["00", "01", "02", "04"]
    known = [CLASSES.index(name) for name in COLORS]
    np.testing.assert_allclose(np.exp(scores[:, known]).sum(1), 1, rtol=1e-6)
    for place in known:
        counted = presence[:, place] != 0
        theirs = average_precision_score(presence[counted, place] > 0, scores[counted, place])
        ours = float(rows[CLASSES[place]]["average_precision"]) / 100
        assert theirs - 1e-9 <= ours <= 1
        assert theirs > 0.75  # colours are easily told
    assert (presence == 0).sum() == 2


def test_images_of_one_label_each_are_ranked_in_the_same_way(
    carry_out_here, root: Path, image_root: Path, tmp_path: Path
):
    words = ["data=imagenet_folder", f"data.root={image_root}", f"checkpoint={root / 'a.pt'}", "data.side=72"]
    code, printed = carry_out_here("tab6_pascal", *words, "hardware.workers=0", "splits=2", "run_dir=run")
    assert code == 0, printed
    assert "average precision % on val of images" in printed
    assert "the paper's" not in printed
    arrays = load_arrays(tmp_path / "run" / "tab6.npz", "tab6")
    folders = sorted(path.name for path in (image_root / "val").iterdir())
    labels = [folders.index(Path(path).parent.name) for path in arrays["paths"]]
    np.testing.assert_array_equal(arrays["presence"], 2 * np.eye(len(folders), dtype=int)[labels] - 1)
    with open(tmp_path / "run" / "tab6.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["class"] for row in rows] == [*arrays["classes"], "mean"]
    values = [
        100 * _precision(scores, truth > 0)
        for scores, truth in zip(arrays["scores"].T, arrays["presence"].T, strict=True)
    ]
    np.testing.assert_allclose([float(row["average_precision"]) for row in rows], [*values, np.mean(values)])
    half = t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    edges = [float(rows[-1][edge]) for edge in ("low", "high")]
    np.testing.assert_allclose(edges, [np.mean(values) - half, np.mean(values) + half])


def _precision(scores: np.ndarray, truth: np.ndarray) -> float:
    """Average precision hit by hit: at each the best precision from there on down the ranking."""
    ranked = truth[np.argsort(-scores, kind="stable")]
    at = [ranked[: place + 1].mean() for place in range(len(ranked))]
    return float(np.mean([max(at[place:]) for place in np.flatnonzero(ranked)]))


def test_data_without_a_val_split_is_refused(carry_out_here, root: Path):
    words = ["data=caltech101", f"data.root={root}", f"checkpoint={root / 'a.pt'}", "data.side=72"]
    code, printed = carry_out_here("tab6_pascal", *words)
    assert code == 2
    assert "data=caltech101 has the splits all, expected train and val" in printed


@pytest.mark.parametrize(
    ("job", "words"),
    [
        ("train", ["training=modern"]),
        ("evaluate", ["checkpoint=none.pt"]),
        ("tab7_depth", ["checkpoint=none.pt"]),
        ("tab3_ablation", ["training=modern", "rows=rows"]),
    ],
)
def test_jobs_that_want_one_label_an_image_refuse_voc(carry_out_here, job: str, words: list[str]):
    """They took the first of an image's classes by the alphabet for its only one, and counted the others as errors."""
    code, printed = carry_out_here(job, "data=voc2012", *words)
    assert code == 2
    assert "data=voc2012 has several labels an image, expected one: tab6_pascal.py is for it" in printed
