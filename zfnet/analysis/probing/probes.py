"""What a linear model makes of a layer's features: an SVM from their Gram matrix, or a new softmax.

Both find their penalty C by cross-validation within the training images and see no test image before it is settled.
So that a C means the same in every layer, features are first divided by their spread: the root of the mean squared
distance of the training images to their mean, one factor for all of a layer's numbers. (Each number by its own
deviation would be another geometry, which a Gram matrix cannot express.) The mean need not be subtracted: neither model
penalises its constant term, so that moving all features changes nothing. The softmax does subtract it, to converge
sooner.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import KernelPCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold, StratifiedKFold
from sklearn.svm import SVC

COSTS = (0.01, 0.1, 1.0, 10.0, 100.0)  # scikit-learn's C: smaller is a stronger penalty
MOST_STEPS = 2000
SAME = 1e-12  # of the mean square: what rounding of features in float64 leaves between equal images


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What a linear model says of m test images, from C classes.

    predicted (m,): the class of each. classes (C,): in the order of the scores. scores (m, C): log probabilities of the
    softmax; None for the SVM. cost: the C that was chosen. validation: its mean accuracy in the cross-validation, 0..1.
    """

    predicted: NDArray[np.int64]
    classes: NDArray[np.int64]
    scores: NDArray[np.float64] | None
    cost: float
    validation: float


def svm_probe(
    train_gram: NDArray[np.floating],
    labels: NDArray[np.int64],
    test_gram: NDArray[np.floating],
    costs: Sequence[float] = COSTS,
    splits: int = 5,
    seed: int = 0,
    jobs: int = 1,
) -> Probe:
    """A linear SVM, one class against one as in SVC(kernel="linear"), whose predictions it gives for features / spread.

    train_gram (n, n): products of the training images' features; test_gram (m, n): of each test image's with theirs.
    labels (n,). jobs: processes that share the cross-validation.

    Raises ValueError for costs and splits that no cross-validation can be made of, fewer than two classes or too few
    images of one, and images whose features are all the same.
    """
    variance = train_gram.diagonal().mean() - train_gram.mean()
    _check_spread(variance, train_gram.diagonal().mean())
    search = _search(SVC(kernel="precomputed"), labels, costs=costs, splits=splits, seed=seed, groups=None, jobs=jobs)
    search.fit(train_gram / variance, labels)
    return _probe(search, test_gram / variance, None)


def softmax_probe(
    train: NDArray[np.floating],
    labels: NDArray[np.int64],
    test: NDArray[np.floating],
    costs: Sequence[float] = COSTS,
    splits: int = 5,
    seed: int = 0,
    groups: NDArray[np.int64] | None = None,
    jobs: int = 1,
) -> Probe:
    """Softmax regression (multinomial logistic regression with an L2 penalty) on features kept fixed.

    train (n, d), labels (n,), test (m, d). More numbers than images are first turned into n `coordinates`, which
    changes nothing but the time. groups (n,): rows of one group stay together in the cross-validation, such as one
    image given once for each of its labels. Raises ValueError as `svm_probe` does.
    """
    kept = np.promote_types(train.dtype, np.float32)  # sums of squares pass the largest float16, 65,504
    train, test = train.astype(kept, copy=False), test.astype(kept, copy=False)
    size, centre = np.square(train).sum(axis=1).mean(), train.mean(axis=0)
    train, test = train - centre, test - centre  # (n, d), (m, d)
    variance = np.square(train).sum(axis=1).mean()
    _check_spread(variance, size)
    spread = np.sqrt(variance)
    train, test = train / spread, test / spread
    if train.shape[1] > len(train):
        train, test = coordinates(train @ train.T, test @ train.T)  # (n, r), (m, r)
    regression = LogisticRegression(max_iter=MOST_STEPS)
    search = _search(regression, labels, costs=costs, splits=splits, seed=seed, groups=groups, jobs=jobs)
    search.fit(train, labels, groups=groups)
    return _probe(search, test, search.predict_log_proba(test))


def coordinates(
    train_gram: NDArray[np.floating], test_gram: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """At most n numbers an image with the same products, about the training images' mean, as its features have.

    train_gram (n, n), test_gram (m, n), to (n, r) and (m, r): the principal components, none left out. A model that
    knows features by their products alone, as any linear one with an L2 penalty does, is the same on them.
    """
    components = KernelPCA(kernel="precomputed", eigen_solver="dense", remove_zero_eig=True)
    return components.fit_transform(train_gram.astype(np.float64)), components.transform(test_gram.astype(np.float64))


def mean_class_accuracy(truth: NDArray[np.int64], predicted: NDArray[np.int64]) -> float:
    """The mean, over the classes of the truth, of the share of a class's images that are recognised: 0..1.

    truth, predicted (m,): the class of each image.
    """
    right = truth == predicted
    return float(np.mean([right[truth == label].mean() for label in np.unique(truth)]))


def _search(
    model: SVC | LogisticRegression, labels: NDArray[np.int64], *, costs: Sequence[float], splits: int, seed: int,
    groups: NDArray[np.int64] | None, jobs: int,
) -> GridSearchCV:  # fmt: skip
    """The search for C: of those with the best accuracy the smallest, the strongest penalty."""
    if not costs or min(costs) <= 0:
        raise ValueError(f"costs={list(costs)}, expected one or more, each above 0: smaller is a stronger penalty")
    if splits < 2:
        raise ValueError(f"splits={splits}, expected 2 or more, for the cross-validation")
    classes, counts = np.unique(labels, return_counts=True)
    if len(classes) < 2 or counts.min() < splits:
        raise ValueError(
            f"{len(classes)} classes of {counts.min()} or more training images, expected two classes or more, each of "
            f"at least splits={splits} images, for the cross-validation"
        )
    kind: Any = StratifiedKFold if groups is None else StratifiedGroupKFold
    ways = kind(splits, shuffle=True, random_state=seed)
    return GridSearchCV(model, {"C": sorted(costs)}, scoring="accuracy", cv=ways, n_jobs=jobs)


def _check_spread(variance: float, size: float) -> None:
    """variance, size: mean squares of the training images' features, about their mean and about zero."""
    if not variance > SAME * size:
        raise ValueError(
            f"the features of all training images are the same (variance {variance:.3g} at a mean square of "
            f"{size:.3g}): the layer says nothing of these images; probe another, or look whether its units are dead"
        )


def _probe(search: GridSearchCV, test: NDArray[np.floating], scores: NDArray[np.float64] | None) -> Probe:
    return Probe(
        predicted=search.predict(test),
        classes=search.classes_,
        scores=scores,
        cost=float(search.best_params_["C"]),
        validation=float(search.best_score_),
    )
