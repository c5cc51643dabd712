"""A run that dies at any moment of saving leaves whole files, and resumed it has every file of one that did not."""

import os
import shutil
from pathlib import Path

import pytest
import torch

from zfnet import build_model
from zfnet.data.frame import make_frame
from zfnet.network import Network
from zfnet.training import Checkpoints, Observer, Recipe, Trainer, load_checkpoint, newest_checkpoint

ARGUMENTS = {"name": "zfnet", "num_classes": 4, "width": 0.02, "input_px": 64}
NAMES = ["best.pt", "epoch-0001.pt", "epoch-0002.pt", "step-00000002.pt", "step-00000004.pt"]


class StepCounter(Observer):
    count = 0

    def on_step(self, trainer, report):
        self.count += 1


def run(folder: Path, array_source, every_minutes: float = 10.0) -> Trainer:
    source, val = array_source(16), array_source(8, seed=1)
    recipe = Recipe(epochs=2, batch_size=8, init="kaiming", input_scale="torchvision", learning_rate=0.003)
    frame = make_frame("torchvision", source, 64)
    network = Network(build_model(**ARGUMENTS), frame, source.wnids, source.names, ARGUMENTS)
    keeper = Checkpoints(folder, network, every_minutes, epochs=(1, 2))
    return Trainer(network.model, recipe, frame, source, val, observers=[keeper])


def resume(folder: Path, array_source) -> Trainer:
    trainer, found = run(folder, array_source), newest_checkpoint(folder)
    if found is not None:
        trainer.load_state({**found[1]["trainer"], "model": found[1]["model"]})
    return trainer


def saved(folder: Path) -> dict[str, tuple[int, dict[str, torch.Tensor]]]:
    """The epochs and the weights of every checkpoint, all of them whole."""
    found = {path.name: load_checkpoint(path) for path in folder.glob("*.pt")}
    return {name: (content["trainer"]["position"]["epoch"], content["model"]) for name, content in found.items()}


def same(one: dict, two: dict) -> bool:
    return one.keys() == two.keys() and all(
        one[name][0] == two[name][0] and all(torch.equal(one[name][1][key], two[name][1][key]) for key in one[name][1])
        for name in one
    )


@pytest.mark.parametrize("links", [True, False])
def test_killed_at_any_moment_it_ends_with_the_same_files(tmp_path: Path, array_source, monkeypatch, links: bool):
    def no_links(*paths):
        raise OSError("Operation not permitted")

    if not links:
        monkeypatch.setattr(os, "link", no_links)
    folder, moments = tmp_path / "whole", []

    def kept_before(call):
        def keep(*arguments, **options):
            moments.append(tmp_path / str(len(moments)))
            shutil.copytree(folder, moments[-1])
            return call(*arguments, **options)

        return keep

    with monkeypatch.context() as patch:
        for name in ("replace", "link", "unlink"):
            patch.setattr(os, name, kept_before(getattr(os, name)))
        run(folder, array_source).fit()
    expected = saved(folder)
    assert sorted(expected) == NAMES
    assert len(moments) >= 12
    for left in moments:
        found, files = newest_checkpoint(left), saved(left)  # none is damaged
        epochs = 0 if found is None else len(found[1]["trainer"]["history"])
        assert {f"epoch-{epoch + 1:04d}.pt" for epoch in range(epochs)} <= files.keys()  # the newest vouches for them
        assert resume(left, array_source).fit()
        assert same(saved(left), expected), f"killed at call {left.name}"
        assert not list(left.glob("*.partial"))


def test_a_run_whose_best_file_was_lost_writes_it_when_it_goes_on(tmp_path: Path, array_source):
    """As earlier versions left it where they were killed between two renames."""
    trainer = run(tmp_path, array_source)
    trainer._stop = lambda: trainer.position.step == 3
    trainer.fit()
    content = load_checkpoint(tmp_path / "epoch-0001.pt")
    for name in ("best.pt", "epoch-0001.pt", "step-00000003.pt"):
        (tmp_path / name).unlink()
    (tmp_path / "best.pt").write_bytes(b"")
    assert content["trainer"]["observers"]["checkpoints"]["best"] < 1
    again = resume(tmp_path, array_source)
    again._stop = lambda: True
    again.fit()
    for name in ("best.pt", "epoch-0001.pt"):
        assert load_checkpoint(tmp_path / name)["trainer"]["position"] == content["trainer"]["position"]


def test_a_best_epoch_is_written_once(tmp_path: Path, array_source):
    trainer = run(tmp_path, array_source)
    trainer._stop = lambda: trainer.position.step == 3
    trainer.fit()
    best, first = tmp_path / "best.pt", tmp_path / "epoch-0001.pt"
    assert best.samefile(first)
    assert best.samefile(tmp_path / "step-00000002.pt")
    assert not best.samefile(tmp_path / "step-00000003.pt")


def test_what_comes_before_a_validation_is_saved_before_it(tmp_path: Path, array_source):
    """A second SIGTERM during a long validation costs nothing: the epoch's training is not done again."""

    class Interrupted(type(array_source())):
        def read(self, indices):
            raise KeyboardInterrupt

    trainer = run(tmp_path, array_source)
    trainer.val = Interrupted(8, 4, 72, 1)
    with pytest.raises(KeyboardInterrupt):
        trainer.fit()
    run(tmp_path / "whole", array_source).fit()
    again = resume(tmp_path, array_source)
    assert (again.position.batch, again.position.step) == (2, 2)
    steps = StepCounter()
    again.observers.append(steps)
    again.fit()
    assert steps.count == 2  # those of the second epoch
    assert same(saved(tmp_path), saved(tmp_path / "whole"))
