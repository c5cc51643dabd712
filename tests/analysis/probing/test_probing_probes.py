"""Probes against scikit-learn on the plain features, the softmax against its definition, accuracy against others'."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.svm import SVC

from zfnet import build_model
from zfnet.analysis.probing import (
    Extraction,
    Probing,
    coordinates,
    gram,
    mean_class_accuracy,
    probe_layers,
    remembered,
    softmax_probe,
    svm_probe,
)
from zfnet.data.folds import sample_folds
from zfnet.data.frame import InputFrame
from zfnet.network import Network


def blobs(numbers: int, each: int = 12, classes: int = 4, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Overlapping classes, positive numbers of unlike sizes: train, labels, test, labels."""
    generator = np.random.default_rng(seed)
    centres = generator.normal(0, 0.5, (classes, numbers))
    size = generator.gamma(1, 3, numbers)
    parts = []
    for _ in range(2):
        labels = generator.permutation(np.repeat(np.arange(classes), each)) + 7
        features = np.maximum(centres[labels - 7] + generator.normal(size=(len(labels), numbers)) + 0.5, 0) * size
        parts += [features, labels]
    return tuple(parts)


def spread(train: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.linalg.norm(train - train.mean(0), axis=1) ** 2)))


@pytest.mark.parametrize("numbers", [15, 300])
def test_the_gram_route_predicts_as_a_linear_svm_on_the_plain_features(numbers: int):
    train, labels, test, _ = blobs(numbers)
    found = svm_probe(train @ train.T, labels, test @ train.T, costs=(0.1, 1, 10), splits=3, seed=5)
    ways = StratifiedKFold(3, shuffle=True, random_state=5)
    plain = GridSearchCV(SVC(kernel="linear"), {"C": [0.1, 1, 10]}, cv=ways).fit(train / spread(train), labels)
    np.testing.assert_array_equal(found.predicted, plain.predict(test / spread(train)))
    assert (found.cost, found.validation) == (plain.best_params_["C"], pytest.approx(plain.best_score_))
    same = SVC(kernel="linear", C=found.cost / spread(train) ** 2).fit(train, labels)  # on features as they are
    np.testing.assert_array_equal(found.predicted, same.predict(test))


@pytest.mark.parametrize("numbers", [15, 80])
def test_the_softmax_is_the_minimum_of_its_loss(numbers: int):
    """Against scipy's minimum of the loss by definition, on all the features: fewer and more than the 48 images."""
    train, labels, test, _ = blobs(numbers)
    found = softmax_probe(train, labels, test, costs=[1.0], splits=3)
    own, others, truth = train / spread(train), test / spread(train), labels - 7

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights, bias = flat[:-4].reshape(4, -1), flat[-4:]
        logs = log_softmax(own @ weights.T + bias, axis=1)
        wrong = np.exp(logs) - np.eye(4)[truth]
        value = -logs[np.arange(len(truth)), truth].sum() + np.square(weights).sum() / 2
        return value, np.concatenate([(wrong.T @ own + weights).ravel(), wrong.sum(0)])

    best = minimize(loss, np.zeros(4 * numbers + 4), jac=True, options={"maxiter": 10_000, "gtol": 1e-5}).x
    expected = log_softmax(others @ best[:-4].reshape(4, -1).T + best[-4:], axis=1)
    assert found.scores is not None
    np.testing.assert_allclose(found.scores, expected, atol=0.01)
    np.testing.assert_array_equal(found.predicted, expected.argmax(1) + 7)
    assert found.classes.tolist() == [7, 8, 9, 10]


def test_the_penalty_is_the_cross_validations_and_knows_no_test_image():
    train, labels, test, _ = blobs(40, each=20)
    found = softmax_probe(train, labels, test, costs=[1e-4, 1.0], splits=4, seed=3)
    scaled = (train - train.mean(0)) / spread(train)
    scores = {}
    for cost in (1e-4, 1.0):
        model, right = LogisticRegression(C=cost, max_iter=1000), []
        for own, held in StratifiedKFold(4, shuffle=True, random_state=3).split(scaled, labels):
            right.append(np.mean(model.fit(scaled[own], labels[own]).predict(scaled[held]) == labels[held]))
        scores[cost] = np.mean(right)
    assert found.cost == max(scores, key=scores.__getitem__)
    assert found.validation == pytest.approx(max(scores.values()))
    some = softmax_probe(train, labels, test[:3] * 100, costs=[1e-4, 1.0], splits=4, seed=3)
    assert (some.cost, some.validation) == (found.cost, found.validation)


