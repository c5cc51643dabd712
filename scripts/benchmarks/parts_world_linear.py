"""How far a linear model on pixels gets on the parts world (or any data in ImageNet format with few classes).

python scripts/benchmarks/parts_world_linear.py data/parts_world --side 32

Softmax regression on standardised side x side RGB pixels. The strength of its L2 penalty is the one that does best on a
fifth of the training images held out; the model then learns from all of them, with and without mirrored copies, and
is scored on val. Takes a minute or two for the default 3,500 images.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

PENALTIES = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2)  # sklearn's C: smaller is a stronger penalty

Pixels = NDArray[np.float32]  # (images, side, side, 3) in 0..1
Labels = NDArray[np.int64]


def load(split: Path, side_px: int) -> tuple[Pixels, Labels]:
    """The images of root/train or root/val shrunk to side x side, and their classes."""
    pixels, labels = [], []
    for label, folder in enumerate(sorted(path for path in split.iterdir() if path.is_dir())):
        for path in sorted(folder.glob("*.JPEG")):
            with Image.open(path) as image:
                small = image.convert("RGB").resize((side_px, side_px), Image.Resampling.BOX)
            pixels.append(np.asarray(small, np.float32) / 255)
            labels.append(label)
    return np.stack(pixels), np.asarray(labels)


def fitted(pixels: Pixels, labels: Labels, penalty: float) -> Pipeline:
    model = make_pipeline(StandardScaler(), LogisticRegression(C=penalty, max_iter=1000))
    return model.fit(pixels.reshape(len(pixels), -1), labels)


def accuracy(model: Pipeline, pixels: Pixels, labels: Labels) -> float:
    return float(model.score(pixels.reshape(len(pixels), -1), labels))


def best_penalty(pixels: Pixels, labels: Labels) -> float:
    """The penalty that does best on a random fifth held out."""
    held = np.random.default_rng(0).permutation(len(labels)) < len(labels) // 5
    scores = {}
    for penalty in PENALTIES:
        scores[penalty] = accuracy(fitted(pixels[~held], labels[~held], penalty), pixels[held], labels[held])
        print(f"C {penalty:g}: {scores[penalty]:.1%} of the held-out training images", flush=True)
    return max(scores, key=lambda penalty: scores[penalty])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("root", type=Path)
    parser.add_argument("--side", type=int, default=32, help="pixels along a side (default 32)")
    given = parser.parse_args()
    pixels, labels = load(given.root / "train", given.side)
    val, val_labels = load(given.root / "val", given.side)
    penalty = best_penalty(pixels, labels)
    plain = accuracy(fitted(pixels, labels, penalty), val, val_labels)
    both = np.concatenate([pixels, pixels[:, :, ::-1]])
    mirrored = accuracy(fitted(both, np.tile(labels, 2), penalty), val, val_labels)
    chance = np.bincount(val_labels).max() / len(val_labels)
    print(f"linear model on {given.side}x{given.side} pixels, C {penalty:g}: val accuracy {plain:.1%}, ", end="")
    print(f"with mirrored copies {mirrored:.1%}; chance {chance:.1%}")


if __name__ == "__main__":
    main()
