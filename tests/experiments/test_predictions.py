"""Averaged predictions against scipy and scikit-learn, refusals, and what is kept of them."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax
from sklearn.metrics import log_loss, top_k_accuracy_score
from torch import nn

from experiments.common.job import Run
from experiments.tables.kept_predictions import predictions, training_scores
from experiments.tables.runs import TableRun
from zfnet import build_model
from zfnet.data.frame import InputFrame, plain_frame
from zfnet.data.source import UNREADABLE
from zfnet.network import Network
from zfnet.training import Hardware, World, evaluate
from zfnet.training.scoring.ensemble import Predictions, averaged

WNIDS = tuple(f"n{index}" for index in range(9))


def random_predictions(seed: int, label: np.ndarray) -> tuple[Predictions, np.ndarray]:
    """Predictions, and the class scores they come from (N, C) float64."""
    scores = 3 * np.random.default_rng(seed).standard_normal((len(label), len(WNIDS)))
    scores[label < 0] = np.nan
    return Predictions(log_softmax(scores, 1).astype(np.float32), label, WNIDS, "data", f"w{seed}"), scores


def test_an_ensemble_is_the_mean_of_softmax_probabilities():
    label = np.random.default_rng(0).integers(0, 9, 300)
    members = [random_predictions(seed, label) for seed in range(1, 4)]
    mean = averaged([own for own, _ in members])
    expected = np.mean([softmax(scores, 1) for _, scores in members], axis=0)
    assert np.abs(np.exp(mean.log_probability) - expected).max() < 1e-6
    found, classes = mean.scores(), list(range(9))
    assert found.top1_error == pytest.approx(1 - top_k_accuracy_score(label, expected, k=1, labels=classes))
    assert found.top5_error == pytest.approx(1 - top_k_accuracy_score(label, expected, k=5, labels=classes))
    assert found.loss == pytest.approx(log_loss(label, expected, labels=classes), rel=1e-5)
    geometric = np.mean([log_softmax(scores, 1) for _, scores in members], axis=0).argmax(1)
    assert (geometric != mean.log_probability.argmax(1)).any()  # the other mean would give other answers


def test_images_that_could_not_be_read_do_not_count():
    label = np.array([0, 1, UNREADABLE, 3, 8])
    members = [random_predictions(seed, label) for seed in range(2)]
    found = averaged([own for own, _ in members]).scores()
    readable = label >= 0
    guess = np.mean([softmax(scores[readable], 1) for _, scores in members], axis=0).argmax(1)
    assert found.count == 4
    assert found.top1_error == (guess != label[readable]).mean()


def test_networks_of_other_classes_or_images_are_not_averaged():
    label = np.arange(9)
    first, second = (random_predictions(seed, label)[0] for seed in range(2))
    with pytest.raises(ValueError, match=r"same classes apart, these differ in n8, other"):
        averaged([first, replace(second, wnids=(*WNIDS[:-1], "other"))])
    with pytest.raises(ValueError, match="the same classes in another order"):
        averaged([first, replace(second, wnids=WNIDS[::-1])])
    with pytest.raises(ValueError, match=r"the same images: data data of 9 images and more of 9"):
        averaged([first, replace(second, data="more")])
    with pytest.raises(ValueError, match="the same images"):
        averaged([first, replace(second, label=label[::-1])])


def test_predictions_are_made_once_and_again_for_other_weights_images_precision_or_a_damaged_file(
    array_source, tmp_path: Path
):
    class Counting(type(array_source())):
        reads, told = 0, "arrays"

        @property
        def fingerprint(self) -> str:
            return self.told

        def read(self, indices):
            self.reads += len(indices)
            return super().read(indices)

    source, run = Counting(20, 4, 72, 0), Run(tmp_path, World(), Hardware(), None)
    torch.manual_seed(0)
    frame = InputFrame(72, 64, torch.from_numpy(source.mean()), torch.full((3, 1, 1), 60.0))
    network = Network(build_model("zfnet", 4, width=0.05, input_px=64), frame, source.wnids, source.names)
    row = TableRun(model="zfnet", seed=0, folder=tmp_path)

    def read_for(views: int = 1, run: Run = run) -> int:
        before = source.reads
        own = predictions(row, network, source, run, views=views, batch_size=8)
        assert own.scores().top1_error == (own.log_probability.argmax(1) != source.labels).mean()
        return source.reads - before

    assert [read_for(), read_for()] == [20, 0]
    assert [read_for(10), read_for(10), read_for()] == [20, 0, 0]
    half = replace(run, hardware=Hardware(precision="bfloat16"))
    assert [read_for(run=half), read_for(run=half), read_for()] == [20, 0, 0]
    with torch.no_grad():
        network.model.fc8.bias += 1
    assert [read_for(), read_for()] == [20, 0]
    path = tmp_path / "predictions-1views.npz"
    np.save(path.with_suffix(".npy"), np.zeros(3))
    with np.load(path) as file:
        np.savez(tmp_path / "few.npz", **{**file, "label": file["label"][:3]})
    (tmp_path / "cut.npz").write_bytes(path.read_bytes()[:100])
    for damaged in ("cut.npz", "few.npz", "predictions-1views.npy"):
        path.write_bytes((tmp_path / damaged).read_bytes())
        assert [read_for(), read_for()] == [20, 0]
    source.told, source.earlier_fingerprints = "as this version says it", ("arrays",)
    assert read_for() == 0
    source.told, source.earlier_fingerprints = "other images", ()
    assert [read_for(), read_for()] == [20, 0]
    before, expected = source.reads, asdict(evaluate((network.model, frame), source, views=10))
    for _ in range(2):
        scores = training_scores(row, network, source, run, views=10, batch_size=8)
        assert asdict(scores) == pytest.approx(expected, rel=1e-6)
    source.told, source.earlier_fingerprints = "as this version says it", ("other images",)
    scores = training_scores(row, network, source, run, views=10, batch_size=8)
    assert asdict(scores) == pytest.approx(expected, rel=1e-6)
    assert source.reads - before == 40
    (tmp_path / "training_scores-10views.json").write_text("")
    assert asdict(training_scores(row, network, source, run, views=10, batch_size=8)) == pytest.approx(
        expected, rel=1e-6
    )
    assert not list(tmp_path.glob("*.partial"))


class NotANumber(nn.Module):
    """Tells images apart by their brightness, and answers NaN for bright ones."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(1, len(WNIDS))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        brightness = images.mean((1, 2, 3))[:, None]  # (B, 1)
        return torch.where(brightness > 128, torch.nan, self.fc(brightness / 255))  # (B, 9)