def test_of_penalties_that_do_as_well_the_strongest_is_taken():
    train, labels = np.repeat(10 * np.eye(3), 6, axis=0), np.repeat([0, 1, 2], 6)
    for probe in (
        partial(svm_probe, train @ train.T, labels, train @ train.T),
        partial(softmax_probe, train, labels, train),
    ):
        assert probe(costs=(100, 1, 10)).cost == 1


def test_rows_of_a_group_stay_together():
    """One image given for two labels: apart, its twin would tell the answer."""
    generator = np.random.default_rng(0)
    rows, labels = generator.normal(size=(40, 30)), np.arange(40) % 2
    doubled, twice, groups = np.tile(rows, (2, 1)), np.tile(labels, 2), np.tile(np.arange(40), 2)
    apart = softmax_probe(doubled, twice, rows, costs=[100.0])
    together = softmax_probe(doubled, twice, rows, costs=[100.0], groups=groups)
    assert apart.validation > 0.8
    assert together.validation < 0.7


def test_coordinates_have_the_features_products():
    train, _, test, _ = blobs(200)
    own, others = coordinates(train @ train.T, test @ train.T)
    assert own.shape[1] <= len(train)
    centre = train.mean(0)
    np.testing.assert_allclose(own @ own.T, (train - centre) @ (train - centre).T, atol=1e-8)
    np.testing.assert_allclose(others @ own.T, (test - centre) @ (train - centre).T, atol=1e-8)


def test_mean_class_accuracy_is_scikit_learns_balanced_accuracy():
    generator = np.random.default_rng(0)
    truth = generator.choice([3, 5, 9], 200, p=[0.8, 0.15, 0.05])
    predicted = np.where(generator.random(200) < 0.6, truth, generator.choice([3, 5, 9], 200))
    assert mean_class_accuracy(truth, predicted) == pytest.approx(balanced_accuracy_score(truth, predicted))
    assert mean_class_accuracy(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1])) == pytest.approx((2 / 3 + 1) / 2)


def test_features_kept_in_half_precision_are_summed_in_more():
    """Their squares sum to more than float16 holds: without care they would all be divided by infinity."""
    train, labels, test, _ = blobs(300)
    halves = [(400 * part / spread(train)).astype(np.float16) for part in (train, test)]
    assert np.square(halves[0].astype(float)).sum(axis=1).min() > np.finfo(np.float16).max
    found = softmax_probe(halves[0], labels, halves[1], costs=[0.1, 1.0], splits=3)
    full = softmax_probe(train, labels, test, costs=[0.1, 1.0], splits=3)
    assert found.scores is not None
    assert full.scores is not None
    np.testing.assert_allclose(found.scores, full.scores, atol=0.01)
    assert found.cost == full.cost


def test_a_layer_that_says_the_same_of_every_image_is_told():
    labels = np.repeat([0, 1], 6)
    for features in (np.zeros((12, 30)), np.ones((12, 5), np.float32)):
        for fit in (
            partial(svm_probe, features @ features.T, labels, features @ features.T),
            partial(softmax_probe, features, labels, features),
        ):
            with pytest.raises(ValueError, match="features of all training images are the same"):
                fit(splits=2)


@pytest.mark.parametrize(("costs", "told"), [([], r"costs=\[\], expected one or more"), ([0, 1], "each above 0")])
def test_penalties_that_are_none_are_told(costs: list[float], told: str):
    train, labels, _, _ = blobs(5)
    with pytest.raises(ValueError, match=told):
        softmax_probe(train, labels, train, costs=costs)
    with pytest.raises(ValueError, match="splits=1, expected 2 or more"):
        svm_probe(train @ train.T, labels, train @ train.T, splits=1)


