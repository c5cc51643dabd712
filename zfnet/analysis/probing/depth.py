"""Linear models on each layer's features, over folds: Zeiler & Fergus 2013, Table 7 (and, at one layer, 4 and 5)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zfnet.analysis.probing.extraction import Extraction, extract
from zfnet.analysis.probing.gram_matrix import gram_while_kept, is_kept
from zfnet.analysis.probing.probes import COSTS, Probe, mean_class_accuracy, softmax_probe, svm_probe
from zfnet.analysis.probing.results import remembered
from zfnet.analysis.probing.store import Features
from zfnet.data import Fold
from zfnet.forward import output_of
from zfnet.progress import track

SVM, SOFTMAX = "SVM", "softmax"
Fit = Callable[[NDArray[np.int64], NDArray[np.int64], int], Probe]


@dataclass(frozen=True, eq=False)
class Probing:
    """What is asked of a network's layers.

    extraction: over all the images that any fold needs. labels (n,): of those images; folds: positions among them.
    folder: where features, Gram matrices and results are kept. costs, splits, jobs: see `probes`.
    """

    extraction: Extraction
    labels: NDArray[np.int64]
    folds: Sequence[Fold]
    folder: Path
    costs: Sequence[float] = COSTS
    splits: int = 5
    jobs: int = 1


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One fold of one probe at one layer.

    seed: of the fold. train, test: how many readable images. accuracy: mean over classes, 0..1. cost: the C that was
    chosen; validation: its accuracy in the cross-validation. predicted (test,): the class of each test image;
    tested (test,): which images those are, by their index in the source.
    """

    probe: str
    layer: int | str
    seed: int
    train: int
    test: int
    accuracy: float
    cost: float
    validation: float
    predicted: list[int]
    tested: list[int]


def probe_layers(
    probing: Probing, svm: Sequence[int | str], softmax: Sequence[int | str] = (),
    on_layer: Callable[[int | str, Sequence[Outcome]], None] = lambda layer, outcomes: None,
) -> list[Outcome]:  # fmt: skip
    """An SVM at some layers, a softmax at some, every fold; on_layer(layer, its outcomes) hears of each that is done.

    One forward pass for all features that are missing, then one Gram matrix at a time in memory. Features that only a
    Gram matrix needs leave the disk when it is there; those of softmax layers, which are mostly small, stay. What was
    done before an interruption is read, not done again. Several processes (extraction.world) share the pass, the matrix
    and the folds. Raises ValueError for two names of one layer.
    """
    world = probing.extraction.world
    layers, extraction, folder = list(dict.fromkeys([*svm, *softmax])), probing.extraction, probing.folder
    named: dict[str, int | str] = {}
    for layer in layers:
        known = named.setdefault(output_of(extraction.network.model, layer), layer)
        if known != layer:
            raise ValueError(f"layers {known!r} and {layer!r} have the same output: name it in one way")
    wanted = [layer for layer in layers if layer in softmax or not is_kept(extraction, layer, folder)]
    world.wait()  # all have seen the same files
    features, every = extract(extraction, wanted, folder), []
    for layer in layers:
        outcomes = []
        if layer in svm:
            outcomes += _probe_svm_while_kept(probing, layer, delete_features=layer not in softmax)
        if layer in softmax:
            outcomes += probe_softmax(probing, layer, features[layer])
        if world.first:
            on_layer(layer, outcomes)
        every += outcomes
    return every


def _probe_svm_while_kept(probing: Probing, layer: int | str, *, delete_features: bool) -> list[Outcome]:
    kept = gram_while_kept(probing.extraction, layer, probing.folder, delete_features=delete_features)
    with kept as matrix:
        return probe_svm(probing, layer, matrix)


def probe_svm(probing: Probing, layer: int | str, matrix: NDArray[np.float64]) -> list[Outcome]:
    """A linear SVM on a layer's Gram matrix (n, n), an outcome a fold."""

    def fit(train: NDArray[np.int64], test: NDArray[np.int64], seed: int) -> Probe:
        own, others = matrix[np.ix_(train, train)], matrix[np.ix_(test, train)]
        return svm_probe(
            own, probing.labels[train], others,
            costs=probing.costs, splits=probing.splits, seed=seed, jobs=probing.jobs,
        )  # fmt: skip

    return _over_folds(probing, SVM, layer, np.isfinite(matrix.diagonal()), fit)


def probe_softmax(probing: Probing, layer: int | str, features: Features) -> list[Outcome]:
    """A new softmax on a layer's features kept fixed, an outcome a fold. Memory: all the layer's features, twice."""
    vectors = features.array()

    def fit(train: NDArray[np.int64], test: NDArray[np.int64], seed: int) -> Probe:
        own, others, labels = vectors[train], vectors[test], probing.labels[train]
        return softmax_probe(
            own, labels, others, costs=probing.costs, splits=probing.splits, seed=seed, jobs=probing.jobs
        )  # fmt: skip

    return _over_folds(probing, SOFTMAX, layer, np.isfinite(vectors[:, 0]), fit)


def _over_folds(probing: Probing, probe: str, layer: int | str, readable: NDArray[np.bool_], fit: Fit) -> list[Outcome]:
    """An outcome a fold, of its readable images; from the folder where it is known."""
    world = probing.extraction.world

    def of_fold(fold: Fold) -> Outcome:
        kept = Fold(train=fold.train[readable[fold.train]], test=fold.test[readable[fold.test]], seed=fold.seed)
        asked = {
            "probe": probe, "fold": _digest(kept, probing.labels), "seed": kept.seed,
            "costs": list(probing.costs), "splits": probing.splits,
        }  # fmt: skip
        compute = partial(_outcome, probing, probe=probe, layer=layer, fold=kept, fit=fit)
        of, *earlier = ({**identity, **asked} for identity in probing.extraction.identities(layer))
        found = remembered(probing.folder, of, compute, earlier)
        return Outcome(**{**found, "layer": layer})  # which may have had another name then

    own, drawn = probing.folds[world.rank :: world.size], probing.extraction.progress and world.first
    made = [of_fold(fold) for fold in track(own, f"layer {layer}, {probe}", unit="fold", enabled=drawn)]
    if world.size == 1:
        return made
    world.wait()
    return [of_fold(fold) for fold in probing.folds]  # all of them, as their processes have kept them


def _outcome(probing: Probing, *, probe: str, layer: int | str, fold: Fold, fit: Fit) -> dict[str, Any]:
    found = fit(fold.train, fold.test, fold.seed)
    accuracy = mean_class_accuracy(probing.labels[fold.test], found.predicted)
    tested = probing.extraction.indices[fold.test]
    return asdict(Outcome(
        probe=probe, layer=layer, seed=fold.seed, train=len(fold.train), test=len(fold.test), accuracy=accuracy,
        cost=found.cost, validation=found.validation, predicted=found.predicted.tolist(), tested=tested.tolist(),
    ))  # fmt: skip


def _digest(fold: Fold, labels: NDArray[np.int64]) -> str:
    parts = [part.tobytes() for images in (fold.train, fold.test) for part in (images, labels[images])]
    return hashlib.sha256(b"/".join(parts)).hexdigest()[:16]
