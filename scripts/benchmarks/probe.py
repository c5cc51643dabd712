"""A linear SVM on layers 1, 3 and 5 of ZFNet at 224: our Gram route, SVC on the plain features, and LinearSVC.

scripts/bench probe                      300 images to train from, 300 to test on; about ten minutes of a core
scripts/bench probe --train 600 --test 600 --layers 1 3

Features of random images with a class's pattern in each, from a network of random weights, lie in a file before any
clock starts. Every cell is a process of its own, because a process's peak memory never falls; its memory before the
work (Python, torch, scikit-learn) is told, too, and its processor time, which other work on the machine moves less
than wall time. The ways take turns. One C for all, no cross-validation. The Gram route reads blocks of columns; the
others hold all features at once. LinearSVC has another loss (squared hinge, one class against the rest, its constant
term penalised), so that its predictions may differ; SVC's must not.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from harness import hardware, table
from numpy.typing import NDArray
from sklearn.svm import SVC, LinearSVC
from torch import Tensor

from zfnet import build_model
from zfnet.analysis.probing import Extraction, Features, extract, gram_of
from zfnet.data import InputFrame
from zfnet.network import Network
from zfnet.progress import track
from zfnet.runs import peak_memory_mib

WAYS = ("Gram route", "SVC, plain features", "LinearSVC")
CLASSES, SIDE_PX, COST = 10, 224, 1.0


class Patterns:
    """An ImageSource over drawn squares: noise, and a class's own smooth pattern at a tenth of its strength."""

    side_px, fingerprint = SIDE_PX, "patterns"
    wnids = names = tuple(map(str, range(CLASSES)))

    def __init__(self, count: int) -> None:
        self.labels: NDArray[np.int64] = np.arange(count) % CLASSES
        coarse = torch.randn(CLASSES, 3, 14, 14, generator=torch.Generator().manual_seed(0))
        self.patterns = torch.nn.functional.interpolate(coarse, size=SIDE_PX, mode="bicubic")

    def __len__(self) -> int:
        return len(self.labels)

    def read(self, indices: Sequence[int]) -> tuple[Tensor, Tensor]:
        labels = torch.from_numpy(self.labels[np.asarray(indices)])
        noise = [torch.randn(3, 28, 28, generator=torch.Generator().manual_seed(index)) for index in indices]
        images = torch.nn.functional.interpolate(torch.stack(noise), size=SIDE_PX, mode="bicubic")
        return (110 + 50 * (images + self.patterns[labels] / 10)).clamp(0, 255).to(torch.uint8), labels

    def path(self, index: int) -> str:
        return f"pattern {index}"

    def mean(self) -> NDArray[np.float32]:
        return np.full((3, SIDE_PX, SIDE_PX), 110, np.float32)


def prepare(folder: Path, count: int, layers: Sequence[int]) -> dict[int, Features]:
    torch.manual_seed(0)
    frame = InputFrame(SIDE_PX, SIDE_PX, torch.full((3, 1, 1), 110.0), torch.full((3, 1, 1), 60.0))
    network = Network(build_model("zfnet").eval(), frame, (), ())
    return {int(layer): own for layer, own in extract(_all(network, count), list(layers), folder).items()}


def _all(network: Network, count: int) -> Extraction:
    return Extraction(network, Patterns(count), np.arange(count))


def fit_and_predict(way: str, features: Features, labels: NDArray[np.int64], train: int) -> NDArray[np.int64]:
    """Predictions of the images after the first `train`, from the features' file to the end."""
    if way == "Gram route":
        matrix = gram_of(features, progress=False)
        variance = matrix[:train, :train].diagonal().mean() - matrix[:train, :train].mean()
        model = SVC(kernel="precomputed", C=COST).fit(matrix[:train, :train] / variance, labels[:train])
        return np.asarray(model.predict(matrix[train:, :train] / variance))
    rows = features.array()
    centre = rows[:train].mean(axis=0)
    rows -= centre  # changes nothing for SVC; LinearSVC, which penalises its constant term, would take far longer
    rows /= np.sqrt(np.mean([np.square(row).sum() for row in rows[:train]]))
    plain = SVC(kernel="linear", C=COST) if way == "SVC, plain features" else LinearSVC(C=COST)
    return np.asarray(plain.fit(rows[:train], labels[:train]).predict(rows[train:]))