@pytest.mark.parametrize(("labels", "told"), [([0, 0, 0, 1], "2 classes of 1"), ([0, 0, 0, 0], "1 classes of 4")])
def test_too_few_images_or_classes_are_told(labels: list[int], told: str):
    with pytest.raises(ValueError, match=told):
        svm_probe(np.eye(4), np.array(labels), np.eye(4), splits=3)


def test_results_are_remembered_until_what_they_depend_on_changes(tmp_path: Path):
    calls: list[int] = []

    def compute() -> dict[str, int]:
        calls.append(1)
        return {"value": len(calls)}

    assert remembered(tmp_path, {"a": 1}, compute) == remembered(tmp_path, {"a": 1}, compute) == {"value": 1}
    assert remembered(tmp_path, {"a": 2}, compute) == {"value": 2}
    for path in tmp_path.iterdir():
        path.write_text(path.read_text()[:-5])
    assert remembered(tmp_path, {"a": 1}, compute) == {"value": 3}
    assert remembered(tmp_path, {"a": 5}, compute, [{"a": 4}, {"a": 1}]) == {"value": 3}
    assert remembered(tmp_path, {"a": 5}, compute, [{"a": 4}]) == {"value": 4}


def test_layers_are_probed_over_folds_as_by_hand_and_once(array_source, tmp_path: Path, monkeypatch):
    torch.manual_seed(0)
    model = build_model("zfnet", num_classes=4, width=0.05, input_px=64).eval()
    frame = InputFrame(72, 64, torch.full((3, 1, 1), 110.0), torch.full((3, 1, 1), 60.0))
    source = array_source(count=80)
    extraction = Extraction(Network(model, frame, (), ()), source, np.arange(80), progress=False)
    folds = sample_folds(source.labels, 8, 6, folds=2)
    probing = Probing(extraction, source.labels, folds, tmp_path, costs=(0.1, 10.0), splits=3)
    heard: list[int | str] = []
    outcomes = probe_layers(probing, svm=[1, 5], softmax=[5], on_layer=lambda layer, own: heard.append(layer))
    assert [(one.probe, one.layer, one.seed) for one in outcomes] == [
        ("SVM", 1, 0), ("SVM", 1, 1), ("SVM", 5, 0), ("SVM", 5, 1), ("softmax", 5, 0), ("softmax", 5, 1),
    ]  # fmt: skip
    assert heard == [1, 5]
    assert not list(tmp_path.glob("features-norm1*"))  # only the Gram matrix needed them
    matrix, fold = gram(extraction, 5, tmp_path), folds[1]
    own = svm_probe(
        matrix[np.ix_(fold.train, fold.train)], source.labels[fold.train], matrix[np.ix_(fold.test, fold.train)],
        (0.1, 10.0), 3, fold.seed,
    )  # fmt: skip
    assert outcomes[3].predicted == own.predicted.tolist()
    assert outcomes[3].tested == fold.test.tolist()
    assert outcomes[3].accuracy == pytest.approx(balanced_accuracy_score(source.labels[fold.test], own.predicted))
    monkeypatch.setattr("zfnet.analysis.probing.depth.svm_probe", None)
    monkeypatch.setattr("zfnet.analysis.probing.extraction._compute", None)
    assert probe_layers(probing, svm=[1, 5], softmax=[5]) == outcomes
    named = probe_layers(probing, svm=["pool5"])  # the same layer by its module's name
    assert named == [replace(one, layer="pool5") for one in outcomes[2:4]]
    with pytest.raises(ValueError, match="layers 5 and 'pool5' have the same output"):
        probe_layers(probing, svm=[5], softmax=["pool5"])
    monkeypatch.setattr(type(source), "fingerprint", "as this version says it")
    source.earlier_fingerprints = ("arrays",)  # features, Gram matrices and results were kept by it
    again = replace(probing, extraction=replace(extraction))
    assert probe_layers(again, svm=[1, 5], softmax=[5]) == outcomes