@pytest.fixture
def half_answered(array_source, tmp_path: Path):
    """20 images of which 3 and 4 cannot be read and 5 to 9 are answered with NaN: a row, its network, the images."""

    class PartlyReadable(type(array_source())):
        reads = 0

        def read(self, indices):
            self.reads += len(indices)
            images, labels = super().read(indices)
            return images, torch.where(torch.isin(torch.as_tensor(indices), torch.tensor([3, 4])), UNREADABLE, labels)

    source = PartlyReadable(20, len(WNIDS), 72, 0)
    source.images[:5], source.images[5:10], source.images[10:] = 0, 255, 40
    network = Network(NotANumber().eval(), plain_frame(72, 64), source.wnids, source.names)
    return TableRun(model="zfnet", seed=0, folder=tmp_path), network, source


def test_images_that_a_network_answers_with_nan_count_as_wrong_and_not_as_unreadable(half_answered, tmp_path: Path):
    row, network, source = half_answered
    run = Run(tmp_path, World(), Hardware(), None)
    found = predictions(row, network, source, run, views=1, batch_size=8)
    expected = source.labels.copy()
    expected[3:5] = UNREADABLE
    assert found.label.tolist() == expected.tolist()
    assert np.flatnonzero(np.isnan(found.log_probability).any(1)).tolist() == list(range(3, 10))
    readable = np.r_[0:3, 10:20]
    guess = found.log_probability[readable].argmax(1)
    wrong = (guess != source.labels[readable]).sum() + 5
    scores = found.scores()
    assert (scores.count, scores.top1_error) == (18, wrong / 18)
    measured = evaluate((network.model, network.frame), source)
    assert (measured.count, measured.top1_error) == (scores.count, scores.top1_error)


def test_predictions_of_before_are_read_unless_they_took_nan_for_unreadable(half_answered, tmp_path: Path):
    row, network, source = half_answered
    run, path = Run(tmp_path, World(), Hardware(), None), tmp_path / "predictions-1views.npz"
    made = predictions(row, network, source, run, views=1, batch_size=8)
    with open(path, "wb") as file:
        np.savez(file, **asdict(replace(made, label=np.where(np.isnan(made.log_probability).any(1), -100, made.label))))
    assert predictions(row, network, source, run, views=1, batch_size=8).label.tolist() == made.label.tolist()
    before = source.reads
    with open(path, "wb") as file:
        np.savez(file, **asdict(replace(made, label=source.labels)))
    assert predictions(row, network, source, run, views=1, batch_size=8).label.tolist() == source.labels.tolist()
    assert source.reads == before
