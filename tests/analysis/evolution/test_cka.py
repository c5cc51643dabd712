"""Linear CKA against its definitions, written out in numpy; and when a layer counts as settled."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from zfnet.analysis.evolution.cka import centred_gram, linear_cka, settling_epoch

N = 12


def features(seed: int, count: int = N, numbers: int = 40) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, numbers)) + 3


def gram(values: np.ndarray) -> np.ndarray:
    return centred_gram(torch.from_numpy(values))


def hsic(k: np.ndarray, other: np.ndarray) -> float:
    """tr(K H L H) / (n - 1)^2 (Gretton et al. 2005)."""
    h = np.eye(len(k)) - 1 / len(k)
    return float(np.trace(k @ h @ other @ h)) / (len(k) - 1) ** 2


def unbiased_hsic(k: np.ndarray, other: np.ndarray) -> float:
    """Song et al. 2012, equation 5."""
    k, other = (m - np.diag(np.diag(m)) for m in (k, other))
    n, one = len(k), np.ones(len(k))
    mean = one @ k @ one * (one @ other @ one) / ((n - 1) * (n - 2))
    return float((np.trace(k @ other) + mean - 2 / (n - 2) * (one @ k @ other @ one)) / (n * (n - 3)))


@pytest.mark.parametrize("debiased", [False, True])
def test_it_is_the_hsic_of_the_gram_matrices_normalised(debiased: bool):
    x, y = features(0), features(1, numbers=7)
    y[:, :3] += 2 * x[:, :3]
    measure = unbiased_hsic if debiased else hsic
    k, other = x @ x.T, y @ y.T  # not centred: the definitions do that
    expected = measure(k, other) / np.sqrt(measure(k, k) * measure(other, other))
    assert linear_cka(gram(x), gram(y), debiased=debiased) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("debiased", [False, True])
def test_rotation_scale_and_shift_change_nothing_another_map_does(debiased: bool):
    x = features(0)
    rotation, _ = np.linalg.qr(np.random.default_rng(2).normal(size=(40, 40)))
    assert linear_cka(gram(x), gram(-5 * x @ rotation + 100), debiased=debiased) == pytest.approx(1, abs=1e-5)
    assert linear_cka(gram(x), gram(x @ np.diag(np.arange(40.0))), debiased=debiased) < 0.95


def test_unrelated_features_are_alike_only_where_the_bias_makes_them():
    pairs = [(gram(features(2 * n, 20, 2000)), gram(features(2 * n + 1, 20, 2000))) for n in range(8)]
    assert np.mean([linear_cka(*pair) for pair in pairs]) > 0.9
    assert abs(np.mean([linear_cka(*pair, debiased=True) for pair in pairs])) < 0.1


def test_rows_that_do_not_differ_have_no_similarity_and_other_rows_are_refused():
    assert np.isnan(linear_cka(np.zeros((5, 5), np.float32), gram(features(0, 5))))
    with pytest.raises(ValueError, match=r"\(5, 5\) and \(6, 6\)"):
        linear_cka(gram(features(0, 5)), gram(features(0, 6)))
    with pytest.raises(ValueError, match="4 or more to debias"):
        linear_cka(gram(features(0, 3)), gram(features(1, 3)), debiased=True)


@pytest.mark.parametrize(
    ("similarity", "settled"),
    [
        ([0.2, 0.95, 0.96, 1], 1),
        ([0.95, 0.8, 0.96, 1], 2),  # what it had at first it lost again
        ([0.1, 0.2, 0.89, 1], 5),
        ([0.9, 0.9, 0.9, 1], 0),
        ([0.95, float("nan"), 0.95, 1], 2),
        ([0.95, 0.95, 0.95, float("nan")], 0),  # the last is like itself by definition
    ],
)
def test_a_layer_settles_where_it_stays_like_the_last(similarity: list[float], settled: int):
    assert settling_epoch([0, 1, 2, 5], similarity, 0.9) == settled
