"""Errors against scikit-learn, views and ensembles against averages written out."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.metrics import log_loss, top_k_accuracy_score

from zfnet import build_model
from zfnet.data.frame import InputFrame
from zfnet.data.source import UNREADABLE
from zfnet.data.views import crop_views, ten_views
from zfnet.training.scoring.evaluation import evaluate, log_probabilities
from zfnet.training.scoring.tally import scores_of, tally_of


@pytest.fixture
def setting(array_source):
    torch.manual_seed(0)
    source = array_source(37, classes=8, side_px=72)
    frame = InputFrame(72, 64, torch.from_numpy(source.mean()), torch.full((3, 1, 1), 60.0))
    return outspoken(source, frame), source, frame


@torch.no_grad()
def outspoken(source, frame) -> torch.nn.Module:
    """A network whose answers differ from view to view: as it is drawn it gives an eighth to each class of any."""
    model = build_model("zfnet", 8, width=0.1, input_px=64).double().eval()
    images, views = source.read(range(5))[0], ten_views(72, 64)
    scores = torch.cat([model(crop_views(images, views[torch.full((5,), view)], frame).double()) for view in range(10)])
    last, deviation = model.get_submodule("fc8"), scores.std(0).mean()
    last.weight *= 3 / deviation
    last.bias.copy_((last.bias - scores.mean(0)) * 3 / deviation)  # the mean over images and views is 0
    return model.train()


def test_tally_is_scikit_learns():
    generator = torch.Generator().manual_seed(0)
    logs = F.log_softmax(3 * torch.randn(200, 11, dtype=torch.float64, generator=generator), dim=1)
    labels = torch.randint(0, 11, (200,), generator=generator)
    scores = scores_of(tally_of(logs, labels))
    classes = list(range(11))
    assert scores.top1_error == pytest.approx(1 - top_k_accuracy_score(labels, logs.numpy(), k=1, labels=classes))
    assert scores.top5_error == pytest.approx(1 - top_k_accuracy_score(labels, logs.numpy(), k=5, labels=classes))
    assert scores.loss == pytest.approx(log_loss(labels, logs.exp().numpy(), labels=classes))


def test_ties_fall_to_the_lower_class_and_nan_is_an_error():
    logs = torch.zeros(3, 4)
    assert tally_of(logs, torch.tensor([0, 1, 3])).sums[1:3].tolist() == [2, 0]
    assert tally_of(torch.full((2, 8), float("nan")), torch.tensor([0, 7])).sums[1:3].tolist() == [2, 2]


def test_unreadable_images_do_not_count():
    logs = F.log_softmax(torch.eye(4), dim=1)
    counted = tally_of(logs, torch.tensor([0, UNREADABLE, 2, 0]))
    assert counted.images == 3
    assert counted.means().top1_error == 1 / 3
    with pytest.raises(ValueError, match="not one image could be read"):
        scores_of(tally_of(logs, torch.full((4,), UNREADABLE)))


def test_every_image_counts_once_whatever_the_batch(setting):
    model, source, frame = setting
    model.float()
    results = [evaluate((model, frame), source, batch_size=size) for size in (5, 37, 64)]
    assert {result.count for result in results} == {37}
    assert {result.top1_error for result in results} == {results[0].top1_error}


def test_ten_views_average_probabilities(setting):
    model, source, frame = setting
    model.float().eval()
    images, _ = source.read(range(3))
    views = ten_views(72, 64)
    with torch.no_grad():
        scores = torch.stack([model(crop_views(images, views[torch.full((3,), view)], frame)) for view in range(10)])
    of_views = scores.softmax(2)  # (10, 3, 8)
    assert of_views.std(0).amax() > 0.1
    mean = of_views.mean(0)
    assert (scores.mean(0).softmax(1) - mean).abs().max() > 0.01  # not what averaging scores would give
    assert (of_views.log().mean(0).softmax(1) - mean).abs().max() > 0.01  # nor logarithms
    assert torch.allclose(log_probabilities(model, images, frame, 10).exp(), mean, atol=1e-6)


def test_an_ensemble_averages_probabilities(setting):
    first, source, frame = setting
    second = outspoken(source, frame).float()
    kept: dict[str, list[torch.Tensor]] = {"a": [], "b": [], "both": []}

    def keep(name):
        return lambda indices, labels, logs: kept[name].append(logs.exp())

    a, b = (first.float(), frame), (second, frame)
    evaluate(a, source, on_batch=keep("a"))
    evaluate(b, source, on_batch=keep("b"))
    scores = evaluate([a, b], source, on_batch=keep("both"))
    mean = (torch.cat(kept["a"]) + torch.cat(kept["b"])) / 2
    assert (torch.cat(kept["a"]) - torch.cat(kept["b"])).abs().max() > 0.1
    assert torch.allclose(torch.cat(kept["both"]), mean, atol=1e-6)
    assert scores.top1_error == pytest.approx(np.mean(mean.argmax(1).numpy() != source.labels))


def test_evaluation_leaves_the_model_as_it_was(setting):
    model, source, frame = setting
    model.float().train()
    model.get_submodule("drop6").eval()
    modes = [module.training for module in model.modules()]
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    evaluate((model, frame), source)
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_three_views_are_not_a_choice(setting):
    model, source, frame = setting
    with pytest.raises(ValueError, match="views=3, expected 1"):
        evaluate((model.float(), frame), source, views=3)
