"""Images that are there no more stop a run before anything is saved; a data set with bad ones is trained on."""

import random
from pathlib import Path

import pytest
import torch
from array_source import ArraySource

from zfnet import build_model
from zfnet.data.frame import make_frame
from zfnet.data.source import UNREADABLE
from zfnet.network import Network
from zfnet.training import Checkpoints, Recipe, Trainer, VanishedImages, load_checkpoint
from zfnet.training.reading import UnreadableShare

ARGUMENTS = {"name": "zfnet", "num_classes": 4, "width": 0.05, "input_px": 64}


class Vanishing(ArraySource):
    """Of the images read after the first `there` ones every `every`-th is gone, as a disk or a folder may be."""

    def __init__(self, count: int, seed: int, folder: Path, there: int = 10**9, every: int = 1) -> None:
        super().__init__(count, 4, 72, seed)
        self.folder, self.there, self.every, self.count = folder, there, every, 0

    def read(self, indices):
        images, labels = super().read(indices)
        for place in range(len(indices)):
            self.count += 1
            if self.count > self.there and self.count % self.every == 0:
                labels[place] = UNREADABLE
        return images, labels

    def path(self, index):
        return str(self.folder / "n00000000" / f"{index}.JPEG")


def run(folder: Path, train: ArraySource, val: ArraySource, epochs: int = 3) -> Trainer:
    recipe = Recipe(epochs=epochs, batch_size=8, init="kaiming", input_scale="torchvision", learning_rate=0.001)
    frame = make_frame("torchvision", train, 64)
    network = Network(build_model(**ARGUMENTS), frame, train.wnids, train.names, ARGUMENTS)
    keeper = Checkpoints(folder, network, every_minutes=0.0)
    return Trainer(network.model, recipe, frame, train, val, observers=[keeper])


def test_a_folder_that_was_moved_away_stops_the_run_before_anything_is_saved(tmp_path: Path):
    gone = tmp_path / "images" / "train"
    gone.parent.mkdir()
    images = Vanishing(24, 0, gone, there=1 + 32)  # the frame takes one, to see whether it is grey
    trainer = run(tmp_path / "checkpoints", images, ArraySource(8, 4, 72, 1))
    with pytest.raises(VanishedImages, match=rf"none of the last 8 training images.*the folder {gone} is not there"):
        trainer.fit()
    saved = sorted(path.name for path in (tmp_path / "checkpoints").glob("step-*.pt"))
    assert saved == ["step-00000003.pt", "step-00000004.pt"]  # the batch after them was empty
    weights = load_checkpoint(tmp_path / "checkpoints" / saved[-1])["model"]
    whole = run(tmp_path / "whole", Vanishing(24, 0, gone), ArraySource(8, 4, 72, 1))
    whole._stop = lambda: whole.position.step == 4
    whole.fit()
    assert all(torch.equal(tensor, weights[name]) for name, tensor in whole.model.state_dict().items())


def test_a_disk_that_reads_only_some_of_them_stops_it_too(tmp_path: Path):
    images = Vanishing(400, 0, tmp_path / "images", there=400, every=4)
    trainer = run(tmp_path / "checkpoints", images, ArraySource(8, 4, 72, 1))
    told = r"only \d+ of the last 200 \(before: \d+ of \d+\) training images.*is not there.*resume=auto"
    with pytest.raises(VanishedImages, match=told):
        trainer.fit()
    assert 50 < trainer.position.step < 50 + 25


def test_what_was_seen_before_a_resume_counts(tmp_path: Path):
    first = run(tmp_path / "checkpoints", Vanishing(400, 0, tmp_path), ArraySource(8, 4, 72, 1))
    first._stop = lambda: first.position.step == 50
    first.fit()
    second = run(tmp_path / "others", Vanishing(400, 0, tmp_path, there=0, every=4), ArraySource(8, 4, 72, 1))
    second.load_state(first.state())
    with pytest.raises(VanishedImages, match=r"only 150 of the last 200 \(before: 400 of 400\)"):
        second.fit()


def test_validation_images_that_went_away_are_no_result(tmp_path: Path):
    val = Vanishing(240, 1, tmp_path / "val", there=240, every=4)
    trainer = run(tmp_path / "checkpoints", ArraySource(24, 4, 72, 0), val)
    told = r"only 180 of the last 240 \(before: 240 of 240\) validation images.*val is not there"
    with pytest.raises(VanishedImages, match=told):
        trainer.fit()
    assert len(trainer.history) == 1


def test_all_validation_images_went_away(tmp_path: Path):
    gone = tmp_path / "val"
    trainer = run(tmp_path / "checkpoints", ArraySource(24, 4, 72, 0), Vanishing(8, 1, gone, there=8))
    told = rf"none of the last 8 validation images.*the folder {gone} is not there.*resume=auto"
    with pytest.raises(VanishedImages, match=told):
        trainer.fit()
    assert [path.name for path in (tmp_path / "checkpoints").glob("step-*6.pt")] == ["step-00000006.pt"]


@pytest.mark.parametrize(("share", "batch"), [(0.0, 8), (0.02, 128), (0.06, 8), (0.06, 128), (0.2, 128)])
def test_a_data_set_with_bad_images_is_trained_on(share: float, batch: int):
    chance, watch = random.Random(0), UnreadableShare()
    for _ in range(60_000 // batch):
        assert watch.add(batch, sum(chance.random() < share for _ in range(batch))) is None
    later = [watch.add(batch, batch - batch // 16) for _ in range(200 // batch + 1)]
    assert any(later)


def test_a_batch_of_one_or_two_may_well_be_unreadable():
    watch = UnreadableShare()
    assert [watch.add(2, 2), watch.add(2, 0), watch.add(2, 2)] == [None] * 3
    assert watch.add(2, 2) == "none of the last 4"
