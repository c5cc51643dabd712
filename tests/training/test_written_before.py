"""A checkpoint of an earlier version (commit 9bf92a4) still opens, and its run goes on as if it had not stopped.

written_before/checkpoint-1.pt: the fourth of six steps of the run below, the first of its second epoch.
"""

from pathlib import Path

import pytest
import torch

from zfnet import build_model
from zfnet.data import make_frame
from zfnet.network import open_network
from zfnet.training import Recipe, Trainer, load_checkpoint

CHECKPOINT = Path(__file__).parent / "written_before" / "checkpoint-1.pt"
ARGUMENTS = {"name": "zfnet", "num_classes": 4, "width": 0.02, "input_px": 64}


def the_run(array_source) -> Trainer:
    source, val = array_source(24, seed=0), array_source(8, seed=1)
    recipe = Recipe(
        epochs=2, batch_size=8, learning_rate=0.003, init="kaiming", input_scale="torchvision", views="anywhere"
    )
    return Trainer(build_model(**ARGUMENTS), recipe, make_frame("torchvision", source, 64), source, val, seed=5)


def test_its_run_goes_on_to_the_end_that_it_would_have_had(array_source):
    content = load_checkpoint(CHECKPOINT)
    whole, resumed = the_run(array_source), the_run(array_source)
    whole.fit()
    resumed.load_state({**content["trainer"], "model": content["model"]})
    assert (resumed.position.epoch, resumed.position.batch, resumed.position.step) == (1, 1, 4)
    assert resumed.fit()
    for ours, theirs in zip(whole.history, resumed.history, strict=True):
        assert theirs.train_loss == pytest.approx(ours.train_loss, rel=1e-5)  # of another processor, perhaps
        assert theirs.val_loss == pytest.approx(ours.val_loss, rel=1e-5)
        assert theirs.learning_rate == ours.learning_rate
    for name, tensor in whole.model.state_dict().items():
        assert torch.allclose(resumed.model.state_dict()[name], tensor, atol=1e-5), name


def test_it_opens_as_a_network():
    network = open_network(CHECKPOINT)
    assert network.arguments == ARGUMENTS
    assert network.wnids == ("n00000000", "n00000001", "n00000002", "n00000003")
    assert network.model(torch.zeros(1, 3, 64, 64)).shape == (1, 4)