def one_cell(way: str, features: Features, train: int) -> None:
    """What a process of its own does: time, memory and predictions, as JSON."""
    torch.ones(64, 64).mm(torch.ones(64, 64))
    before = peak_memory_mib()
    started_s, busy_s = time.perf_counter(), time.process_time()
    predicted = fit_and_predict(way, features, np.arange(features.images) % CLASSES, train)
    took = {"wall": time.perf_counter() - started_s, "busy": time.process_time() - busy_s}
    print(json.dumps({**took, "before": before, "peak": peak_memory_mib(), "predicted": predicted.tolist()}))


def measure(given: argparse.Namespace, folder: Path) -> str:
    count, rows = given.train + given.test, []
    started_s = time.perf_counter()
    every = prepare(folder, count, given.layers)
    print(f"features of {count} images at layers {given.layers}: {time.perf_counter() - started_s:.0f} s, "
          f"{sum(one.file_bytes for one in every.values()) / 2**20:,.0f} MiB on disk\n", flush=True)  # fmt: skip
    for layer, features in every.items():
        cells = track([way for _ in range(given.rounds) for way in WAYS], f"layer {layer}", unit="process")
        runs: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
        for way in cells:
            runs[way].append(_apart(way, features, given.train))
        reference = np.array(runs["SVC, plain features"][0]["predicted"])
        truth = np.arange(count)[given.train :] % CLASSES
        for way, own in runs.items():
            wall_s, busy_s = (statistics.median(one[name] for one in own) for name in ("wall", "busy"))
            predicted = np.array(own[0]["predicted"])
            before, peak = (max(one[name] for one in own) for name in ("before", "peak"))
            rows.append([
                f"{layer} ({features.numbers:,})", way, f"{wall_s:.2f}", f"{busy_s:.2f}",
                f"{peak - before:,}", f"{peak:,}", f"{(predicted == truth).mean():.1%}",
                f"{(predicted == reference).mean():.1%}",
            ])  # fmt: skip
    head = ["layer (numbers)", "way", "s", "processor s", "MiB for the work", "peak MiB", "accuracy"]
    return table([*head, "predictions as SVC's"], rows)


def _apart(way: str, features: Features, train: int) -> dict[str, Any]:
    described = {"path": str(features.path), "shape": [features.images, features.numbers, features.columns]}
    words = [sys.executable, __file__, "--cell", json.dumps([way, described, train])]
    return dict(json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout))


def main() -> None:
    parser = argparse.ArgumentParser("scripts/bench probe", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--train", type=int, default=300, help="images to train from (default 300)")
    parser.add_argument("--test", type=int, default=300, help="images to test on (default 300)")
    parser.add_argument("--layers", type=int, nargs="+", default=[1, 3, 5])
    parser.add_argument("--rounds", type=int, default=3, help="processes for each cell; the median counts (default 3)")
    parser.add_argument("--work", type=Path, help="an existing folder for the features, on a disk with room")
    parser.add_argument("--cell", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.cell:
        way, described, train = json.loads(given.cell)
        images, numbers, columns = described["shape"]
        features = Features(
            path=Path(described["path"]),
            images=images,
            numbers=numbers,
            dtype=np.dtype(np.float32),
            columns=columns,
        )
        one_cell(way, features, train)
        return
    print(f"{hardware()}\n{given.train} images to train from, {given.test} to test on, {CLASSES} classes\n")
    with tempfile.TemporaryDirectory(prefix="bench_probe_", dir=given.work) as work:
        print(measure(given, Path(work)))


if __name__ == "__main__":
    main()
